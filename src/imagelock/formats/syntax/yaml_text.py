"""Cut a YAML or JSON stream into its documents, and compose each with libyaml.

A ``---`` at the start of a line ends a document wherever it is, so a stream can be cut before it is
parsed: a document that is broken does not take the others with it, and one that cannot hold an image is
not parsed at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import yaml
from yaml.composer import Composer

from imagelock.errors import FormatError
from imagelock.formats.syntax.json_nodes import compose_json
from imagelock.formats.syntax.tree import (
    MAP_TAG,
    SEQ_TAG,
    STRING_TAG,
    UNRESOLVED_TAG,
    Document,
    NestingError,
    check_depth,
)
from imagelock.lazy_regex import lazy_regex
from imagelock.limits import YAML_DEPTH, YAML_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import RawNode

# Groups are not possessive: Python before 3.11.5 matches such groups wrongly. One way to match keeps them linear.
_LINE_END = r"(?:\r?\n|\r(?!\n)|\Z)"
_NO_CONTENT_LINE = rf"[ \t\ufeff]*+(?:[#%][^\r\n]*+)?{_LINE_END}"
_END_LINE = rf"\.\.\.(?=[ \t\r\n]|\Z)[^\r\n]*+{_LINE_END}"
_MARKER = lazy_regex(rf"---(?=[ \t\r\n]|\Z)|(?P<end>{_END_LINE}(?:(?:{_NO_CONTENT_LINE})*{_END_LINE})*)")
_NO_CONTENT = lazy_regex(rf"(?:{_NO_CONTENT_LINE})*")
"""Comments, directives and blank lines: they belong to the document that follows."""
# A JSON object as a whole is one document: the search for document markers can be left out.
_JSON_START = lazy_regex(r'[\ufeff \t\r\n]*+\{[ \t\r\n]*+"')
_JSON_NEXT = lazy_regex(r"\}[ \t]*+\r?\n(?=\{)")
"""Between two objects of a JSON stream; inside one a comma is there."""
# Eight indicators in a row are the beginning of a nesting that is counted before libyaml recurses into
# it.
_BLOCK_RUN = lazy_regex(r"(?:[-?:][ \t]++){8,}")
_BRACKET = lazy_regex(r"[\[\]{}]")
_DIRECTIVES = 100
"""Of one document; libyaml compares each with all before it."""
_VALUE_SIGNS = (",", ":", "- ", "-\n")
_DEEP_INDENT = " " * 1000
_DEEP_RUN = 2 * YAML_DEPTH
# The characters that YAML 1.1 allows (section 5.1); libyaml refuses all others.
_UNPRINTABLE = lazy_regex("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Markers at the start of a line with exactly seven signs, as git writes them; `=======` alone may be
# prose.
_CONFLICT = lazy_regex(r"^(?:<{7}|>{7}|\|{7})(?: |\r?$)", re.MULTILINE)
_PARSER_DEPTH = "exceeded maximum nesting depth"
"""What libyaml 0.2.6 says of nesting that it refuses itself; older ones leave the limit to us."""
MERGE_CONFLICT = "merge conflict markers"
BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Chunk:
    """The raw text of one document: ``content[start:end]``."""

    index: int
    start: int
    end: int


def chunks(text: Text) -> Iterator[Chunk]:
    """Cut a stream into its documents; every character is in exactly one chunk."""
    content = text.content
    starts = [0]
    for at in _boundaries(content):
        # What has no content opens the next document, unless it is the stream's end.
        if _NO_CONTENT.fullmatch(content, starts[-1], at) is None and at < len(content):
            starts.append(at)
    if len(starts) > 1 and _NO_CONTENT.fullmatch(content, starts[-1]):
        starts.pop()
    for i, start in enumerate(starts):
        yield Chunk(i, start, starts[i + 1] if i + 1 < len(starts) else len(content))


def _boundaries(content: str) -> Iterator[int]:
    """Yield where a document may begin: at a ``---`` line, behind a ``...`` line or a JSON object."""
    if _JSON_START.match(content) and "\n---" not in content:
        if "\n{" in content:
            yield from (match.end() for match in _JSON_NEXT.finditer(content))
        return
    # Searching for a fixed word is many times faster than a regular expression.
    words = ("\n---", "\n...", "\r---", "\r...") if "\r" in content else ("\n---", "\n...")
    behind = 0
    for at in sorted(at for word in words for at in _occurrences(content, word)):
        match = _MARKER.match(content, at + 1) if at >= behind - 1 else None
        if match is not None:
            behind = match.end()
            yield match.start() if match["end"] is None else behind


def _occurrences(content: str, word: str) -> Iterator[int]:
    at = content.find(word)
    while at >= 0:
        yield at
        at = content.find(word, at + 1)


def compose(text: Text, chunk: Chunk) -> Document | None:
    """Compose one document; None when it is empty, :class:`FormatError` with its line when broken."""
    raw = text.content[chunk.start : chunk.end]
    # libyaml counts its marks from behind a byte-order mark.
    skip = len(raw) - len(raw.lstrip(BYTE_ORDER_MARK)) if raw.startswith(BYTE_ORDER_MARK) else 0
    start = chunk.start + skip
    root = _compose(raw[skip:], text, start)
    return None if root is None else Document(text, text.content, root, chunk.index, start)


def compose_inner(raw: str) -> RawNode | None:
    """Compose one document that is inside a scalar; None when it is empty or broken.

    Its marks count in ``raw``; a text that begins with a byte-order mark is not read.
    """
    if raw.startswith(BYTE_ORDER_MARK):
        return None
    try:
        return _guarded(raw)
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        return None


def _guarded(raw: str) -> RawNode | None:
    """Compose, never deeper than allowed: libyaml's composer recurses and would end the process."""
    if raw.count("\n%") > _DIRECTIVES:
        raise ValueError(f"more than {_DIRECTIVES} directives")
    if sum(map(raw.count, _VALUE_SIGNS)) > YAML_VALUES:
        raise ValueError(f"more than {YAML_VALUES} values")
    if is_deep := _may_be_deep(raw):
        _check_event_depth(raw)
    try:
        root = cast("RawNode | None", yaml.compose(raw, Loader=_Loader))
    except yaml.composer.ComposerError as error:
        if "duplicate anchor" not in str(error.context):
            raise
        root = _compose_with_anchors_set_anew(raw)
    if root is not None and is_deep:
        check_depth(root)
    return root


class _Loader(yaml.CSafeLoader):
    """Libyaml's composer without the guessing of types: a plain scalar's is looked up when it is asked for.

    PyYAML tries its patterns on every scalar in Python, which is a third of the time of composing.
    """

    def resolve(
        self,
        kind: type[yaml.Node],
        value: object,  # noqa: ARG002 - PyYAML's signature
        implicit: tuple[bool, bool] | None,
    ) -> str:
        """Return the tag of a node that has none."""
        if kind is yaml.ScalarNode:
            return UNRESOLVED_TAG if implicit is not None and implicit[0] else STRING_TAG
        return MAP_TAG if kind is yaml.MappingNode else SEQ_TAG


def _may_be_deep(raw: str) -> bool:
    """Whether the text could nest deeper than some hundred levels, told from its characters alone."""
    if _DEEP_INDENT in raw:
        return True
    # Only on a line of that length: the expression is slow, and lines like that are rare.
    for line in raw.splitlines():
        if len(line) > _DEEP_RUN and any(len(run[0]) > _DEEP_RUN for run in _BLOCK_RUN.finditer(line)):
            return True
    if raw.count("[") + raw.count("{") <= YAML_DEPTH:
        return False
    depth = 0
    for bracket in _BRACKET.finditer(raw):
        depth = depth + 1 if bracket[0] in "[{" else max(depth - 1, 0)
        if depth > YAML_DEPTH:
            return True
    return False


def _check_event_depth(raw: str) -> None:
    depth = 0
    for event in yaml.parse(raw, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > YAML_DEPTH:
                raise NestingError(event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _AnewLoader(Composer, yaml.CSafeLoader):
    """Libyaml's parser below PyYAML's own composer, which here lets an anchor be set a second time."""

    def __init__(self, raw: str) -> None:
        yaml.CSafeLoader.__init__(self, raw)
        Composer.__init__(self)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent):
            self.anchors.pop(event.anchor, None)
        return Composer.compose_node(self, parent, index)


def _compose_with_anchors_set_anew(raw: str) -> RawNode | None:
    """Compose a document that uses an anchor's name twice: YAML allows it, PyYAML does not."""
    _check_event_depth(raw)
    return cast("RawNode | None", Composer.get_single_node(_AnewLoader(raw)))


def _compose(raw: str, text: Text, start: int) -> RawNode | None:
    try:
        root = _guarded(raw)
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError) as error:
        if raw.lstrip()[:1] in ("{", "["):
            # JSON is almost YAML: tabs between tokens and surrogate pairs are what libyaml refuses.
            try:
                return compose_json(raw)
            except FormatError:
                pass
        raise _broken(error, raw, text, start) from error
    return root


def _broken(error: Exception, raw: str, text: Text, start: int) -> FormatError:
    conflict = _CONFLICT.search(raw)
    if conflict:
        line, column = text.position(start + conflict.start())
        return FormatError(
            MERGE_CONFLICT, line=line, column=column, hint="resolve the merge conflict, then run again"
        )
    unprintable = _UNPRINTABLE.search(raw)
    if unprintable and isinstance(error, UnicodeError | yaml.reader.ReaderError):
        line, column = text.position(start + unprintable.start())
        return FormatError(f"not YAML: {_character(unprintable[0])}", line=line, column=column)
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    offset = start + min(mark.index, len(raw)) if mark is not None else start
    line, column = text.position(offset)
    if _PARSER_DEPTH in problem:
        return FormatError(f"not YAML: nested deeper than {YAML_DEPTH} levels", line=line, column=column)
    context = getattr(error, "context", None)
    message = f"not YAML: {problem}" + (f" ({context})" if context else "")
    return FormatError(message.replace("\n", " "), line=line, column=column)


def _character(char: str) -> str:
    """Name a character that YAML does not allow; what was not UTF-8 was decoded into a lone surrogate."""
    if 0xDC80 <= ord(char) <= 0xDCFF:
        return f"the byte 0x{ord(char) - 0xDC00:02X} is not UTF-8"
    return f"the character U+{ord(char):04X} is not allowed"
