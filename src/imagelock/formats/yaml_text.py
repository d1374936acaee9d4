"""A YAML stream cut into its documents, each composed by libyaml on its own.

A ``---`` at the start of a line ends a document wherever it stands, so a stream can be cut before it is
parsed: a document that is broken does not take the others with it, and one that cannot hold an image is
not parsed at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import yaml

from imagelock.errors import FormatError
from imagelock.formats.json_nodes import compose_json
from imagelock.formats.tree import Document, NestingError, check_depth
from imagelock.limits import YAML_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.base import Text
    from imagelock.formats.tree import RawNode

_SEPARATOR = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_DEEP_BLOCK = re.compile(r"(?:[-?:][ \t]+){200}|^[ \t]{1000}", re.MULTILINE)
_MANY_BRACKETS = 2000
_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: |\r?$)", re.MULTILINE)
BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Chunk:
    """The raw text of one document: ``content[start:end]``."""

    index: int
    start: int
    end: int


def chunks(text: Text) -> Iterator[Chunk]:
    """Cut a stream at its document separators; every character is in exactly one chunk."""
    content = text.content
    starts = [match.start() for match in _SEPARATOR.finditer(content)]
    if not starts or content[: starts[0]].strip(BYTE_ORDER_MARK + " \t\r\n"):
        starts.insert(0, 0)
    else:
        starts[0] = 0
    for i, start in enumerate(starts):
        yield Chunk(i, start, starts[i + 1] if i + 1 < len(starts) else len(content))


def compose(text: Text, chunk: Chunk) -> Document | None:
    """Compose one document; None when it is empty, :class:`FormatError` with its line when broken."""
    raw = text.content[chunk.start : chunk.end]
    # libyaml counts its marks from behind a byte-order mark.
    skip = len(raw) - len(raw.lstrip(BYTE_ORDER_MARK)) if raw.startswith(BYTE_ORDER_MARK) else 0
    start = chunk.start + skip
    root = _compose(raw[skip:], text, start)
    return None if root is None else Document(text, text.content, root, chunk.index, start)


def compose_inner(source: str) -> RawNode | None:
    """Compose a text that stands inside a scalar; None when it is no YAML."""
    try:
        return _guarded(source)
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        return None


def _guarded(raw: str) -> RawNode | None:
    """Compose, never deeper than allowed: libyaml's composer recurses and would end the process."""
    if raw.count("[") + raw.count("{") > _MANY_BRACKETS or _DEEP_BLOCK.search(raw):
        _check_event_depth(raw)
    root = cast("RawNode | None", yaml.compose(raw, Loader=yaml.CSafeLoader))
    if root is not None:
        check_depth(root)
    return root


def _check_event_depth(raw: str) -> None:
    depth = 0
    for event in yaml.parse(raw, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > YAML_DEPTH:
                raise NestingError(f"nested deeper than {YAML_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


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
            "merge conflict markers", line=line, column=column, hint="settle the merge, then run again"
        )
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    offset = start + min(mark.index, len(raw)) if mark is not None else start
    line, column = text.position(offset)
    context = getattr(error, "context", None)
    message = f"not YAML: {problem}" + (f" ({context})" if context else "")
    return FormatError(message.replace("\n", " "), line=line, column=column)
