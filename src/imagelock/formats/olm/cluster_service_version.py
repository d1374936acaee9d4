"""ClusterServiceVersions of the Operator Lifecycle Manager (``operators.coreos.com/v1alpha1``).

Read: the pod specs of every deployment with their environment, the ``containerImage`` annotation, every
other annotation that is JSON or a reference with a registry host, and ``spec.relatedImages``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import possible, required
from imagelock.formats.classify.embedded import json_images
from imagelock.formats.edit.blocks import comment_below
from imagelock.formats.kubernetes.objects import pod_images
from imagelock.model.place import Place
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "csv"
summary = "OLM ClusterServiceVersions: deployments, environment, annotations, relatedImages"
marks: tuple[str, ...] = ("ClusterServiceVersion",)


def claims(document: Document) -> bool:
    """Take documents of kind ClusterServiceVersion."""
    kind = document.top.get("kind")
    return kind is not None and kind.text == "ClusterServiceVersion"


def find(document: Document) -> Iterator[Found]:
    """Yield the images of annotations, deployments and relatedImages, in this order.

    A place that holds a digest alone knows what it was, as far as a ``# tag:`` comment tells it.
    """
    if "# tag: " not in document.source:
        yield from _find(document)
        return
    origins = recorded(document)
    for item in _find(document):
        known = origins.get(_pinned(item), ()) if isinstance(item, Place) else ()
        yield replace(item, recorded=known) if isinstance(item, Place) and known else item


def recorded(document: Document) -> dict[tuple[str, str], tuple[Reference, ...]]:
    """Return what the comments of ``spec.relatedImages`` say a name and digest was before it was pinned."""
    origins: dict[tuple[str, str], dict[Reference, None]] = {}
    related = document.top.get("spec", "relatedImages")
    for entry in related.items() if related is not None else ():
        image = entry.get("image")
        comment = comment_below(document, entry)
        if image is None or not image.text or comment is None:
            continue
        pinned, origin = Reference.parse_or_none(image.text), Reference.parse_or_none(comment)
        if pinned is None or origin is None:
            continue
        if origin.name == pinned.name and pinned.digest is not None and origin.digest is None:
            origins.setdefault((pinned.name, str(pinned.digest)), {})[origin] = None
    return {key: tuple(references) for key, references in origins.items()}


def _pinned(place: Place) -> tuple[str, str]:
    reference = place.reference
    return (reference.name, str(reference.digest) if reference.tag is None else "")


def _find(document: Document) -> Iterator[Found]:
    annotations = document.top.get("metadata", "annotations")
    if annotations is not None:
        yield from _annotation_images(annotations)
    install = document.top.get("spec", "install")
    if install is not None:
        yield from pod_images(install, name)
    related = document.top.get("spec", "relatedImages")
    for entry in related.new_items("related") if related is not None else ():
        image = entry.get("image")
        found = required(image, name) if image is not None else None
        if found is not None:
            yield found


def _annotation_images(annotations: Node) -> Iterator[Found]:
    for key, value in annotations.entries():
        if key == "containerImage":
            found = required(value, name)
            if found is not None:
                yield found
        elif _is_full_reference(value.text):
            place = possible(value, name)
            if place is not None:
                yield place
        else:
            yield from json_images(value, name)


def _is_full_reference(text: str | None) -> bool:
    """Whether an annotation of any name is an image beyond doubt: host, path, and tag or digest."""
    if not text or "/" not in text or "." not in text.partition("/")[0]:
        return False
    reference = Reference.parse_or_none(text)
    return reference is not None and reference.is_versioned
