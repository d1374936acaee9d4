"""Patches of Kubernetes objects: strategic ones and JSON patches, in place or in files of their own.

A patch of an object that another format knows (an Application, a HelmRelease, a task) is read by that format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.formats.classify.embedded import inner_documents
from imagelock.formats.classify.objects import group_of
from imagelock.formats.kubernetes.objects import container_images, pod_images
from imagelock.formats.values.chart_values import TEXT_ROLE, parameter_images, value_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

_KEYS = ("patches", "patchesJson6902", "patchesStrategicMerge")
_WORDS = ("image", "Image", "values", "repository")
"""What a patch has that may set an image, one of these."""


def patch_images(top: Node, format_name: str) -> Iterator[Found]:
    """Yield the images of patches that are written in place, as YAML or JSON in a string."""
    for key in _KEYS:
        patches = top.get(key)
        for item in patches.items() if patches is not None else ():
            yield from patch_text(item.get("patch") if item.is_mapping else item, format_name)


def patch_text(patch: Node | None, format_name: str) -> Iterator[Found]:
    """Yield the images of one patch in a string."""
    if patch is None or not any(word in (patch.text or "") for word in _WORDS):
        return
    for document in inner_documents(patch):
        if document.top.is_sequence:
            yield from operations(document.top, format_name)
        else:
            yield from _strategic(document, format_name)


def _strategic(document: Document, format_name: str) -> Iterator[Found]:
    group = group_of(document.top)
    is_custom = "." in group and not group.endswith(".k8s.io")
    if is_custom and document.read is not None:
        yield from document.read(document)
    else:
        yield from pod_images(document.top, format_name)


def operations(listed: Node, format_name: str) -> Iterator[Found]:
    """Yield the images of a JSON patch (RFC 6902): values set at ``…/image``, containers added, values of charts."""
    for operation in listed.items():
        path, value = operation.get("path"), operation.get("value")
        if path is not None and value is not None:
            yield from _set((path.text or "").split("/"), value, format_name)


def _set(steps: list[str], value: Node, format_name: str) -> Iterator[Found]:
    last, above = steps[-1], steps[-2] if len(steps) > 1 else ""
    if last == "image" and "metadata" not in steps and not value.is_mapping:
        found = required(value, format_name)
        if found is not None:
            yield found
    elif "ontainers" in above + last:
        for container in value.items() if value.is_sequence else (value,):
            yield from container_images(container, format_name)
    elif last in ("values", "valuesObject") and (above in ("helm", "spec") or value.is_mapping):
        yield from _values(value, format_name)
    elif last == "parameters" and above == "helm":
        yield from parameter_images(value, format_name)
    else:
        yield from pod_images(value, format_name)


def _values(value: Node, format_name: str) -> Iterator[Found]:
    if value.is_mapping:
        yield from value_images(value, format_name)
    elif value.document.is_first(TEXT_ROLE, value.raw):
        for document in inner_documents(value):
            yield from value_images(document.top, format_name)
