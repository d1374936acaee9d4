"""JSON patches (RFC 6902) of Kubernetes objects in files of their own, as kustomizations name them.

Known by their operations: a list of mappings with ``op`` and ``path``.  Of a file that no kustomization names, the
paths must lead into an object's ``spec``, because other programs patch their own JSON the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.gitops.patches import operations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found

name = "json-patch"
summary = "JSON patches of Kubernetes objects in files of their own: images, containers, values of charts"
marks: tuple[str, ...] = (
    "path: /spec/",
    'path: "/spec/',
    "path: '/spec/",
    '"path": "/spec/',
    '"path":"/spec/',
)


def claims(document: Document) -> bool:
    """Take lists of operations."""
    items = list(document.top.items())
    if not items or not all(item.get("op") is not None and item.get("path") is not None for item in items):
        return False
    paths = [(item.get("path") or item).text or "" for item in items]
    return document.text.is_said_to_be(name) or any(path.startswith("/spec/") for path in paths)


def find(document: Document) -> Iterator[Found]:
    """Yield the images that the operations set."""
    yield from operations(document.top, name)
