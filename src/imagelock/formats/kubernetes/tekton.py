"""Tekton objects (``tekton.dev``): images of steps and sidecars, bundles that tasks are taken from.

Read at any depth, so that tasks inside pipelines and trigger templates count: ``image`` of ``steps``,
``sidecars`` and ``stepTemplate``, of a ``StepAction``, ``bundle`` of ``taskRef`` and ``pipelineRef``, and
the ``bundle`` parameter of the bundles resolver.  ``$(params.name)`` leads to what the task is given for it
where it is written, else to the parameter's default.
Follows the Tekton Pipelines API reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import has_variable, required, skipped
from imagelock.formats.classify.objects import group_of, objects
from imagelock.formats.classify.parameters import PUT_TOGETHER, Parameters, image_of
from imagelock.formats.kubernetes.objects import container_images, pod_images
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import SkipKind

if TYPE_CHECKING:
    from collections import ChainMap
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "tekton"
summary = "Tekton tasks, pipelines, runs and step actions: steps, sidecars, defaults of parameters, bundles"
marks: tuple[Mark, ...] = ("tekton.dev/",)

_GROUPS = ("tekton.dev", "triggers.tekton.dev")
_INLINE = "taskSpec"
_SPECS = ("spec", _INLINE)
_STEP_LISTS = ("steps", "sidecars")
_REFS = ("taskRef", "pipelineRef", "ref")
# Both spellings that Tekton takes, `$(params.x)` and `$(params["x"])`; `inputs.` is the old one.
_PARAMETER = lazy_regex(r"\$\((?:inputs\.)?params(?:\.|\[[\"'])(?P<name>[\w.-]+)(?:[\"']\])?\)", re.ASCII)
_MARK = "$("


def claims(document: Document) -> bool:
    """Take documents with an object of Tekton's groups."""
    return any(group_of(item) in _GROUPS for item in objects(document))


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every task and pod in the document."""
    parameters = Parameters("default")
    for _, params in document.top.values_of("params"):
        parameters.add(params)
    for owner in document.top.mappings():
        for key in (*_SPECS, *_REFS):
            value = owner.get(key)
            if value is not None and key in _REFS:
                yield from _bundle(value)
            elif value is not None:
                yield from _task(value, parameters, owner.get("params") if key == _INLINE else None)
    yield from pod_images(document.top, name)


def _task(spec: Node, parameters: Parameters, given: Node | None) -> Iterator[Found]:
    """Read the steps of a task or the one of a step action; what it is given and its own parameters come first."""
    defaults = parameters.within(spec.get("params"), given=given)
    for key, value in spec.entries():
        if key in _STEP_LISTS:
            for step in value.new_items("step"):
                yield from _step(step, defaults)
        elif key == "stepTemplate":
            yield from _step(value, defaults)
    if spec.get("image") is not None:
        yield from _step(spec, defaults)


def _step(step: Node, defaults: ChainMap[str, Node]) -> Iterator[Found]:
    image = step.get("image")
    if image is not None:
        yield from image_of(image, _PARAMETER, defaults, _MARK, name)
    yield from container_images(step, name)


def _bundle(ref: Node) -> Iterator[Found]:
    """Read an OCI bundle: a key of its own before v1, a parameter of the resolver since."""
    bundle = ref.get("bundle")
    resolver, params = ref.get("resolver"), ref.get("params")
    if bundle is None and resolver is not None and resolver.text == "bundles" and params is not None:
        named = (
            item for item in params.items() if (key := item.get("name")) is not None and key.text == "bundle"
        )
        bundle = next((value for item in named if (value := item.get("value")) is not None), None)
    if bundle is None:
        return
    found = (
        skipped(bundle, PUT_TOGETHER, name, SkipKind.TEMPLATE)
        if has_variable(bundle.text or "")
        else required(bundle, name)
    )
    if found is not None:
        yield found
