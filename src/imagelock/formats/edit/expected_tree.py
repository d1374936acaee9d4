"""The tree that a document must be after its lists were edited, and how two trees are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from imagelock.formats.syntax.tree import MAP_TAG, STRING_TAG, UNRESOLVED_TAG, plain_tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.edit.list_items import Item
    from imagelock.formats.syntax.tree import RawNode


def ordered(raw: RawNode, item: Item) -> yaml.MappingNode:
    """Return an item with its values, its keys in the order they are written in."""
    values = dict(item.fields)
    return yaml.MappingNode(
        MAP_TAG, [(scalar_of(key.value), scalar_of(values[key.value])) for key, _ in raw.value]
    )


def mapping_of(item: Item) -> yaml.MappingNode:
    """Return a new item."""
    return yaml.MappingNode(MAP_TAG, [(scalar_of(key), scalar_of(value)) for key, value in item.fields])


def scalar_of(value: str) -> yaml.ScalarNode:
    """Return a string."""
    return yaml.ScalarNode(STRING_TAG, value)


def shape(root: RawNode) -> Iterator[tuple[object, ...]]:
    """Yield everything a tree says; what an alias repeats is reported by number."""
    seen: dict[int, int] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            yield ("again", seen[id(node)])
            continue
        seen[id(node)] = len(seen)
        if isinstance(node, yaml.ScalarNode):
            yield (plain_tag(node.value) if node.tag == UNRESOLVED_TAG else node.tag, node.value)
            continue
        yield (node.tag, len(node.value))
        is_mapping = isinstance(node, yaml.MappingNode)
        below = [part for pair in node.value for part in pair] if is_mapping else node.value
        stack.extend(reversed(below))
