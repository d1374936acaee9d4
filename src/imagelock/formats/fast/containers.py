"""Find the containers of a block-style object around its ``image:`` keys, with regular expressions.

The list item above a key, the ``containers:`` above that, and the keys up to the root decide.  Text in block
scalars and quotes is swept aside first.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.classify.unmatched import IMAGE_LINE, loose_line
from imagelock.formats.fast.plain import NeedsParser, line_around, refuse_unless_harmless
from imagelock.formats.kubernetes.objects import name as FORMAT  # noqa: N812 - a constant of that module
from imagelock.formats.syntax.tree import STRING_TAG, plain_tag
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, Slot, Span
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

# Patterns begin with a literal, a line's break above all: `^` over many lines costs ten times as much.
_STEPS = 50_000
_OPENINGS = {
    "|": lazy_regex(r" \|[-+0-9]* *(?:#[^\n]*)?(?=\n|\Z)"),
    ">": lazy_regex(r" >[-+0-9]* *(?:#[^\n]*)?(?=\n|\Z)"),
    '"': lazy_regex(r" \"(?=[^\"\\\n]*+(?:\\.[^\"\\\n]*+){0,1000}\\?(?:\n|\Z)|(?:[^\"\\\n]*+\\.){1000})"),
    "'": lazy_regex(r" '(?=[^'\n]*+(?:''[^'\n]*+){0,1000}(?:\n|\Z)|(?:[^'\n]*+''){1000})"),
}
"""The header of a block scalar, or a quote that does not close on its line, by the sign both have.

A thousand escapes are enough to be taken for one: ``re`` keeps a state for each repetition of a group.
"""
_BEFORE_KEY = lazy_regex(r"(?P<to_key> *(?:- +)*)(?:[^\s#\"'\[{|>-](?:(?!: | #).)*|\"[^\"]*\"|'[^']*')")
_BEFORE_DASH = lazy_regex(r" *(?:- +)*")
_KEY_COLON = lazy_regex(r"image[\"']?[ ]*:")
# The one form that is read without a parser: a plain or quoted word of a reference's characters, with at
# most a comment after it.
_PLAIN_LINE = lazy_regex(
    r" *(?P<dash>- +)?image: +(?P<quote>[\"']?)(?P<text>[A-Za-z0-9][A-Za-z0-9./:@_+-]*)(?P=quote) *(?: #[^\n]*)?"
)
_CONTAINERS = lazy_regex(r"( *)(containers|initContainers|ephemeralContainers): *(?:#[^\n]*)?")
_PARENT = lazy_regex(r" *([A-Za-z0-9_./-]+): *(?:#[^\n]*)?")
_NO_PROSE = ":/@{<[#%"
"""What an image or a template has and mere words behind ``image:`` have not."""
_TO_WORD = lazy_regex(r"[ \n]*")


@dataclass(slots=True)
class _List:
    """A list of containers: the key's path, where its items begin, and the items counted so far."""

    path: str
    dash: int
    counted: int
    items: int = -1


@dataclass(slots=True)
class ContainerReader:
    """Reads one document (``start`` to ``end`` of the text, ``index`` in its stream) around its ``image`` keys."""

    text: Text
    start: int
    end: int
    index: int
    regions: list[tuple[int, int, str]] = field(default_factory=list)
    lists: dict[int, _List] = field(default_factory=dict)
    texts: dict[int, bool] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    steps: int = 0
    sought: int = 0
    """How far a list of containers was looked for, and where the last one stood."""
    latest: int = -1

    def found(self, keys: list[int]) -> Iterator[Found]:
        """Yield places and the lines in texts that look like images; ``keys`` are where ``image:`` is."""
        self.regions = list(self.sweep())
        content = self.text.content
        starts = [region[0] for region in self.regions]
        for at in keys:
            if not _KEY_COLON.match(content, at):
                raise NeedsParser
            i = bisect_right(starts, at) - 1
            if i >= 0 and at < self.regions[i][1]:
                yield from self.inside(at, *self.regions[i])
                continue
            place = self.place(at)
            if place is not None:
                yield place

    def sweep(self) -> Iterator[tuple[int, int, str]]:
        """Yield the ranges of block scalars and of quotes that run over lines, one after the other."""
        content, start, end = self.text.content, self.start, self.end
        openings = [
            (match.start(), match.end(), sign)
            for sign, pattern in _OPENINGS.items()
            if content.find(sign, start, end) >= 0
            for match in pattern.finditer(content, start, end)
        ]
        at = start
        for begin, after, sign in sorted(openings):
            column = self.opening_column(begin) if begin >= at else None
            if column is None:
                continue
            if sign in "|>":
                shallow = _shallow(column).search(content, after, end)
                at = shallow.start() + 1 if shallow else end
                yield after + 1, at, sign
                continue
            at = self.closing(sign, after)
            if _shallow(column).search(content, after, at):
                # A text further out than its key may hold lines that look like keys and items around it.
                raise NeedsParser
            yield after, at, sign

    def closing(self, sign: str, at: int) -> int:
        """Return what is behind the quote that closes a text."""
        content = self.text.content
        while (close := content.find(sign, at, self.end)) >= 0:
            escapes = len(content[at:close]) - len(content[at:close].rstrip("\\"))
            if sign == "'" and content.startswith("''", close):
                at = close + 2
            elif sign == '"' and escapes % 2:
                at = close + 1
            else:
                return close + 1
        raise NeedsParser

    def opening_column(self, at: int) -> int | None:
        """Return the column of the key or dash that a value behind blanks belongs to.

        None inside a comment or plain text; raises where a value is alone on its line.
        """
        content = self.text.content
        line, _ = line_around(content, self.start, self.end, at)
        mark = len(content[line:at].rstrip(" ")) + line - 1
        if mark < line:
            raise NeedsParser
        if content[mark] == "-":
            before = _BEFORE_DASH.fullmatch(content, line, mark)
            return None if before is None else mark - line
        key = _BEFORE_KEY.fullmatch(content, line, mark) if content[mark] == ":" else None
        return None if key is None else key.end("to_key") - line

    def inside(self, at: int, begin: int, stop: int, style: str) -> Iterator[Found]:
        """Report a line in a literal text that looks like an image; raise where a folded text may hold one."""
        content = self.text.content
        line, after = line_around(content, begin, self.end, at)
        if style == "|":
            if content.find("\n", begin, stop - 1) < 0 or self.holds_objects(begin, stop):
                # Whether a single line is a text of lines is for the header's sign to say.
                raise NeedsParser
            match = IMAGE_LINE.match(content, line, stop)
            if match is not None and match.start() <= at < match.start("text"):
                position = self.text.position(match.start("text"))
                skipped = loose_line(match["text"], position, "inside a text")
                if skipped is not None:
                    yield skipped
            return
        words = content[content.index(":", at) + 1 : after]
        if not words.strip() or any(sign in words for sign in _NO_PROSE):
            raise NeedsParser

    def holds_objects(self, begin: int, stop: int) -> bool:
        """Whether a text may hold Kubernetes objects, told once for all its lines."""
        if begin not in self.texts:
            self.texts[begin] = self.text.content.find("apiVersion", begin, stop) >= 0
        return self.texts[begin]

    def place(self, at: int) -> Place | None:
        """Judge one ``image`` key outside all texts; None for one that is not a key or has no value."""
        content = self.text.content
        line, stop = line_around(content, self.start, self.end, at)
        match = _PLAIN_LINE.fullmatch(content, line, stop)
        if match is None:
            if not content[line:at].strip(" -"):
                raise NeedsParser
            refuse_unless_harmless(content, line, at, stop)
            if not any(sign in content[line:at] for sign in (": ", "#")):
                # A key of several words, the last of them image.
                raise NeedsParser
            return None
        column = content.index("image", line) - line
        is_string = match["quote"] or plain_tag(match["text"]) == STRING_TAG
        if not is_string or self.continues(stop, column):
            raise NeedsParser
        item = line if match["dash"] else self.item_above(line, column)
        if item in self.seen:
            # A second image of one container: the parser knows which of the two counts.
            raise NeedsParser
        self.seen.add(item)
        dash = content.index("-", item) - item
        return self.made(match, self.list_of(item, dash))

    def continues(self, stop: int, column: int) -> bool:
        """Whether the next line with words is deeper than a key: a plain value may run over lines."""
        blanks = _TO_WORD.match(self.text.content, stop, self.end)
        word = blanks.end() if blanks else stop
        return word < self.end and word - self.text.content.rfind("\n", stop, word) - 1 > column

    def item_above(self, line: int, column: int) -> int:
        """Return the line of the list item whose key at ``column`` we are at."""
        content = self.text.content
        if column < 2:
            raise NeedsParser
        found = content.rfind("\n" + " " * (column - 2) + "- ", self.start, line)
        if found < 0:
            raise NeedsParser
        item = found + 1
        if content[item + column : item + column + 1] in (" ", "-", "#", "\n", ""):
            raise NeedsParser
        if _shallower(column).search(content, content.find("\n", item), line):
            raise NeedsParser
        return item

    def list_of(self, item: int, dash: int) -> _List:
        """Return the list of containers that an item belongs to, its index counted."""
        content = self.text.content
        found = content.rfind("ontainers:", self.sought or self.start, item)
        self.latest = found = self.latest if found < 0 else found
        if found < 0 or item < self.sought:
            raise NeedsParser
        self.sought = item
        head = content.rfind("\n", self.start, found) + 1 or self.start
        body = content.find("\n", found) + 1
        known = self.lists.get(head)
        if known is None:
            match = _CONTAINERS.fullmatch(content, head, body - 1)
            if match is None or len(match[1]) > dash or self.inside_text(head):
                raise NeedsParser
            known = _List(self.path_of(head, len(match[1])) + match[2], dash, body)
            self.lists[head] = known
        if (
            known.dash != dash
            or known.counted > item
            or _outside(dash).search(content, known.counted - 1, item)
        ):
            raise NeedsParser
        stop = content.find("\n", item) + 1 or self.end
        known.items += content.count("\n" + " " * dash + "- ", known.counted - 1, stop)
        known.counted = stop
        return known

    def inside_text(self, at: int) -> bool:
        """Whether an offset is in a block scalar or in a quote over lines."""
        i = bisect_right(self.regions, at, key=lambda region: region[0]) - 1
        return i >= 0 and at < self.regions[i][1]

    def path_of(self, line: int, indent: int) -> str:
        """Return the dotted path above a key, with a final dot; every key above must be a plain one."""
        content = self.text.content
        keys: list[str] = []
        while indent > 0:
            self.steps += 1
            # Each list walks up on its own: what has thousands of them is quicker with a parser.
            if line <= self.start or self.steps > _STEPS:
                raise NeedsParser
            above = content.rfind("\n", self.start, line - 1) + 1 or self.start
            written = content[above : line - 1]
            line = above
            depth = len(written) - len(written.lstrip(" "))
            if depth >= indent or not written.strip() or written[depth] == "#":
                continue
            match = _PARENT.fullmatch(written)
            if match is None or self.inside_text(above):
                raise NeedsParser
            keys.append(match[1])
            indent = depth
        return "".join(f"{key}." for key in reversed(keys))

    def made(self, match: re.Match[str], containers: _List) -> Place:
        """Return the place of a container's image; raises for what is not a reference."""
        try:
            reference = Reference.parse(match["text"])
        except InvalidValueError as error:
            raise NeedsParser from error
        start, end = match.span("text")
        line, column = self.text.position(start)
        return Place(
            reference=reference,
            slots=(Slot(span=Span.plain(start, end), text=match["text"]),),
            line=line,
            column=column,
            document=self.index,
            path=f"{containers.path}[{containers.items}].image",
            format=FORMAT,
        )


@lru_cache(maxsize=256)
def _shallow(column: int) -> re.Pattern[str]:
    """Match a line that is no deeper than a column and not blank: it ends a block scalar."""
    return re.compile(rf"\n {{0,{column}}}[^ \n]")


@lru_cache(maxsize=256)
def _shallower(column: int) -> re.Pattern[str]:
    """Match a line above a column that is neither blank nor comment: it ends a mapping's item."""
    return re.compile(rf"\n {{0,{column - 1}}}[^ \n#]")


@lru_cache(maxsize=256)
def _outside(dash: int) -> re.Pattern[str]:
    """Match a line that ends a list whose dashes are in this column."""
    above = rf" {{0,{dash - 1}}}[^ \n#]|" if dash else ""
    return re.compile(rf"\n(?:{above} {{{dash}}}(?:[^ \n#-]|-[^ ]))")
