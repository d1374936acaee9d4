"""Argo Workflows (``argoproj.io``): images of every template, wherever a workflow stands.

Read at any depth, so that workflows inside CronWorkflows and Sensors count: ``container``, ``script``,
``containerSet``, ``sidecars`` and ``initContainers``, and Kubernetes objects in ``resource.manifest``.
``{{inputs.parameters.x}}`` and ``{{workflow.parameters.x}}`` lead to the parameter's value or default.
Follows the field reference of Argo Workflows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.kubernetes import CONTAINER_KEYS, container_images, inlined_images, pod_images
from imagelock.formats.objects import group_of, kind_of, objects
from imagelock.formats.parameters import Parameters, image_of
from imagelock.patterns import lazily

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.formats.text import Mark
    from imagelock.formats.tree import Document, Node
    from imagelock.model.place import Found

name = "argo-workflows"
summary = "Argo Workflows: containers, scripts, sidecars, manifests, defaults of parameters"
marks: tuple[Mark, ...] = ("argoproj.io/",)

_GROUP = "argoproj.io"
_KINDS = ("Workflow", "WorkflowTemplate", "CronWorkflow", "ClusterWorkflowTemplate", "Sensor")
_LISTS = (*CONTAINER_KEYS, "sidecars")
_PARAMETER = lazily(r"\{\{ *(?:inputs|workflow)\.parameters\.(?P<name>[\w-]+) *\}\}", re.ASCII)
_MARK = "{{"


def claims(document: Document) -> bool:
    """Take documents with a workflow of any kind, or what starts one."""
    return any(group_of(item) == _GROUP and kind_of(item) in _KINDS for item in objects(document))


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every template and pod in the document."""
    parameters = Parameters("value", "default")
    for _, spec in document.top.values_of("spec", "workflowSpec"):
        parameters.add(spec.get("arguments", "parameters"))
    for key, value in document.top.values_of("templates", "templateDefaults"):
        for template in value.new_items("template") if key == "templates" else (value,):
            yield from _template(template, parameters.within(template.get("inputs", "parameters")))
    for _, manifest in document.top.values_of("manifest"):
        yield from inlined_images(manifest, name)
    yield from pod_images(document.top, name)


def _template(template: Node, defaults: Mapping[str, Node]) -> Iterator[Found]:
    for key in ("container", "script"):
        container = template.get(key)
        if container is not None:
            yield from _container(container, defaults)
    for part in (template, template.get("containerSet")):
        for key in _LISTS:
            containers = part.get(key) if part is not None else None
            for container in containers.new_items("template container") if containers is not None else ():
                yield from _container(container, defaults)


def _container(container: Node, defaults: Mapping[str, Node]) -> Iterator[Found]:
    image = container.get("image")
    if image is not None:
        yield from image_of(image, _PARAMETER, defaults, _MARK, name)
    yield from container_images(container, name)
