"""Kustomizations, components and transformers: ``images``, patches written in place, values of charts.

``newTag`` takes a digest behind the tag (``1.2@sha256:…``), and ``digest`` beside ``newTag`` gives the
same (kustomize 4.4 and later; before, the digest replaced the tag).  An entry that only renames has no
version of its own.  Of the built-in transformers and generators (``apiVersion: builtin``), ``imageTag``,
``patch`` and ``valuesInline`` are read the same way.  Follows the reference of kustomization.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import skipped
from imagelock.formats.classify.objects import group_of, kind_of
from imagelock.formats.gitops.patches import patch_images, patch_text
from imagelock.formats.values.chart_values import value_images
from imagelock.formats.values.split_reference import Parts, all_joined, text_of
from imagelock.model.place import SkipKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "kustomization"
summary = "Kustomizations and components: images with newName, newTag and digest, patches, helmCharts values"
marks: tuple[str, ...] = (
    "newTag",
    "newName",
    "kustomize.config.k8s.io",
    "valuesInline",
    "patchesStrategicMerge",
    "patchesJson6902",
    "builtin",
)

GROUP = "kustomize.config.k8s.io"
SUFFIX = (
    "tagSuffix: kustomize makes another tag and drops every digest; newTag with the whole tag can be pinned"
)
RENAMED = "only renamed: the tag is the one in the resources"
_KINDS = ("Kustomization", "Component")
_OWN_KEYS = ("resources", "bases", "components", "namePrefix", "configMapGenerator", "helmCharts", "images")
_BUILTIN = "builtin"


def claims(document: Document) -> bool:
    """Take Kustomizations and Components, also those that leave out apiVersion and kind."""
    top = document.top
    if group_of(top) == GROUP:
        return kind_of(top) in _KINDS
    if _is_builtin(top):
        return True
    if top.get("apiVersion") is not None or not any(top.get(key) is not None for key in _OWN_KEYS):
        return False
    images = top.get("images") or top.get("imageTags")
    renames = images is not None and any(
        item.get("name") is not None and any(item.get(key) is not None for key in ("newTag", "newName"))
        for item in images.items()
    )
    others = ("patchesStrategicMerge", "patchesJson6902", "helmCharts")
    return kind_of(top) in ("", *_KINDS) and (renames or any(top.get(key) is not None for key in others))


def _is_builtin(top: Node) -> bool:
    version = top.get("apiVersion")
    return version is not None and version.text == _BUILTIN


def find(document: Document) -> Iterator[Found]:
    """Yield the images of the entries, of the patches and of the charts' values."""
    top = document.top
    for key in ("images", "imageTags"):
        images = top.get(key)
        if images is not None:
            yield from image_entries(images, name)
    yield from patch_images(top, name)
    if _is_builtin(top):
        tag = top.get("imageTag")
        yield from all_joined([_entry(tag, name)] if tag is not None else [], name)
        yield from patch_text(top.get("patch"), name)
    charts = top.get("helmCharts")
    for chart in (top, *(charts.items() if charts is not None else ())):
        values = chart.get("valuesInline")
        if values is not None:
            yield from value_images(values, name)


def image_entries(images: Node, format_name: str) -> Iterator[Found]:
    """Yield the images of a list of entries with name, newName, newTag and digest."""
    items = (_entry(item, format_name) for item in images.new_items("kustomize image"))
    yield from all_joined(items, format_name)


def _entry(item: Node, format_name: str) -> Parts | Found | None:
    old, new, tag, digest = (item.get(key) for key in ("name", "newName", "newTag", "digest"))
    image = new if new is not None and new.text else old
    if image is None or not image.text:
        return None
    if not any(node is not None and node.scalar and not node.is_null for node in (tag, digest)):
        is_suffix = text_of(item.get("tagSuffix"))
        return skipped(image, SUFFIX if is_suffix else RENAMED, format_name, SkipKind.REPLACED)
    if tag is not None and not tag.scalar:
        tag = None
    return Parts(repository=image, tag=tag, digest=digest)
