"""Read YAML and JSON texts as trees whose scalars know where each of their characters is written.

One :class:`Node` serves both: YAML is composed by libyaml, JSON by a reader of our own that keeps
positions.  A document may itself stand inside a scalar of another; its spans then lead through.
Aliases share one node, and walking goes by identity, so an alias bomb costs what was typed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, cast

import yaml

from imagelock.formats.syntax.scalars import scalar_span
from imagelock.limits import YAML_DEPTH, YAML_NODES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found, Span

RawNode: TypeAlias = yaml.ScalarNode | yaml.MappingNode | yaml.SequenceNode

STRING_TAG = "tag:yaml.org,2002:str"
NULL_TAG = "tag:yaml.org,2002:null"
MAP_TAG = "tag:yaml.org,2002:map"
SEQ_TAG = "tag:yaml.org,2002:seq"
MERGE_KEY = "<<"
_MERGE_DEPTH = 8
"""Merges of merges; no one writes as many."""
UNRESOLVED_TAG = "?"
"""The tag of a plain scalar whose type no one has asked for yet."""


@dataclass(frozen=True)
class Document:
    """One document: its tree, the file it is in, and how its offsets lead to the file's.

    ``offset`` is added to the tree's marks to count in ``source``; ``source`` is the file's content or,
    for a text inside a scalar, that scalar's decoded text, and ``outer`` then says where the scalar's
    characters are in the file.  ``prefix`` is the path of that scalar.  A text that cannot be followed
    to its characters (``exact`` is False) still shows what it holds; nothing in it can be edited.
    """

    text: Text
    source: str
    root: RawNode
    index: int = 0
    offset: int = 0
    outer: Span | None = None
    prefix: str = ""
    depth: int = 0
    exact: bool = True
    is_masked: bool = False
    """Whether template tags are hidden in ``source``: branches then write a key twice, and that is no mistake."""
    taken: set[int] = field(default_factory=set)
    """File offsets of scalars that a format has dealt with; what is left over is reported."""
    read: Callable[[Document], Iterator[Found]] | None = None
    """What reads a document by the format that knows it, for texts that hold objects of any kind."""
    judged: dict[int, list[tuple[RawNode | None, str]]] = field(default_factory=dict)
    """Where a scalar was judged as an image, by its identity: the collection it is in, and its path there."""
    inner: list[Document] = field(default_factory=list)
    """The documents that were read inside this one's texts."""
    _visited: set[tuple[str, int]] = field(default_factory=set)

    def is_first(self, role: str, raw: RawNode) -> bool:
        """Whether a node plays this role for the first time; aliases come back, and count once."""
        key = (role, id(raw))
        if key in self._visited:
            return False
        self._visited.add(key)
        return True

    @cached_property
    def root_values(self) -> dict[str, RawNode]:
        """The values of the root's keys, the last of equal ones: every format asks for some of them."""
        values: dict[str, RawNode] = {}
        for key, value in self.root.value if isinstance(self.root, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                values[key.value] = value
        return values

    @cached_property
    def top(self) -> Node:
        """The tree's root."""
        return Node(self, self.root, self.prefix)

    def span(self, raw: yaml.ScalarNode) -> Span | None:
        """Return where the scalar's value is written in the file, or None if it cannot be followed."""
        if not self.exact:
            return None
        start, end = raw.start_mark.index + self.offset, raw.end_mark.index + self.offset
        inner = scalar_span(self.source, start, end, raw.value, raw.style)
        if inner is None or self.outer is None:
            return inner
        return self.outer.through(inner)

    def raw_text(self, raw: RawNode) -> str:
        """Return a node as it is written, properties and quotes included."""
        return self.source[raw.start_mark.index + self.offset : raw.end_mark.index + self.offset]

    def file_offset(self, raw: RawNode) -> int:
        """Return where the node begins in the file."""
        start = raw.start_mark.index + self.offset
        return start if self.outer is None else self.outer.offset(start)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node of a document, with its path; asking a node of another kind gives nothing, no error."""

    document: Document
    raw: RawNode
    path: str
    holder: RawNode | None = None
    """The mapping or sequence that this stands in, as far as it was reached from there."""

    def is_image(self) -> None:
        """Take note that an image stands here: an alias may bring the same scalar to another place."""
        self.document.judged.setdefault(id(self.raw), []).append((self.holder, self.path))

    @property
    def text(self) -> str | None:
        """The value, if this is a string; None for every other scalar and kind."""
        if isinstance(self.raw, yaml.ScalarNode) and _tag(self.raw) == STRING_TAG:
            return str(self.raw.value)
        return None

    @property
    def scalar(self) -> str | None:
        """The value of any scalar as written (``1.20`` stays ``1.20``); None for other kinds."""
        return str(self.raw.value) if isinstance(self.raw, yaml.ScalarNode) else None

    @property
    def is_quoted(self) -> bool:
        """Whether this is a scalar between quotes."""
        return isinstance(self.raw, yaml.ScalarNode) and self.raw.style in ("'", '"')

    @property
    def is_null(self) -> bool:
        """Whether nothing is written, or null."""
        return isinstance(self.raw, yaml.ScalarNode) and _tag(self.raw) == NULL_TAG

    @property
    def is_mapping(self) -> bool:
        """Whether this is a mapping (a JSON object)."""
        return isinstance(self.raw, yaml.MappingNode)

    @property
    def is_sequence(self) -> bool:
        """Whether this is a sequence (a JSON array)."""
        return isinstance(self.raw, yaml.SequenceNode)

    @property
    def offset(self) -> int:
        """Where the node begins in the file."""
        return self.document.file_offset(self.raw)

    @property
    def position(self) -> tuple[int, int]:
        """Line and column of the value itself, past its quotes and properties."""
        span = self.span()
        offset = self.offset if span is None or not len(span) else span.offset(0)
        return self.document.text.position(offset)

    def span(self) -> Span | None:
        """Return where the scalar's characters are written, or None if that cannot be followed."""
        return self.document.span(self.raw) if isinstance(self.raw, yaml.ScalarNode) else None

    def get(self, *keys: str) -> Node | None:
        """Follow keys downwards; None when one is missing."""
        raw: RawNode | None = self.raw
        holder: RawNode | None = None
        for key in keys:
            holder = raw
            raw = self.document.root_values.get(key) if raw is self.document.root else _value(raw, key)
        if raw is None:
            return None
        return Node(self.document, raw, ".".join(filter(None, (self.path, *keys))), holder or self.holder)

    def keys(self) -> list[str]:
        """Return the keys of a mapping as written; nothing for other kinds."""
        if not isinstance(self.raw, yaml.MappingNode):
            return []
        return [key.value for key, _ in self.raw.value if isinstance(key, yaml.ScalarNode)]

    def entries(self) -> Iterator[tuple[str, Node]]:
        """Yield the keys and values of a mapping; nothing for other kinds."""
        if isinstance(self.raw, yaml.MappingNode):
            for key, value in self.raw.value:
                if isinstance(key, yaml.ScalarNode):
                    yield (
                        key.value,
                        Node(
                            self.document,
                            value,
                            f"{self.path}.{key.value}" if self.path else key.value,
                            self.raw,
                        ),
                    )

    def items(self) -> Iterator[Node]:
        """Yield the items of a sequence; nothing for other kinds."""
        if isinstance(self.raw, yaml.SequenceNode):
            for i, value in enumerate(self.raw.value):
                yield Node(self.document, value, f"{self.path}[{i}]", self.raw)

    def new_items(self, role: str) -> Iterator[Node]:
        """Yield the items of a sequence that were not yielded in this role before.

        What an alias repeats is read once: it is written in one place, and a document in which a
        thousand aliases repeat a thousand items must not cost a million.
        """
        if self.document.is_first(f"{role} list", self.raw):
            for item in self.items():
                if self.document.is_first(role, item.raw):
                    yield item

    def walk(self) -> Iterator[Node]:
        """Yield this node and everything below, each once, however many aliases lead to it.

        Stops quietly at :data:`~imagelock.limits.YAML_NODES` nodes: such a document was made to hurt.
        """
        seen: set[int] = set()
        stack = [self]
        while stack and len(seen) < YAML_NODES:
            node = stack.pop()
            if id(node.raw) in seen:
                continue
            seen.add(id(node.raw))
            yield node
            stack.extend(reversed([*(value for _, value in node.entries()), *node.items()]))

    def values_of(self, *wanted: str) -> Iterator[tuple[str, Node]]:
        """Yield the key and value wherever one of these keys is, at any depth.

        Visits what :meth:`walk` visits, each mapping once, but makes nodes only of what it yields:
        almost all time of a scan is spent here.
        """
        keys = frozenset(wanted)
        for raw, link in self._collections():
            if isinstance(raw, yaml.MappingNode):
                for key, value in raw.value:
                    if isinstance(key, yaml.ScalarNode) and key.value in keys:
                        yield key.value, Node(self.document, value, _joined((link, key.value)), raw)

    def mappings(self) -> Iterator[Node]:
        """Yield every mapping at or below this node once, in the order of the file."""
        for raw, link in self._collections():
            if isinstance(raw, yaml.MappingNode):
                yield Node(self.document, raw, _joined(link))

    def strings_with(self, word: str) -> Iterator[tuple[str | None, Node]]:
        """Yield the strings that are values of a key of this name, or that hold it on one of several lines.

        The key is None for an item of a sequence.
        """
        return self.strings_if(lambda key, value, _: key == word or ("\n" in value and word in value))

    def strings_if(
        self, wants: Callable[[str | None, str, str | None], bool]
    ) -> Iterator[tuple[str | None, Node]]:
        """Yield the strings that ``wants`` takes by their key (None for an item), value and name.

        The name is what is beside a value under the key ``name``.
        """
        for raw, link in self._collections():
            pairs, name = _pairs(raw)
            for i, (key, value) in enumerate(pairs):
                if isinstance(value, yaml.ScalarNode) and wants(key, value.value, name):
                    node = Node(self.document, value, _joined((link, i if key is None else key)), raw)
                    if node.text is not None:
                        yield key, node

    def _collections(self) -> Iterator[tuple[yaml.MappingNode | yaml.SequenceNode, _Link]]:
        """Yield every mapping and sequence once, in the order of the file, with the way to it."""
        seen: set[int] = set()
        stack: list[tuple[RawNode, _Link]] = [(self.raw, (None, self.path))]
        while stack and len(seen) < YAML_NODES:
            raw, link = stack.pop()
            if isinstance(raw, yaml.ScalarNode) or id(raw) in seen:
                continue
            seen.add(id(raw))
            yield raw, link
            if isinstance(raw, yaml.MappingNode):
                stack += [
                    (value, (link, key.value if isinstance(key, yaml.ScalarNode) else "?"))
                    for key, value in reversed(raw.value)
                    if not isinstance(value, yaml.ScalarNode)
                ]
            else:
                stack += [
                    (item, (link, i))
                    for i, item in reversed(list(enumerate(raw.value)))
                    if not isinstance(item, yaml.ScalarNode)
                ]


def _pairs(
    raw: yaml.MappingNode | yaml.SequenceNode,
) -> tuple[list[tuple[str | None, RawNode]], str | None]:
    """Return keys and values of a collection, no keys for a sequence, and the value of ``name`` if it has one."""
    if isinstance(raw, yaml.SequenceNode):
        return [(None, item) for item in raw.value], None
    pairs = [(key.value if isinstance(key, yaml.ScalarNode) else None, value) for key, value in raw.value]
    names = (value.value for key, value in pairs if key == "name" and isinstance(value, yaml.ScalarNode))
    return pairs, next(names, None)


_Link: TypeAlias = "tuple[_Link | None, str | int]"
"""A step of a path and the link above it; paths are joined only for what is found."""


def _joined(link: _Link) -> str:
    steps: list[str] = []
    at: _Link | None = link
    while at is not None:
        at, step = at
        if isinstance(step, int):
            steps.append(f"[{step}]")
        elif step:
            steps.append(f".{step}")
    return "".join(reversed(steps)).removeprefix(".")


def _tag(raw: yaml.ScalarNode) -> str:
    """Return a scalar's tag; a plain one's is reported by the patterns of YAML 1.1, as PyYAML has them."""
    if raw.tag == UNRESOLVED_TAG:
        raw.tag = plain_tag(raw.value)
    return str(raw.tag)


def plain_tag(written: str) -> str:
    """Return the tag of a plain scalar: ``1.20``, ``true`` and ``2024-01-01`` are not strings."""
    patterns = yaml.SafeLoader.yaml_implicit_resolvers.get(written[:1], ())
    return next((tag for tag, pattern in patterns if pattern.match(written)), STRING_TAG)


def _value(raw: RawNode | None, key: str) -> RawNode | None:
    """Return the value of a key, the last one of equal keys, or what ``<<`` brings where none is written."""
    if not isinstance(raw, yaml.MappingNode):
        return None
    found = merged = None
    for name, value in raw.value:
        if isinstance(name, yaml.ScalarNode):
            if name.value == key:
                found = value
            elif name.value == MERGE_KEY:
                merged = value
    return found if found is not None or merged is None else _merged(merged, key, frozenset((id(raw),)))


def _merged(merged: RawNode, key: str, above: frozenset[int]) -> RawNode | None:
    """Return the value of a key in what is merged: a mapping, or the first of a list that has it."""
    sources = merged.value if isinstance(merged, yaml.SequenceNode) else [merged]
    for source in sources:
        if not isinstance(source, yaml.MappingNode) or id(source) in above or len(above) > _MERGE_DEPTH:
            continue
        for name, value in reversed(source.value):
            if isinstance(name, yaml.ScalarNode) and name.value == key:
                return cast("RawNode", value)
        for name, value in source.value:
            if isinstance(name, yaml.ScalarNode) and name.value == MERGE_KEY:
                found = _merged(value, key, above | {id(source)})
                if found is not None:
                    return found
    return None


class NestingError(ValueError):
    """A document is nested deeper than :data:`~imagelock.limits.YAML_DEPTH`; ``problem_mark`` is where."""

    def __init__(self, problem_mark: object) -> None:
        super().__init__(f"nested deeper than {YAML_DEPTH} levels")
        self.problem_mark = problem_mark


def check_depth(root: RawNode) -> None:
    """Refuse a document nested too deeply, before anything recurses into it."""
    level: list[RawNode] = [root]
    seen: set[int] = set()
    depth = 0
    while level:
        depth += 1
        if depth > YAML_DEPTH:
            raise NestingError(level[0].start_mark)
        below: list[RawNode] = []
        for node in level:
            if id(node) in seen or isinstance(node, yaml.ScalarNode):
                continue
            seen.add(id(node))
            if isinstance(node, yaml.MappingNode):
                below.extend(child for pair in node.value for child in pair)
            else:
                below.extend(node.value)
        level = below
