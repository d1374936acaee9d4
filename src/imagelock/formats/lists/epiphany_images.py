"""Epiphany's download lists (``images.yml``): images as keys, with the sha1 of the archive made of each.

``images`` holds the images themselves (flat), or groups of them by feature (grouped); an image is a key
with ``sha1`` and perhaps ``allow_mismatch`` below it, or an item with ``name`` and the same keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from imagelock.formats.classify.candidates import required
from imagelock.formats.syntax.tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found

name = "epiphany-images"
summary = "Epiphany's images.yml, flat or in groups: images as keys with sha1 and allow_mismatch"
marks: tuple[str, ...] = ("sha1",)

_ATTRIBUTES = ("sha1", "allow_mismatch")


@dataclass(frozen=True, slots=True)
class Entry:
    """One image: the node of its name, its group, and the node with what is said of it."""

    image: Node
    group: str | None
    finding_at: Node

    @property
    def sha1(self) -> str | None:
        """The sum, as written."""
        node = self.finding_at.get("sha1")
        return None if node is None or node.is_null else node.scalar

    @property
    def allow_mismatch(self) -> bool:
        """Whether the sum need not be met."""
        node = self.finding_at.get("allow_mismatch")
        return node is not None and (node.scalar or "").lower() in ("true", "yes", "on")


def claims(document: Document) -> bool:
    """Take documents whose ``images`` have sums."""
    top = document.top
    if top.get("images") is None or top.get("apiVersion") is not None or top.get("kind") is not None:
        return False
    return any(entry.finding_at.get("sha1") is not None for entry in entries(document))


def find(document: Document) -> Iterator[Found]:
    """Yield the images in the order of the file."""
    for entry in entries(document):
        found = required(entry.image, name)
        if found is not None:
            yield found


def entries(document: Document) -> Iterator[Entry]:
    """Yield every image of the list; one that is in several groups comes several times.

    What an alias repeats is read where it is written, and only there.
    """
    images = document.top.get("images")
    if images is None:
        return
    seen: set[int] = set()
    yield from _items(images, None)
    for key, value in _pairs(images):
        if id(value.raw) in seen:
            continue
        seen.add(id(value.raw))
        if _is_about_image(value):
            yield Entry(key, None, value)
        else:
            yield from _group(value, key.scalar)


def _group(group: Node, group_name: str | None) -> Iterator[Entry]:
    yield from _items(group, group_name)
    for key, value in _pairs(group):
        yield Entry(key, group_name, value)


def _items(node: Node, group_name: str | None) -> Iterator[Entry]:
    for item in node.items():
        image = item.get("name")
        if image is not None:
            yield Entry(image, group_name, item)


def _is_about_image(node: Node) -> bool:
    return any(value is not None and not value.is_mapping for value in (node.get(key) for key in _ATTRIBUTES))


def _pairs(node: Node) -> Iterator[tuple[Node, Node]]:
    if isinstance(node.raw, yaml.MappingNode):
        for key, value in node.raw.value:
            if isinstance(key, yaml.ScalarNode):
                path = f"{node.path}.{key.value}"
                yield Node(node.document, key, path), Node(node.document, value, path)
