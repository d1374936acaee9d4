"""Concourse pipelines and tasks: images of registry-image resources, of resource types and of tasks.

Read: ``source.repository`` with ``source.tag`` of ``resources`` and ``resource_types`` of the types
``registry-image`` and ``docker-image``, and of ``image_resource`` in a task.  Concourse takes a digest from
``version.digest`` beside ``source`` and from nowhere else, so pinning fills that key where it is written, and
``pin --insert-keys`` writes it.
Images that the pipeline pushes are its own.  Follows Concourse's reference of pipelines.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.values.added_keys import insertion
from imagelock.formats.values.split_reference import Parts, joined, text_of
from imagelock.model.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "concourse"
summary = "Concourse pipelines and tasks: registry-image resources, resource types, image_resource"
marks: tuple[Mark, ...] = ("registry-image", "docker-image")

NO_VERSION = (
    'Concourse takes a digest from version.digest alone: write version: {digest: ""} beside source, '
    "or have `pin --insert-keys` write it"
)
_TYPES = ("registry-image", "docker-image")
_LISTS = ("resources", "resource_types")
_TASK = "image_resource"


def claims(document: Document) -> bool:
    """Take pipelines (jobs or resources with a type and a source) and tasks (a platform and a run)."""
    top = document.top
    if not top.is_mapping or top.get("apiVersion") is not None:
        return False
    if top.get(_TASK) is not None and top.get("platform") is not None:
        return True
    return any(True for _ in _resources(document.top))


def find(document: Document) -> Iterator[Found]:
    """Yield the images of resources, types and tasks."""
    pushed = {
        value.text for key, value in document.top.values_of("put") if key == "put" and value.text is not None
    }
    for resource in _resources(document.top):
        if text_of(resource.get("name")) not in pushed:
            yield from _image(resource)
    for _, resource in document.top.values_of(_TASK):
        yield from _image(resource)


def _resources(top: Node) -> Iterator[Node]:
    for key in _LISTS:
        resources = top.get(key)
        for resource in resources.items() if resources is not None else ():
            if text_of(resource.get("type")) in _TYPES and resource.get("source", "repository") is not None:
                yield resource


def _image(resource: Node) -> Iterator[Found]:
    source = resource.get("source")
    repository, tag = resource.get("source", "repository"), resource.get("source", "tag")
    is_image = text_of(resource.get("type")) in _TYPES
    if repository is None or not is_image or not repository.document.is_first("resource", repository.raw):
        return
    digest = resource.get("version", "digest")
    refusal = NO_VERSION if digest is None else None
    missing = insertion(source, "version", "digest") if digest is None and source is not None else None
    parts = Parts(repository=repository, tag=tag, digest=digest, refusal=refusal, missing=missing)
    found = joined(parts, name)
    if isinstance(found, Place):
        found = replace(found, tag_is_known=True)
    if found is not None:
        yield found
