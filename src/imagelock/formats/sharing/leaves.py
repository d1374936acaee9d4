"""List the scalars of a document with the way to each, so that questions about uses need one walk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import yaml

from imagelock.formats.syntax.tree import NULL_TAG
from imagelock.lazy_regex import lazy_regex
from imagelock.limits import YAML_NODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document, RawNode

_ANCHOR = lazy_regex(r"&([^\s,\[\]{}]+)")
Step: TypeAlias = "str | int"


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One use of a scalar: the collections around it, the outermost first, and the steps through them.

    A scalar that aliases repeat has one leaf for each use; ``line_at`` is where this use is written, as an
    offset that counts in the document's source.
    """

    raw: yaml.ScalarNode
    holders: tuple[yaml.MappingNode | yaml.SequenceNode, ...]
    steps: tuple[Step, ...]
    line_at: int

    @property
    def path(self) -> str:
        """The steps, dotted."""
        words = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps)
        return "".join(words).removeprefix(".")

    @property
    def holder(self) -> RawNode | None:
        """The collection that the scalar is in."""
        return self.holders[-1] if self.holders else None

    @property
    def text(self) -> str:
        """The value as decoded; nothing where null is written."""
        return "" if self.raw.tag == NULL_TAG else str(self.raw.value)

    def line(self, document: Document) -> int:
        """Return the line in the file that this use is on."""
        at = self.line_at + document.offset
        anchor = _ANCHOR.match(document.source, self.raw.start_mark.index + document.offset)
        if anchor is not None and self.line_at > self.raw.start_mark.index:
            # An alias is composed with its anchor's position: look for it behind the key, or the item before.
            alias = re.compile(rf"\*{re.escape(anchor[1])}(?![\w-])", re.ASCII).search(document.source, at)
            at = at if alias is None else alias.start()
        return document.text.position(at if document.outer is None else document.outer.offset(at))[0]

    def sibling(self, key: str) -> RawNode | None:
        """Return what stands beside the scalar under a key."""
        return value_of(self.holder, key)


def value_of(raw: RawNode | None, key: str) -> RawNode | None:
    """Return what a mapping has under a key; None for other kinds."""
    pairs: list[tuple[RawNode, RawNode]] = raw.value if isinstance(raw, yaml.MappingNode) else []
    return next(
        (value for name, value in pairs if isinstance(name, yaml.ScalarNode) and name.value == key), None
    )


def leaves(document: Document) -> Iterator[Leaf]:
    """Yield every use of every scalar, in the order of the file; collections that aliases repeat count once."""
    seen: set[int] = set()
    stack: list[tuple[RawNode, tuple[yaml.MappingNode | yaml.SequenceNode, ...], tuple[Step, ...], int]]
    stack = [(document.root, (), (), document.root.start_mark.index)]
    while stack and len(seen) < YAML_NODES:
        raw, holders, steps, at = stack.pop()
        if isinstance(raw, yaml.ScalarNode):
            yield Leaf(raw, holders, steps, at)
            continue
        if id(raw) in seen:
            continue
        seen.add(id(raw))
        within = (*holders, raw)
        stack += reversed([(child, within, (*steps, step), at) for step, child, at in _children(raw)])


def _children(raw: yaml.MappingNode | yaml.SequenceNode) -> Iterator[tuple[Step, RawNode, int]]:
    """Yield the steps down with where each is written: an alias has the position of its anchor, its key does not."""
    at = raw.start_mark.index
    if isinstance(raw, yaml.SequenceNode):
        for i, item in enumerate(raw.value):
            at = max(at, item.start_mark.index)
            yield i, item, at
        return
    for key, value in raw.value:
        if isinstance(key, yaml.ScalarNode):
            yield key.value, value, max(key.start_mark.index, value.start_mark.index)
