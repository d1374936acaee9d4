"""Values for what a cluster runs and would run, one for each container; nothing is judged here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class ContainerKind(Enum):
    """The four places of a pod that name an image."""

    CONTAINER = "container"
    INIT = "init"
    EPHEMERAL = "ephemeral"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """What controls a pod or a workload, in the same namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningContainer:
    """One container of one pod.

    ``image`` is what the pod's spec names, ``image_id`` what its status says that runs (None: nothing
    yet, or not told).  ``reason`` is why it waits, ``finished`` that the pod will never start it,
    ``created`` when the pod was made (RFC 3339, empty when it does not say).
    """

    namespace: str
    owner: Owner
    pod: str
    container: str
    kind: ContainerKind
    image: str
    image_id: str | None = None
    reason: str | None = None
    finished: bool = False
    created: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One container of a workload's pod template: what it names."""

    container: str
    kind: ContainerKind
    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One object that makes pods: what it is, what controls it, how many pods it wants, when it was made."""

    namespace: str
    me: Owner
    owner: Owner | None
    replicas: int
    templates: tuple[Template, ...]
    created: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node: its platform (``linux/amd64``; None when it reports none) and the images it holds, as it names them."""

    name: str
    platform: str | None
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableObject:
    """A part of the cluster that could not be read, and why."""

    what: str
    reason: str
    hint: str | None = None


Observed: TypeAlias = RunningContainer | Workload | Node | UnreadableObject
"""What reading a cluster yields."""
