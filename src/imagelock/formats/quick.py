"""Plain Kubernetes objects read without a parser: for most files of a product nothing more is needed.

A block-style object of a built-in kind, as people and tools write them, is decided by regular expressions
around its ``image:`` keys: the list item above, the ``containers:`` above that, and the keys up to the
root.  Text in block scalars and quotes is swept aside first.  Whatever is not of the plainest shape (flow
collections, anchors, tags, tabs, JSON in the environment, a value that is no reference) is left to libyaml
by returning None, so the answer is always the one that the parser would give; a test compares the two.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from imagelock.errors import ValueFormError
from imagelock.formats.judging.leftovers import IMAGE_LINE, loose_line
from imagelock.formats.kubernetes import name as FORMAT  # noqa: N812 - a constant of that module
from imagelock.formats.syntax.flow import runs_over_lines
from imagelock.formats.syntax.tree import STRING_TAG, plain_tag
from imagelock.model.place import Place, Slot, Span
from imagelock.model.reference import Reference
from imagelock.patterns import lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.yaml_text import Chunk
    from imagelock.model.place import Found

_SCHEMA = "CustomResourceDefinition"
KINDS = frozenset(
    [
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "CronJob",
        "CustomResourceDefinition",
        "DaemonSet",
        "Deployment",
        "Ingress",
        "Job",
        "Namespace",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Pod",
        "PodDisruptionBudget",
        "ReplicaSet",
        "ReplicationController",
        "Role",
        "RoleBinding",
        "Secret",
        "Service",
        "ServiceAccount",
        "StatefulSet",
        "ValidatingWebhookConfiguration",
    ]
)
"""Built-in kinds that no other format than Kubernetes' own reads."""

# Patterns begin with a literal, a line's break above all: `^` over many lines costs ten times as much.
_STEPS = 50_000
_LINES_UP = 200
_LINE_CHARS = 8192
"""Of a longer line every word on it would be read to its begin and end."""
_KIND_LINE = lazily(r"kind: +([A-Za-z]+) *(?=\n|\Z)")
_VERSION_LINE = lazily(r"apiVersion: +([A-Za-z0-9./-]+) *(?=\n|\Z)")
_HIDDEN = {
    "\\": lazily(r"\\(?:x|u00|U000000)[4-7]"),
    "?": lazily(r"\?(?<=[\s,\[{]\?)\s"),
    "*": lazily(r"\*[\w-]+[ \t]*:(?=\s)", re.ASCII),
}
"""How a key may be written without its word before a colon: with escapes, behind a ``?``, as an alias."""
_UNUSUAL = {
    "&": (": &", "- &", "\n&"),
    "*": (": *", "- *", "\n*"),
    "!": (": !", "- !", "\n!"),
    "%": ("\n%",),
    "<": ("<<:", "<%"),
    "{": ("{{", "{%"),
}
"""What only a parser should judge: anchors, aliases, tags, merge keys, directives, templates.

Each is looked for only where its sign stands at all.
"""
_CONFLICTS = ("<<<<<<<", ">>>>>>>", "\n=======")
_OPENINGS = {
    "|": lazily(r" \|[-+0-9]* *(?:#[^\n]*)?(?=\n|\Z)"),
    ">": lazily(r" >[-+0-9]* *(?:#[^\n]*)?(?=\n|\Z)"),
    '"': lazily(r" \"(?=[^\"\\\n]*+(?:\\.[^\"\\\n]*+){0,1000}\\?(?:\n|\Z)|(?:[^\"\\\n]*+\\.){1000})"),
    "'": lazily(r" '(?=[^'\n]*+(?:''[^'\n]*+){0,1000}(?:\n|\Z)|(?:[^'\n]*+''){1000})"),
}
"""The header of a block scalar, or a quote that does not close on its line, by the sign both have.

A thousand escapes are enough to be taken for one: ``re`` keeps a state for each repetition of a group.
"""
_BEGINS_KEY = lazily(r" *(?:- +)*[\w.-]+")
"""A key that only ends with ``image``."""
_NO_KEY = lazily(r"\n(?![ \n#-]|[A-Za-z0-9_./-]+:(?:[ \n]|\Z)|\Z)")
"""A line at the root that is no key, item or comment: something else than an object stands in the text."""
_BEFORE_KEY = lazily(r"(?P<to_key> *(?:- +)*)(?:[^\s#\"'\[{|>-](?:(?!: | #).)*|\"[^\"]*\"|'[^']*')")
_BEFORE_DASH = lazily(r" *(?:- +)*")
_KEY = lazily(r"image(?:[\"']?[ \t]*:|[\w.-]{0,200}=|\\)")
"""Where ``image`` is a key, may be one of JSON between double quotes, or stands in an argument."""
_NAMED_KEY = lazily(r"Image(?:[-_]?Name)?[\"']?[ \t]*[:=]")
_KEY_COLON = lazily(r"image[\"']?[ ]*:")
_HOST = r"[\"']?[A-Za-z0-9-]{1,63}\.[A-Za-z0-9.:-]{1,255}/[^\s\"',]{1,1000}[:@]"
_VALUE = lazily(rf"value: +{_HOST}")
_ARGUMENT = lazily(rf"={_HOST}")
"""A variable or an argument that is an image by its registry's host."""
_NAMED_VARIABLE = lazily(r"name: +[\"']?[\w.-]{0,200}[iI]mage[\w.-]{0,200}[\"']?,?[ \n]+value:")
_SCHEMA_KEY = lazily(
    r"image(?:[\"']?[ \t]*:(?![ ]*(?:#[^\n]*)?(?:\n|\Z))(?![ ]*[A-Za-z]+,? [A-Za-z ,.;()-]*[\"']?(?:\n|\Z))|\\)"
)
"""The same with something behind it that is neither a comment nor words: a schema describes images in prose."""
_PLAIN_LINE = lazily(
    r" *(?P<dash>- +)?image: +(?P<quote>[\"']?)(?P<text>[A-Za-z0-9][A-Za-z0-9./:@_+-]*)(?P=quote) *(?: #[^\n]*)?"
)
_EMPTY_LINE = lazily(r" *(?:- +)?image: *(?:#[^\n]*)?")
_CONTAINERS = lazily(r"( *)(containers|initContainers|ephemeralContainers): *(?:#[^\n]*)?")
_PARENT = lazily(r" *([A-Za-z0-9_./-]+): *(?:#[^\n]*)?")
_BLANKS = lazily(" *")
_NO_PROSE = ":/@{<[#%"
"""What an image or a template has and mere words behind ``image:`` have not."""
_TO_WORD = lazily(r"[ \n]*")
_LITERAL_HEADER = lazily(r"[^\n\"']*[:-] +\|[-+0-9]* *(?:#[^\n]*)?")


class _Unsure(Exception):  # noqa: N818 - no error: the parser is asked instead
    """Something is not of the plainest shape."""


def quick(text: Text, chunk: Chunk) -> list[Found] | None:
    """Return what a document of a built-in kind holds, or None when only a parser can tell."""
    kind = built_in_kind(text.content, chunk.start, chunk.end)
    if kind is None or _may_hide_words(text.content, chunk.start, chunk.end):
        return None
    try:
        return list((_schema_images if kind == _SCHEMA else _object_images)(text, chunk))
    except _Unsure:
        return None


def _object_images(text: Text, chunk: Chunk) -> Iterator[Found]:
    """Yield what an object holds that is no schema."""
    content, start, end = text.content, chunk.start, chunk.end
    # RELATED_IMAGE_* and IMAGE_default_* hold references, what else says image is told.
    if content.find("MAGE", start, end) >= 0:
        raise _Unsure
    if content.find("mage", start, end) < 0:
        return
    if content.find("Image", start, end) >= 0 and _NAMED_KEY.search(content, start, end):
        raise _Unsure
    if content.find("imagename", start, end) >= 0 or _NAMED_VARIABLE.search(content, start, end):
        raise _Unsure
    if _VALUE.search(content, start, end) or (
        content.find("=", start, end) >= 0 and _ARGUMENT.search(content, start, end)
    ):
        raise _Unsure
    keys = [match.start() for match in _KEY.finditer(content, start, end)]
    if keys and _is_unusual(content[start:end]):
        raise _Unsure
    if keys:
        yield from _Reader(text, start, end, chunk.index).found(keys)


def built_in_kind(content: str, start: int, end: int) -> str | None:
    """Return the kind of a document with one kind and one apiVersion at its root, if it is a built-in one."""
    kind = _only_kind(content, start, end)
    return kind if kind in KINDS else None


def _schema_images(text: Text, chunk: Chunk) -> Iterator[Found]:
    """Yield the lines of a schema's descriptions that look like images; no schema holds any."""
    content = text.content
    for match in _SCHEMA_KEY.finditer(content, chunk.start, chunk.end):
        at = match.start()
        line, stop = _line(content, chunk.start, chunk.end, at)
        if content[line:at].strip(" -"):
            _refuse_unless_harmless(content, line, at, stop)
            continue
        image = IMAGE_LINE.match(content, line, stop)
        above = _line_above(content, chunk.start, line)
        if image is None or not _LITERAL_HEADER.fullmatch(above):
            raise _Unsure
        is_first = content.startswith(above, line - len(above) - 1)
        if is_first and _depth(content, stop + 1) < _depth(content, line):
            # Whether a single line is a text of lines is for the header's sign to say.
            raise _Unsure
        skipped = loose_line(image["text"], text.position(image.start("text")), "inside a text")
        if skipped is not None:
            yield skipped


def _may_hide_words(content: str, start: int, end: int) -> bool:
    """Whether a word may be a key that does not stand before a colon as it is."""
    for sign, pattern in _HIDDEN.items():
        if content.find(sign, start, end) >= 0 and pattern.search(content, start, end) is not None:
            return True
    return False


def _line(content: str, start: int, end: int, at: int) -> tuple[int, int]:
    """Return where the line at an offset begins and ends; raises for a long one."""
    line = content.rfind("\n", max(start, at - _LINE_CHARS), at) + 1
    stop = content.find("\n", at, min(end, at + _LINE_CHARS))
    if (not line and at - start > _LINE_CHARS) or (stop < 0 and end - at > _LINE_CHARS):
        raise _Unsure
    return line or start, end if stop < 0 else stop


def _line_above(content: str, start: int, line: int) -> str:
    """Return the line that the one at ``line`` belongs to: the nearest above that is less deep."""
    depth = _depth(content, line)
    for _ in range(_LINES_UP):
        if line <= start:
            break
        above = content.rfind("\n", start, line - 1) + 1 or start
        found = _depth(content, above)
        if found < depth and content[above + found] != "\n":
            return content[above : line - 1]
        line = above
    raise _Unsure


def _depth(content: str, line: int) -> int:
    """Return how many blanks a line begins with."""
    blanks = _BLANKS.match(content, line)
    return blanks.end() - line if blanks else 0


def _refuse_unless_harmless(content: str, line: int, at: int, stop: int) -> None:
    """Raise unless what stands before ``image`` on its line is a comment, another key, or prose."""
    before = content[line:at]
    if before.lstrip().startswith("#"):
        return
    if _BEGINS_KEY.fullmatch(before):
        raise _Unsure
    if (
        before.lstrip(" -")[0] in "&!"
        or before[-1] in "\"'{[,\\"
        or "{" in before
        or "[" in before
        or "\\" in content[line:stop]
    ):
        raise _Unsure


def _only_kind(content: str, start: int, end: int) -> str | None:
    """Return the kind of a document with one kind and one apiVersion at its root, else None."""
    if _roots(content, "kind:", start, end) != 1 or _roots(content, "apiVersion:", start, end) != 1:
        return None
    at = start if content.startswith("kind:", start) else content.find("\nkind:", start, end) + 1
    match = _KIND_LINE.match(content, at, end)
    if match is None:
        return None
    begin = "apiVersion:"
    at = start if content.startswith(begin, start) else content.find(f"\n{begin}", start, end) + 1
    version = _VERSION_LINE.match(content, at, end)
    return match[1] if version and is_built_in_version(version[1]) else None


def is_built_in_version(version: str) -> bool:
    """Whether an ``apiVersion`` is of a built-in group: those of others have a dot, and rules of their own."""
    group, slash, _ = version.partition("/")
    return not slash or "." not in group or group.endswith(".k8s.io")


def _roots(content: str, key: str, start: int, end: int) -> int:
    return content.count(f"\n{key}", start, end) + content.startswith(key, start)


def _is_unusual(raw: str) -> bool:
    # A byte-order mark, tabs, carriage returns and controls are not printable.
    if not raw.replace("\n", " ").isprintable() or "reference: " in raw or "\n..." in raw:
        return True
    if any(word in raw for word in _CONFLICTS):
        return True
    for sign, words in _UNUSUAL.items():
        if sign in raw and any(word in raw for word in words):
            return True
    return '\n"' in raw or "\n'" in raw or _NO_KEY.search(raw) is not None or runs_over_lines(raw)


@dataclass(slots=True)
class _List:
    """A list of containers: the key's path, where its items begin, and the items counted so far."""

    path: str
    dash: int
    counted: int
    items: int = -1


@dataclass(slots=True)
class _Reader:
    text: Text
    start: int
    end: int
    index: int
    regions: list[tuple[int, int, str]] = field(default_factory=list)
    lists: dict[int, _List] = field(default_factory=dict)
    texts: dict[int, bool] = field(default_factory=dict)
    steps: int = 0
    sought: int = 0
    """How far a list of containers was looked for, and where the last one stood."""
    latest: int = -1

    def found(self, keys: list[int]) -> Iterator[Found]:
        """Yield places and the lines in texts that look like images; ``keys`` are where ``image:`` stands."""
        self.regions = list(self.sweep())
        content = self.text.content
        starts = [region[0] for region in self.regions]
        for at in keys:
            if not _KEY_COLON.match(content, at):
                raise _Unsure
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
                raise _Unsure
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
        raise _Unsure

    def opening_column(self, at: int) -> int | None:
        """Return the column of the key or dash that a value behind blanks belongs to.

        None inside a comment or plain text; raises where a value stands alone on its line.
        """
        content = self.text.content
        line, _ = _line(content, self.start, self.end, at)
        mark = len(content[line:at].rstrip(" ")) + line - 1
        if mark < line:
            raise _Unsure
        if content[mark] == "-":
            before = _BEFORE_DASH.fullmatch(content, line, mark)
            return None if before is None else mark - line
        key = _BEFORE_KEY.fullmatch(content, line, mark) if content[mark] == ":" else None
        return None if key is None else key.end("to_key") - line

    def inside(self, at: int, begin: int, stop: int, style: str) -> Iterator[Found]:
        """Tell of a line in a literal text that looks like an image; raise where a folded text may hold one."""
        content = self.text.content
        line, after = _line(content, begin, self.end, at)
        if style == "|":
            if content.find("\n", begin, stop - 1) < 0 or self.holds_objects(begin, stop):
                # Whether a single line is a text of lines is for the header's sign to say.
                raise _Unsure
            match = IMAGE_LINE.match(content, line, stop)
            if match is not None and match.start() <= at < match.start("text"):
                position = self.text.position(match.start("text"))
                skipped = loose_line(match["text"], position, "inside a text")
                if skipped is not None:
                    yield skipped
            return
        words = content[content.index(":", at) + 1 : after]
        if not words.strip() or any(sign in words for sign in _NO_PROSE):
            raise _Unsure

    def holds_objects(self, begin: int, stop: int) -> bool:
        """Whether a text may hold Kubernetes objects, told once for all its lines."""
        if begin not in self.texts:
            self.texts[begin] = self.text.content.find("apiVersion", begin, stop) >= 0
        return self.texts[begin]

    def place(self, at: int) -> Place | None:
        """Judge one ``image`` key outside all texts; None for one that is no key or has no value."""
        content = self.text.content
        line, stop = _line(content, self.start, self.end, at)
        match = _PLAIN_LINE.fullmatch(content, line, stop)
        if match is None:
            if not content[line:at].strip(" -"):
                raise _Unsure
            _refuse_unless_harmless(content, line, at, stop)
            if not any(sign in content[line:at] for sign in (": ", "#")):
                # A key of several words, the last of them image.
                raise _Unsure
            return None
        column = content.index("image", line) - line
        is_string = match["quote"] or plain_tag(match["text"]) == STRING_TAG
        if not is_string or self.continues(stop, column):
            raise _Unsure
        item = line if match["dash"] else self.item_above(line, column)
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
            raise _Unsure
        found = content.rfind("\n" + " " * (column - 2) + "- ", self.start, line)
        if found < 0:
            raise _Unsure
        item = found + 1
        if content[item + column : item + column + 1] in (" ", "-", "#", "\n", ""):
            raise _Unsure
        if _shallower(column).search(content, content.find("\n", item), line):
            raise _Unsure
        return item

    def list_of(self, item: int, dash: int) -> _List:
        """Return the list of containers that an item belongs to, its index counted."""
        content = self.text.content
        found = content.rfind("ontainers:", self.sought or self.start, item)
        self.latest = found = self.latest if found < 0 else found
        if found < 0 or item < self.sought:
            raise _Unsure
        self.sought = item
        head = content.rfind("\n", self.start, found) + 1 or self.start
        body = content.find("\n", found) + 1
        known = self.lists.get(head)
        if known is None:
            match = _CONTAINERS.fullmatch(content, head, body - 1)
            if match is None or len(match[1]) > dash or self.inside_text(head):
                raise _Unsure
            known = _List(self.path_of(head, len(match[1])) + match[2], dash, body)
            self.lists[head] = known
        if (
            known.dash != dash
            or known.counted > item
            or _outside(dash).search(content, known.counted - 1, item)
        ):
            raise _Unsure
        stop = content.find("\n", item) + 1 or self.end
        known.items += content.count("\n" + " " * dash + "- ", known.counted - 1, stop)
        known.counted = stop
        return known

    def inside_text(self, at: int) -> bool:
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
                raise _Unsure
            above = content.rfind("\n", self.start, line - 1) + 1 or self.start
            written = content[above : line - 1]
            line = above
            depth = len(written) - len(written.lstrip(" "))
            if depth >= indent or not written.strip() or written[depth] == "#":
                continue
            match = _PARENT.fullmatch(written)
            if match is None or self.inside_text(above):
                raise _Unsure
            keys.append(match[1])
            indent = depth
        return "".join(f"{key}." for key in reversed(keys))

    def made(self, match: re.Match[str], containers: _List) -> Place:
        try:
            reference = Reference.parse(match["text"])
        except ValueFormError as error:
            raise _Unsure from error
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
    """Match a line that ends a list whose dashes stand in this column."""
    above = rf" {{0,{dash - 1}}}[^ \n#]|" if dash else ""
    return re.compile(rf"\n(?:{above} {{{dash}}}(?:[^ \n#-]|-[^ ]))")
