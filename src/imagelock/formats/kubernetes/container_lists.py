"""Lists of containers in documents that are no Kubernetes objects: pod templates of other tools.

Prow's jobs, the worker pods of schedulers, parts of pods that programs put together: whatever has
``containers`` with ``name`` and ``image``.  ``containerDefinitions`` are those of Amazon's task definitions.
Read last: a format that knows the document knows better.  Follows the core/v1 API reference, Prow's
configuration and Amazon ECS's task definition parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.formats.kubernetes.objects import CONTAINER_KEYS, pod_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "container-lists"
summary = "lists of containers elsewhere: Prow jobs, pod templates of other tools, ECS task definitions"
marks: tuple[Mark, ...] = ("ontainer",)

_DEFINITIONS = "containerDefinitions"
_PROW = ("presubmits", "postsubmits", "periodics", "presets")
_DESCRIPTIONS = ("openapi", "swagger", "$schema")
"""What describes an API shows examples, and no containers."""
VARIABLE = "a variable of another tool"


def claims(document: Document) -> bool:
    """Take documents with a list of containers that have a name and an image, and Prow's jobs."""
    if any(document.top.get(key) is not None for key in _DESCRIPTIONS):
        return False
    if any(document.top.get(key) is not None for key in _PROW):
        return True
    return any(
        _is_container(item)
        for _, value in document.top.values_of(*CONTAINER_KEYS, _DEFINITIONS)
        for item in value.new_items("candidate")
    )


def _is_container(item: Node) -> bool:
    return all((value := item.get(key)) is not None and value.text for key in ("name", "image"))


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every list."""
    yield from pod_images(document.top, name, variables=VARIABLE)
    for _, value in document.top.values_of(_DEFINITIONS):
        for item in value.new_items("definition"):
            image = item.get("image")
            found = required(image, name, variables=VARIABLE) if image is not None else None
            if found is not None:
                yield found
