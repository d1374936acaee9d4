"""Kubernetes objects: every pod spec in them, wherever it is.

A pod spec is recognised by its shape (a list of containers), so workloads, Lists and custom resources
with pod templates are alike; the schemas of a CustomResourceDefinition have no list there and give
nothing.  Read: ``image`` of containers, initContainers and ephemeralContainers, image volumes
(``volumes[].image.reference``), and of the environment ``RELATED_IMAGE_*``, ``IMAGE_default_*`` and
JSON texts with ``image`` keys.  Custom resources list containers beside a pod spec too (``sidecars``, an
``initContainer``).  Follows the core/v1 API reference.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.build.dockerfile_inside import dockerfile_images
from imagelock.formats.classify.candidates import required, skipped
from imagelock.formats.classify.embedded import inner_documents, json_images
from imagelock.formats.classify.objects import group_of, kind_of, objects, parameter_reason
from imagelock.formats.kubernetes.template_parameters import with_parameters
from imagelock.formats.values.chart_values import TEXT_ROLE, value_images
from imagelock.lazy_regex import lazy_regex
from imagelock.model.olm import PREFIX, decode_name
from imagelock.model.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "kubernetes"
summary = "Kubernetes objects: containers, image volumes, RELATED_IMAGE_* and JSON in the environment"
marks: tuple[str, ...] = ("ontainer", "ockerfile", "reference", "idecars", "repository:")

_TEXT_KINDS = ("ConfigMap", "Secret")
_DOCKERFILE = lazy_regex(r"(?:.+[._-])?(?:Dockerfile|Containerfile)(?:[._-].+)?", re.IGNORECASE)
_VALUES = lazy_regex(r"(?:.*[-_.])?values(?:[-_.].*)?\.(?:ya?ml|json)", re.IGNORECASE)
"""Keys of a ConfigMap that hold a Dockerfile, or the values of a chart."""
CONTAINER_KEYS = ("containers", "initContainers", "ephemeralContainers")
_SIDE_KEYS = (
    *("sidecars", "sidecarContainers", "extraContainers", "additionalContainers"),
    *("extraInitContainers", "additionalInitContainers", "initContainer"),
)
"""Where custom resources have containers that their operator adds to a pod."""
APART = "repository and tag apart: what they mean is for the operator of this resource to say"
# The two prefixes that operators of OLM and Eclipse Che read as images, whatever follows.
IMAGE_ENV = lazy_regex(r"(?:RELATED_IMAGE_|IMAGE_default_).+")


def claims(document: Document) -> bool:
    """Take every document with an apiVersion and a kind."""
    return document.top.get("apiVersion") is not None and document.top.get("kind") is not None


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every pod spec."""
    variables = parameter_reason(document)
    yield from with_parameters(pod_images(document.top, name, variables=variables), document, name)
    for item in objects(document):
        if kind_of(item) in _TEXT_KINDS:
            yield from _data_images(item)
    if any(_is_custom(item) for item in objects(document)):
        yield from side_images(document.top, name, variables=variables)


def _data_images(item: Node) -> Iterator[Found]:
    """Yield the images of the Kubernetes objects, Dockerfiles and values that a ConfigMap or Secret holds as text."""
    context, named = item.document.text.context, item.get("metadata", "name")
    taken = {key for of, key in (context.value_keys if context else ()) if named and of == named.text}
    for key in ("data", "stringData"):
        data = item.get(key)
        for file, value in data.entries() if data is not None else ():
            if _DOCKERFILE.fullmatch(file) is not None:
                yield from dockerfile_images(value, name)
            elif (file in taken or _VALUES.fullmatch(file) is not None) and value.document.is_first(
                TEXT_ROLE, value.raw
            ):
                for inner in inner_documents(value):
                    yield from value_images(inner.top, name)
            elif "apiVersion" in (value.text or "") and value.document.is_first("inlined", value.raw):
                for inner in inner_documents(value):
                    if claims(inner):
                        yield from pod_images(inner.top, name)


def _is_custom(item: Node) -> bool:
    """Whether an object is of a group with a name of its own: built-in ones have no dot or are ``k8s.io``."""
    group = group_of(item)
    return "." in group and not group.endswith(".k8s.io")


def pod_images(top: Node, format_name: str, *, variables: str | None = None) -> Iterator[Found]:
    """Yield the images of every pod spec at or below ``top``.

    ``variables`` is why ``${VAR}`` is skipped where something replaces it; elsewhere it is damage.
    """
    for key, value in top.values_of(*CONTAINER_KEYS, "volumes"):
        if key == "volumes":
            yield from _volume_images(value, format_name, variables)
        else:
            for container in value.new_items("container"):
                yield from container_images(container, format_name, variables=variables)


def side_images(top: Node, format_name: str, *, variables: str | None = None) -> Iterator[Found]:
    """Yield the images of containers beside pod specs; a mapping of repository and tag is reported as skipped."""
    for key, value in top.values_of(*_SIDE_KEYS, "image"):
        if key == "image":
            repository, tag = value.get("repository"), value.get("tag")
            is_apart = repository is not None and repository.text and tag is not None and tag.scalar
            if repository is not None and is_apart and value.document.is_first("judged", value.raw):
                yield skipped(repository, APART, format_name)
            continue
        for container in value.new_items("container") if value.is_sequence else (value,):
            yield from container_images(container, format_name, variables=variables)


def container_images(container: Node, format_name: str, *, variables: str | None = None) -> Iterator[Found]:
    """Yield the image of one container and those of its environment."""
    yield from _required(container.get("image"), format_name, variables)
    env = container.get("env")
    for variable in env.new_items("variable") if env is not None else ():
        yield from _env_images(variable, format_name, variables)


def inlined_images(node: Node, format_name: str) -> Iterator[Found]:
    """Yield the images of the Kubernetes objects that are written in a string, or in its place."""
    if not node.document.is_first("inlined", node.raw):
        return
    if node.text is None:
        yield from pod_images(node, format_name)
        return
    for document in inner_documents(node):
        yield from pod_images(document.top, format_name)


def _env_images(variable: Node, format_name: str, variables: str | None) -> Iterator[Found]:
    variable_name, value = variable.get("name"), variable.get("value")
    if variable_name is None or value is None:
        return
    called = variable_name.text or ""
    if IMAGE_ENV.fullmatch(called):
        for found in _required(value, format_name, variables):
            yield _with_tag_of_name(found, called)
    else:
        yield from json_images(value, format_name)


def _with_tag_of_name(found: Found, called: str) -> Found:
    """Add what the name of a generated variable says: the tag that its digest had."""
    if not isinstance(found, Place) or found.reference.tag is not None or found.reference.digest is None:
        return found
    decoded = decode_name(called) if called.startswith(PREFIX) else None
    if decoded is None or not decoded.tag:
        return found
    return replace(found, recorded=(found.reference.with_tag(decoded.tag),))


def _volume_images(volumes: Node, format_name: str, variables: str | None) -> Iterator[Found]:
    for volume in volumes.new_items("volume"):
        yield from _required(volume.get("image", "reference"), format_name, variables)


def _required(node: Node | None, format_name: str, variables: str | None) -> Iterator[Found]:
    found = required(node, format_name, variables=variables) if node is not None else None
    if found is not None:
        yield found
