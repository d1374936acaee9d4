"""Docker Compose files of the first version: services at the top level, without ``services``.

Known by the file's name, because anything may have mappings with an ``image`` at its top.  Compose 2 no
longer takes such files; old repositories have them.  Follows "Compose file versions" of Docker's
documentation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.build.compose import has_file_name, is_service, service_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark, Text
    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found

name = "compose-v1"
summary = "Docker Compose files of the first version: services at the top"
marks: tuple[Mark, ...] = ("image",)

_OTHERS = ("services", "version", "apiVersion", "kind", "name", "include")


def matches_name(text: Text) -> bool:
    """Take files by their name."""
    return has_file_name(text)


def claims(document: Document) -> bool:
    """Take documents in which every value at the top is a service."""
    top = document.top
    if not top.is_mapping or any(top.get(key) is not None for key in _OTHERS):
        return False
    bodies = [body for _, body in top.entries()]
    return bool(bodies) and all(body.is_mapping and is_service(body) for body in bodies)


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every service."""
    for _, body in document.top.entries():
        yield from (replace(found, format=name) for found in service_images(body))
