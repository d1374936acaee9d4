"""Azure Pipelines: container resources, and the containers of jobs and steps.

Read: ``image`` of ``resources.containers``, and ``container`` of the file, of jobs and of steps, which is an
image, a mapping with ``image``, or the name of a container resource.  A resource may be in another file, so
one word without a tag is reported and not taken.  ``$(var)``, ``$[ … ]`` and ``${{ … }}`` are filled in by the
service.  Follows the YAML schema reference of Azure Pipelines.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required, skipped
from imagelock.formats.classify.defaults import AZURE, followed, named_values
from imagelock.model.place import SkipKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "azure-pipelines"
summary = "Azure Pipelines: container resources, containers of jobs and steps"
marks: tuple[Mark, ...] = ("ontainer",)

_LISTS = ("stages", "jobs", "steps")
_ITEMS = frozenset(
    [
        *("stage", "job", "deployment", "task", "script", "bash", "pwsh", "powershell", "template"),
        *("checkout", "publish", "download"),
    ]
)
VARIABLE = "a variable or an expression of the pipeline"
RESOURCE = "one word: the name of a container resource, or an image of Docker Hub without a tag"


def claims(document: Document) -> bool:
    """Take documents with container resources, or with lists of stages, jobs or steps as this service has them."""
    top = document.top
    if top.get("apiVersion") is not None or top.get("kind") is not None:
        return False
    if any(item.get("image") is not None and item.get("container") is not None for item in _resources(top)):
        return True
    lists = (value for key in _LISTS if (value := top.get(key)) is not None)
    return any(not _ITEMS.isdisjoint(item.keys()) for value in lists for item in value.items())


def _resources(top: Node) -> Iterator[Node]:
    containers = top.get("resources", "containers")
    yield from containers.items() if containers is not None else ()


def find(document: Document) -> Iterator[Found]:
    """Yield the images of the resources, then those that jobs and steps name themselves."""
    resources = list(_resources(document.top))
    values = _values(document.top)
    names = {alias.text for item in resources if (alias := item.get("container")) is not None}
    for item in resources:
        yield from _image(item.get("image"), values)
    for _, container in document.top.values_of("container"):
        written = container.text or ""
        if container.is_mapping:
            yield from _image(container.get("image"), values)
        elif written in names or not document.is_first("container", container.raw):
            continue
        elif "$" not in written and not {":", "/", "@"} & {*written}:
            if written:
                yield skipped(container, RESOURCE, name)
        else:
            yield from _image(container, values)


def _values(top: Node) -> dict[str, list[Node]]:
    """Return the defaults of the parameters and the values of the variables."""
    values: defaultdict[str, list[Node]] = defaultdict(list)
    for _, listed in top.values_of("parameters", "variables"):
        for key, value in named_values(listed, "default", "value"):
            values[key].append(value)
    return values


def _image(node: Node | None, values: Mapping[str, Sequence[Node]]) -> Iterator[Found]:
    if node is None:
        return
    if AZURE.search(node.text or "") is not None:
        yield from followed(node, AZURE, values, name, VARIABLE)
        return
    found = (
        skipped(node, VARIABLE, name, SkipKind.TEMPLATE) if "$" in (node.text or "") else required(node, name)
    )
    if found is not None:
        yield found
