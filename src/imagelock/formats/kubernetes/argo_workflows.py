"""Argo Workflows (``argoproj.io``): images of every template, wherever a workflow is.

Read at any depth, so that workflows inside CronWorkflows and Sensors count: ``container``, ``script``,
``containerSet``, ``sidecars`` and ``initContainers``, and Kubernetes objects in ``resource.manifest``.
``{{inputs.parameters.x}}`` and ``{{workflow.parameters.x}}`` lead to the parameter's value or default, and to
the arguments with which steps and tasks of the same document call the template.
Follows the field reference of Argo Workflows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.formats.classify.objects import group_of, kind_of, objects
from imagelock.formats.classify.parameters import Parameters, image_of
from imagelock.formats.kubernetes.objects import CONTAINER_KEYS, container_images, inlined_images, pod_images
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections import ChainMap
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "argo-workflows"
summary = "Argo Workflows: containers, scripts, sidecars, manifests, defaults of parameters"
marks: tuple[Mark, ...] = ("argoproj.io/",)

_GROUP = "argoproj.io"
_KINDS = ("Workflow", "WorkflowTemplate", "CronWorkflow", "ClusterWorkflowTemplate", "Sensor")
_LISTS = (*CONTAINER_KEYS, "sidecars")
# The whole text must be one parameter: only then its default is the image.
_PARAMETER = lazy_regex(r"\{\{ *(?:inputs|workflow)\.parameters\.(?P<name>[\w-]+) *\}\}", re.ASCII)
_MARK = "{{"


def claims(document: Document) -> bool:
    """Take documents with a workflow of any kind, or what starts one."""
    return any(group_of(item) == _GROUP and kind_of(item) in _KINDS for item in objects(document))


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every template and pod in the document."""
    parameters = Parameters("value", "default")
    for _, spec in document.top.values_of("spec", "workflowSpec"):
        parameters.add(spec.get("arguments", "parameters"))
    calls = _calls(document.top)
    for key, value in document.top.values_of("templates", "templateDefaults"):
        for template in value.new_items("template") if key == "templates" else (value,):
            defaults = parameters.within(template.get("inputs", "parameters"))
            yield from _template(template, defaults, calls.get(_text(template.get("name")), {}))
    for _, manifest in document.top.values_of("manifest"):
        yield from inlined_images(manifest, name)
    yield from pod_images(document.top, name)


def _text(node: Node | None) -> str:
    return (node.text or "") if node is not None else ""


def _calls(top: Node) -> dict[str, dict[str, list[Node]]]:
    """Return, for each template by its name, the images that steps and tasks may give its parameters."""
    calls: defaultdict[str, dict[str, list[Node]]] = defaultdict(dict)
    for call in top.mappings():
        called, arguments = _text(call.get("template")), call.get("arguments", "parameters")
        if not called or arguments is None:
            continue
        for argument in arguments.new_items(f"argument of {called}"):
            key, value = _text(argument.get("name")), argument.get("value")
            if key and value is not None and _text(value) and _MARK not in _text(value):
                calls[called].setdefault(key, []).append(value)
    return calls


def _template(template: Node, defaults: ChainMap[str, Node], given: dict[str, list[Node]]) -> Iterator[Found]:
    for key in ("container", "script"):
        container = template.get(key)
        if container is not None:
            yield from _container(container, defaults, given)
    for part in (template, template.get("containerSet")):
        for key in _LISTS:
            containers = part.get(key) if part is not None else None
            for container in containers.new_items("template container") if containers is not None else ():
                yield from _container(container, defaults, given)


def _container(
    container: Node, defaults: ChainMap[str, Node], given: dict[str, list[Node]]
) -> Iterator[Found]:
    image = container.get("image")
    match = _PARAMETER.fullmatch((image.text or "").strip()) if image is not None else None
    arguments = given.get(match["name"]) if match is not None else None
    if match is not None and arguments is not None:
        given[match["name"]] = []  # they are reported once, whatever else in the template takes them
        for argument in arguments:
            found = required(argument, name)
            if found is not None:
                yield found
    is_led = arguments is not None and match is not None and match["name"] not in defaults
    if image is not None and is_led and image.document.is_first("judged", image.raw):
        image.document.taken.add(image.offset)
    elif image is not None:
        yield from image_of(image, _PARAMETER, defaults, _MARK, name)
    yield from container_images(container, name)
