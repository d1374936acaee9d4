"""OLM catalogs: what a file-based catalog lists, and the objects that name a catalog or configure an operator.

Read: ``image``, ``relatedImages`` and ``properties[].value.annotations.containerImage`` of ``olm.bundle``;
the bundles of the ``olm.semver`` and ``olm.template.basic`` templates; ``CatalogSource`` (``spec.image``),
``ClusterCatalog`` (``spec.source.image.ref``), and the environment of a ``Subscription``.  Follows OLM's
file-based catalog reference and the operators.coreos.com and olm.operatorframework.io APIs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.formats.classify.objects import kind_of, objects, parameter_reason
from imagelock.formats.kubernetes.objects import container_images, pod_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "olm-catalog"
summary = "OLM catalogs: bundles and their related images, CatalogSource, ClusterCatalog, Subscription"
marks: tuple[Mark, ...] = ("olm.", "operators.coreos.com/", "olm.operatorframework.io/")

_BUNDLE = "olm.bundle"
_SEMVER = "olm.semver"
_BASIC = "olm.template.basic"
_CHANNELS = ("candidate", "fast", "stable")
_IMAGES = {
    "CatalogSource": ("spec", "image"),
    "ClusterCatalog": ("spec", "source", "image", "ref"),
}
_GROUPS = ("operators.coreos.com", "olm.operatorframework.io")


def claims(document: Document) -> bool:
    """Take documents by their schema, and objects of OLM by their kind."""
    if document.top.get("kind") is None:
        return _schema(document.top).startswith("olm.")
    return any(_is_object(item) for item in objects(document))


def _schema(node: Node) -> str:
    schema = node.get("schema")
    return (schema.text or "") if schema is not None else ""


def _is_object(item: Node) -> bool:
    version = item.get("apiVersion")
    group = (version.text or "").partition("/")[0] if version is not None else ""
    return group in _GROUPS and kind_of(item) in (*_IMAGES, "Subscription")


def find(document: Document) -> Iterator[Found]:
    """Yield the images of a catalog's blob or of OLM's objects."""
    if document.top.get("kind") is None:
        yield from _blob(document.top)
        return
    variables = parameter_reason(document)
    for item in objects(document):
        path = _IMAGES.get(kind_of(item))
        if path is not None:
            yield from _required(item.get(*path), variables)
        config = item.get("spec", "config")
        if kind_of(item) == "Subscription" and config is not None:
            yield from container_images(config, name)
    yield from pod_images(document.top, name, variables=variables)


def _blob(blob: Node) -> Iterator[Found]:
    schema = _schema(blob)
    if schema == _BUNDLE:
        yield from _bundle(blob)
    elif schema == _BASIC:
        entries = blob.get("entries")
        for entry in entries.new_items("entry") if entries is not None else ():
            yield from _blob(entry)
    elif schema == _SEMVER:
        for key, channel in blob.entries():
            bundles = _whatever_case(channel, "bundles") if key.lower() in _CHANNELS else None
            for bundle in bundles.new_items("bundle") if bundles is not None else ():
                yield from _required(_whatever_case(bundle, "image"))


def _whatever_case(node: Node, wanted: str) -> Node | None:
    """Return a value by its key, as Go reads it: ``Bundles`` and ``bundles`` are one."""
    return next((value for key, value in node.entries() if key.lower() == wanted), None)


def _bundle(bundle: Node) -> Iterator[Found]:
    yield from _required(bundle.get("image"))
    properties = bundle.get("properties")
    for item in properties.new_items("property") if properties is not None else ():
        yield from _required(item.get("value", "annotations", "containerImage"))
    related = bundle.get("relatedImages")
    for entry in related.new_items("related") if related is not None else ():
        yield from _required(entry.get("image"))


def _required(node: Node | None, variables: str | None = None) -> Iterator[Found]:
    found = required(node, name, variables=variables) if node is not None else None
    if found is not None:
        yield found
