"""OLM catalogs: what a file-based catalog lists, and the objects that name a catalog or configure an operator.

Read: ``image``, ``relatedImages``, ``properties[].value.annotations.containerImage`` and the ClusterServiceVersions
in base64 (``olm.bundle.object``) of ``olm.bundle``; the bundles of opm's templates ``olm.semver``,
``olm.template.basic`` and ``olm.template.substitutes``, their keys in any case as opm reads them; the base images of
``olm.composite.catalogs``; ``CatalogSource`` (``spec.image``),
``ClusterCatalog`` (``spec.source.image.ref``), and the environment of a ``Subscription``.  Follows OLM's
file-based catalog reference and the operators.coreos.com and olm.operatorframework.io APIs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.formats.classify.embedded import encoded_document
from imagelock.formats.classify.objects import kind_of, objects, parameter_reason
from imagelock.formats.kubernetes.objects import container_images, pod_images
from imagelock.formats.olm import cluster_service_version as csv
from imagelock.model.place import Place

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
_OF_ENTRIES = ("olm.template.basic", "olm.template.substitutes")
_COMPOSITE = "olm.composite.catalogs"
_OBJECT = "olm.bundle.object"
_CHANNELS = ("candidate", "fast", "stable")
_IMAGES = {
    "CatalogSource": ("spec", "image"),
    "ClusterCatalog": ("spec", "source", "image", "ref"),
}
ENCODED = "inside the base64 of olm.bundle.object: pin the bundle's ClusterServiceVersion and render the catalog again"
_GROUPS = ("operators.coreos.com", "olm.operatorframework.io")


def claims(document: Document) -> bool:
    """Take documents by their schema, and objects of OLM by their kind."""
    if document.top.get("kind") is None:
        return _schema(document.top).startswith("olm.")
    return any(_is_object(item) for item in objects(document))


def _schema(node: Node) -> str:
    schema = node.get("schema") or _whatever_case(node, "schema")
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
    elif schema in _OF_ENTRIES:
        entries = _whatever_case(blob, "entries")
        for entry in entries.new_items("entry") if entries is not None else ():
            yield from _entry(entry)
    elif schema == _COMPOSITE:
        catalogs = _whatever_case(blob, "catalogs")
        for item in catalogs.new_items("catalog") if catalogs is not None else ():
            yield from _required(item.get("destination", "baseImage"))
    elif schema == _SEMVER:
        for key, channel in blob.entries():
            bundles = _whatever_case(channel, "bundles") if key.lower() in _CHANNELS else None
            for bundle in bundles.new_items("bundle") if bundles is not None else ():
                yield from _required(_whatever_case(bundle, "image"))


def _entry(entry: Node) -> Iterator[Found]:
    """Yield what an entry of a template names: a blob, whose bundles may have nothing but the image."""
    if _schema(entry) == _BUNDLE and entry.get("image") is None:
        yield from _required(_whatever_case(entry, "image"))
    else:
        yield from _blob(entry)


def _whatever_case(node: Node, wanted: str) -> Node | None:
    """Return a value by its key, as Go reads it: ``Bundles`` and ``bundles`` are one."""
    return next((value for key, value in node.entries() if key.lower() == wanted), None)


def _bundle(bundle: Node) -> Iterator[Found]:
    yield from _required(bundle.get("image"))
    properties = bundle.get("properties")
    for item in properties.new_items("property") if properties is not None else ():
        yield from _required(item.get("value", "annotations", "containerImage"))
        data, kind = item.get("value", "data"), item.get("type")
        if data is not None and kind is not None and kind.text == _OBJECT:
            yield from _encoded(data)
    related = bundle.get("relatedImages")
    for entry in related.new_items("related") if related is not None else ():
        yield from _required(entry.get("image"))


def _encoded(data: Node) -> Iterator[Found]:
    """Yield the images of a ClusterServiceVersion in base64: found, and not to be written."""
    document = encoded_document(data, "ClusterServiceVersion")
    if document is not None and csv.claims(document):
        for item in csv.find(document):
            yield replace(item, format=name, refusal=ENCODED) if isinstance(item, Place) else item


def _required(node: Node | None, variables: str | None = None) -> Iterator[Found]:
    found = required(node, name, variables=variables) if node is not None else None
    if found is not None:
        yield found
