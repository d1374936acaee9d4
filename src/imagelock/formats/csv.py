"""ClusterServiceVersions of the Operator Lifecycle Manager (``operators.coreos.com/v1alpha1``).

Read: the pod specs of every deployment with their environment, the ``containerImage`` annotation, every
other annotation that is JSON or a reference with a registry host, and ``spec.relatedImages``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import ValueFormError
from imagelock.formats.candidates import possible, required
from imagelock.formats.kubernetes import pod_images
from imagelock.formats.nested import json_images
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.tree import Document, Node
    from imagelock.model.place import Found

name = "csv"
summary = "OLM ClusterServiceVersions: deployments, environment, annotations, relatedImages"
marks: tuple[str, ...] = ("ClusterServiceVersion",)


def claims(document: Document) -> bool:
    """Take documents of kind ClusterServiceVersion."""
    kind = document.top.get("kind")
    return kind is not None and kind.text == "ClusterServiceVersion"


def find(document: Document) -> Iterator[Found]:
    """Yield the images of annotations, deployments and relatedImages, in this order."""
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
    try:
        reference = Reference.parse(text)
    except ValueFormError:
        return False
    return reference.tag is not None or reference.digest is not None
