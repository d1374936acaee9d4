"""Eclipse Che's plugins and editors: ``meta.yaml`` of every age, ``che-theia-plugin.yaml``, lists of them.

Read: ``containers`` and ``initContainers`` below ``spec`` or at the top (``apiVersion: v2`` and before),
``attributes.containerImage`` of the oldest, ``sidecar.image`` of Che-Theia plugins, and every item of
``plugins`` and ``editors`` in a list; an item may be a devfile 2.  Follows the plugin registries of
Eclipse Che 7.0 to 7.87.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.build.devfile import devfile_images
from imagelock.formats.classify.candidates import required
from imagelock.formats.kubernetes.objects import container_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "che-plugin"
summary = "Eclipse Che plugins and editors: meta.yaml, che-theia-plugin.yaml, lists of plugins and editors"
marks: tuple[Mark, ...] = (
    "sidecar",
    "containerImage",
    "\nplugins",
    "\neditors",
    "Che Plugin",
    "Che Editor",
    "che plugin",
    "che editor",
    "Theia plugin",
)

_TYPES = ("che plugin", "che editor", "vs code extension", "theia plugin")
_LISTS = ("plugins", "editors")
_IMAGES = (("sidecar", "image"), ("attributes", "containerImage"))
_CONTAINERS = ("containers", "initContainers")


def claims(document: Document) -> bool:
    """Take plugins by their type or sidecar, and lists whose items are such plugins."""
    if document.top.get("kind") is not None:
        return False
    items = [
        item for key in _LISTS if (listed := document.top.get(key)) is not None for item in listed.items()
    ]
    return _is_plugin(document.top) or any(map(_is_listed, items))


def _is_plugin(node: Node) -> bool:
    kind = node.get("type")
    if kind is not None and (kind.text or "").lower() in _TYPES:
        return True
    return node.get("sidecar", "image") is not None


def _is_listed(item: Node) -> bool:
    """Whether an item of a list has containers of its own and says what it is."""
    is_named = (
        item.get("id") is not None or item.get("metadata") is not None or item.get("repository") is not None
    )
    holds = any(item.get(key) is not None for key in (*_CONTAINERS, "components", "sidecar"))
    return is_named and holds


def find(document: Document) -> Iterator[Found]:
    """Yield the images of the plugin, or of every plugin listed."""
    yield from _plugin(document.top)
    for key in _LISTS:
        listed = document.top.get(key)
        for item in listed.new_items("plugin") if listed is not None else ():
            yield from _plugin(item)


def _plugin(node: Node) -> Iterator[Found]:
    for path in _IMAGES:
        image = node.get(*path)
        found = required(image, name) if image is not None else None
        if found is not None:
            yield found
    yield from devfile_images(node, name)
    for part in (node, node.get("spec")):
        for key in _CONTAINERS:
            containers = part.get(key) if part is not None else None
            for container in containers.new_items("container") if containers is not None else ():
                yield from container_images(container, name)
