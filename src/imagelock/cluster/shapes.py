"""Find the pod templates of any object by their shape: kinds of which nothing else is known.

Argo Rollouts, DeploymentConfigs, Knative Services, CloneSets, Tekton and Argo templates and every custom
resource that makes pods hold containers somewhere: lists named as a pod's are, or one container by itself,
whose items have a name and an image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagelock.cluster.running import ContainerKind, Template

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTS = {
    "containers": ContainerKind.CONTAINER,
    "initContainers": ContainerKind.INIT,
    "ephemeralContainers": ContainerKind.EPHEMERAL,
    "sidecars": ContainerKind.CONTAINER,
    "steps": ContainerKind.CONTAINER,
}
_SINGLE = ("container", "script", "stepTemplate")
"""Keys of one container by itself: Argo's templates, Tekton's common part of all steps."""
HISTORY = frozenset(("ControllerRevision", "Event", "CustomResourceDefinition", "PodMetrics"))
"""Kinds that hold containers and make no pods: what was, what happened, schemas, measurements."""


def templates_of(document: object) -> tuple[Template, ...]:
    """Return the containers of every pod template in an object, its ``status`` and ``metadata`` apart."""
    if not isinstance(document, dict):
        return ()
    found = (
        item
        for key, value in document.items()
        if key not in ("status", "metadata")
        for item in _below(key, value)
    )
    return tuple(dict.fromkeys(found))


def _below(key: str, value: object) -> Iterator[Template]:
    waiting: list[tuple[str, object]] = [(key, value)]
    while waiting:
        name, item = waiting.pop()
        if isinstance(item, dict):
            yield from _containers(name, item)
            waiting += reversed(list(item.items()))
        elif isinstance(item, list):
            yield from (one for part in item if isinstance(part, dict) for one in _listed(name, part))
            waiting += [("", part) for part in reversed(item)]


def _containers(key: str, item: dict[str, Any]) -> Iterator[Template]:
    image = item.get("image")
    if key in _SINGLE and isinstance(image, str):
        yield Template(container=_name(item, key), kind=ContainerKind.CONTAINER, image=image)
    if key == "image" and isinstance(item.get("reference"), str) and "pullPolicy" in item:
        yield Template(container="volume", kind=ContainerKind.VOLUME, image=item["reference"])


def _listed(key: str, item: dict[str, Any]) -> Iterator[Template]:
    image = item.get("image")
    if key in _LISTS and isinstance(image, str):
        yield Template(container=_name(item, key), kind=_LISTS[key], image=image)


def _name(item: dict[str, Any], otherwise: str) -> str:
    name = item.get("name")
    return name if isinstance(name, str) else otherwise
