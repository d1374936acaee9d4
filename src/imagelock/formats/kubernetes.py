"""Kubernetes objects: every pod spec in them, wherever it stands.

A pod spec is recognised by its shape (a list of containers), so workloads, Lists and custom resources
with pod templates are alike; the schemas of a CustomResourceDefinition have no list there and give
nothing.  Read: ``image`` of containers, initContainers and ephemeralContainers, image volumes
(``volumes[].image.reference``), and of the environment ``RELATED_IMAGE_*``, ``IMAGE_default_*`` and
JSON texts with ``image`` keys.  Follows the core/v1 API reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.candidates import has_variable, required
from imagelock.formats.nested import json_images
from imagelock.model.place import Damaged, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.tree import Document, Node
    from imagelock.model.place import Found

name = "kubernetes"
summary = "Kubernetes objects: containers, image volumes, RELATED_IMAGE_* and JSON in the environment"
marks: tuple[str, ...] = ("ontainers", "reference")

CONTAINER_KEYS = ("containers", "initContainers", "ephemeralContainers")
IMAGE_ENV = re.compile(r"(?:RELATED_IMAGE_|IMAGE_default_).+")


def claims(document: Document) -> bool:
    """Take every document with an apiVersion and a kind."""
    return document.top.get("apiVersion") is not None and document.top.get("kind") is not None


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every pod spec."""
    kind = document.top.get("kind")
    parametrised = kind is not None and kind.text == "Template"
    for found in pod_images(document.top, name):
        if parametrised and isinstance(found, Damaged) and has_variable(found.text):
            yield Skipped(
                text=found.text,
                line=found.line,
                column=found.column,
                reason="a parameter of an OpenShift Template",
                format=name,
            )
        else:
            yield found


def pod_images(top: Node, format_name: str) -> Iterator[Found]:
    """Yield the images of every pod spec at or below ``top``."""
    for key, value in top.values_of(*CONTAINER_KEYS, "volumes"):
        if key == "volumes":
            yield from _volume_images(value, format_name)
        else:
            for container in value.new_items("container"):
                yield from container_images(container, format_name)


def container_images(container: Node, format_name: str) -> Iterator[Found]:
    """Yield the image of one container and those of its environment."""
    image = container.get("image")
    if image is not None:
        found = required(image, format_name)
        if found is not None:
            yield found
    env = container.get("env")
    for variable in env.new_items("variable") if env is not None else ():
        yield from _env_images(variable, format_name)


def _env_images(variable: Node, format_name: str) -> Iterator[Found]:
    variable_name, value = variable.get("name"), variable.get("value")
    if variable_name is None or value is None:
        return
    if IMAGE_ENV.fullmatch(variable_name.text or ""):
        found = required(value, format_name)
        if found is not None:
            yield found
    else:
        yield from json_images(value, format_name)


def _volume_images(volumes: Node, format_name: str) -> Iterator[Found]:
    for volume in volumes.new_items("volume"):
        reference = volume.get("image", "reference")
        found = required(reference, format_name) if reference is not None else None
        if found is not None:
            yield found
