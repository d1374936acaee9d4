"""Read JSON into the same nodes as YAML, with the position of every string.

RFC 8259.  The standard library's reader forgets positions and libyaml refuses some JSON (tabs between
tokens, surrogate pairs), so the few rules are read here; strings are left to ``json``'s own scanner.
"""

from __future__ import annotations

import re
from json.decoder import scanstring  # type: ignore[attr-defined] # the stubs leave it out
from typing import TYPE_CHECKING

import yaml

from imagelock.errors import FormatError
from imagelock.formats.syntax.scalars import JSON_STYLE
from imagelock.formats.syntax.tree import MAP_TAG, SEQ_TAG, STRING_TAG
from imagelock.lazy_regex import lazy_regex
from imagelock.limits import JSON_DEPTH, YAML_VALUES

if TYPE_CHECKING:
    from imagelock.formats.syntax.tree import RawNode

_SPACE = lazy_regex(r"[ \t\r\n]*")
# The numbers of RFC 8259, and nothing that Python reads beyond it (NaN, Infinity, underscores).
_ATOM = lazy_regex(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
ATOM_TAGS = {
    "true": "tag:yaml.org,2002:bool",
    "false": "tag:yaml.org,2002:bool",
    "null": "tag:yaml.org,2002:null",
}
NUMBER_TAG = "tag:yaml.org,2002:float"


def _mark(index: int) -> yaml.Mark:
    """Make a mark of PyYAML; of its parts the tree uses only the offset in characters."""
    return yaml.Mark("", index, 0, 0, None, 0)


def compose_json(text: str) -> RawNode:
    """Read one JSON value; raise :class:`FormatError` with line and column where it is none."""
    reader = _Reader(text)
    if text.count(",") + text.count(":") > YAML_VALUES:
        raise reader.error(f"more than {YAML_VALUES} values")
    node = reader.value(0)
    reader.space()
    if reader.at != len(text):
        raise reader.error("something follows the JSON value")
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def error(self, message: str) -> FormatError:
        line = self.text.count("\n", 0, self.at) + 1
        return FormatError(message, line=line, column=self.at - self.text.rfind("\n", 0, self.at))

    def space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def value(self, depth: int) -> RawNode:
        if depth > JSON_DEPTH:
            raise self.error(f"nested deeper than {JSON_DEPTH} levels")
        self.space()
        char = self.text[self.at : self.at + 1]
        if char == "{":
            return self.mapping(depth)
        if char == "[":
            return self.sequence(depth)
        return self.string() if char == '"' else self.atom()

    def mapping(self, depth: int) -> RawNode:
        start = self.at
        pairs: list[tuple[RawNode, RawNode]] = []
        while self.more("}", first=not pairs):
            key = self.string()
            self.expect(":")
            pairs.append((key, self.value(depth + 1)))
        return yaml.MappingNode(MAP_TAG, pairs, _mark(start), _mark(self.at))

    def sequence(self, depth: int) -> RawNode:
        start = self.at
        items: list[RawNode] = []
        while self.more("]", first=not items):
            items.append(self.value(depth + 1))
        return yaml.SequenceNode(SEQ_TAG, items, _mark(start), _mark(self.at))

    def more(self, close: str, *, first: bool) -> bool:
        """Step over an opening bracket or a comma; False behind the closing bracket."""
        if first:
            self.at += 1
        self.space()
        if self.text.startswith(close, self.at):
            self.at += 1
            return False
        if not first:
            self.expect(",")
        return True

    def expect(self, char: str) -> None:
        self.space()
        if not self.text.startswith(char, self.at):
            raise self.error(f"{char!r} is missing")
        self.at += 1

    def string(self) -> RawNode:
        self.space()
        if not self.text.startswith('"', self.at):
            raise self.error("a string is missing")
        start = self.at
        try:
            value, self.at = scanstring(self.text, start + 1, True)  # noqa: FBT003 - json's own signature
        except ValueError as error:
            raise self.error("a string is not closed or has a bad escape") from error
        return yaml.ScalarNode(STRING_TAG, value, _mark(start), _mark(self.at), style=JSON_STYLE)

    def atom(self) -> RawNode:
        match = _ATOM.match(self.text, self.at)
        if match is None:
            raise self.error("not JSON")
        self.at = match.end()
        tag = ATOM_TAGS.get(match[0], NUMBER_TAG)
        return yaml.ScalarNode(tag, match[0], _mark(match.start()), _mark(match.end()), style=JSON_STYLE)
