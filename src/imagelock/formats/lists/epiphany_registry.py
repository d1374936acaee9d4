"""Epiphany's list of images to load (``configuration/image-registry``): ``name`` and ``file_name`` of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "epiphany-registry"
summary = (
    "Epiphany's image-registry.yml: the images to load by architecture and feature, and the registry's own"
)
marks: tuple[str, ...] = ("configuration/image-registry",)


@dataclass(frozen=True, slots=True)
class Entry:
    """One image: the node of its name, what it is for, and the archive it is loaded from."""

    image: Node
    architecture: str | None
    group: str | None
    file_name: str | None


def claims(document: Document) -> bool:
    """Take documents by their kind."""
    kind = document.top.get("kind")
    return kind is not None and kind.text == marks[0]


def find(document: Document) -> Iterator[Found]:
    """Yield the registry's own image, then those to load."""
    for entry in entries(document):
        found = required(entry.image, name)
        if found is not None:
            yield found


def entries(document: Document) -> Iterator[Entry]:
    """Yield every image that the document names; what an alias repeats, where it is written."""
    own = document.top.get("specification", "registry_image")
    if own is not None:
        yield from _entry(own, None, None)
    to_load = document.top.get("specification", "images_to_load")
    seen: set[int] = set()
    for architecture, kinds in to_load.entries() if to_load is not None else ():
        for _, features in kinds.entries() if _is_new(kinds, seen) else ():
            yield from _features(features, architecture, seen)


def _features(features: Node, architecture: str, seen: set[int]) -> Iterator[Entry]:
    """Yield the images of ``generic``, ``current`` or ``legacy``: lists by feature, or one list."""
    if not _is_new(features, seen):
        return
    for item in features.items():
        yield from _entry(item, architecture, None)
    for feature, images in features.entries():
        for item in images.items() if _is_new(images, seen) else ():
            yield from _entry(item, architecture, feature)


def _is_new(node: Node, seen: set[int]) -> bool:
    is_new = id(node.raw) not in seen
    seen.add(id(node.raw))
    return is_new


def _entry(node: Node, architecture: str | None, group: str | None) -> Iterator[Entry]:
    image, file_name = node.get("name"), node.get("file_name")
    if image is not None:
        yield Entry(image, architecture, group, None if file_name is None else file_name.scalar)
