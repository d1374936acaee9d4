"""Lists of images that tools for sites without a network fetch: Zarf, Hauler and oc-mirror.

Read: ``components[].images`` of a ``ZarfPackageConfig`` (and of its ``ZarfInitConfig``), ``spec.images[].name`` of
Hauler's ``Images``, and ``mirror.additionalImages[].name``, ``mirror.operators[].catalog`` and
``mirror.blockedImages[].name`` of an ``ImageSetConfiguration``, of which the blocked ones are only patterns.
Follows the schemas of Zarf, Hauler and oc-mirror.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.formats.classify.objects import group_of, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "package-manifests"
summary = "images of Zarf packages, Hauler manifests and oc-mirror's ImageSetConfiguration"
marks: tuple[Mark, ...] = ("ZarfPackageConfig", "ZarfInitConfig", "hauler", "ImageSetConfiguration")

_ZARF = ("ZarfPackageConfig", "ZarfInitConfig")
_HAULER = ("content.hauler.cattle.io", "hauler.cattle.io")
_OC_MIRROR = "ImageSetConfiguration"
VARIABLE = "a variable of the tool that reads the file"


def claims(document: Document) -> bool:
    """Take documents of one of the kinds."""
    kind, group = kind_of(document.top), group_of(document.top)
    return kind in (*_ZARF, _OC_MIRROR) or (group in _HAULER and kind == "Images")


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every list, each text or ``name`` once."""
    for node in _images(document.top):
        found = required(node, name, variables=VARIABLE)
        if found is not None:
            yield found


def _images(top: Node) -> Iterator[Node]:
    kind = kind_of(top)
    if kind in _ZARF:
        for component in _items(top.get("components")):
            yield from _items(component.get("images"))
    elif kind == _OC_MIRROR:
        yield from _keyed(top.get("mirror", "additionalImages"), "name")
        yield from _keyed(top.get("mirror", "operators"), "catalog")
    else:
        yield from _keyed(top.get("spec", "images"), "name")


def _items(node: Node | None) -> Iterator[Node]:
    return node.new_items("packaged") if node is not None else iter(())


def _keyed(node: Node | None, key: str) -> Iterator[Node]:
    for item in _items(node):
        value = item.get(key)
        if value is not None and not (value.text or "").startswith(("oci:", "file:")):
            yield value
