"""Gather what was observed of a cluster, counted by what it says: ten thousand equal pods are one group."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from imagelock.cluster.running import Node, RunningContainer, UnreadableObject, Workload
from imagelock.ops.cluster.pods import Subject

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

    from imagelock.cluster.running import ContainerKind, Observed, Owner

_CHAIN = 8
"""Owners of owners; a chain of objects that own each other ends here."""


class Key(NamedTuple):
    """What pods have in common that are judged alike."""

    namespace: str
    owner: Owner
    container: str
    subject: Subject


@dataclass(slots=True)
class Count:
    """How many pods, one of them, and when the oldest was made (RFC 3339, empty when no pod says)."""

    pods: int
    example: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One container of one workload: of ``pods`` pods that are alike, or with 0 of its pod template.

    ``owners`` are the names by which an exemption may mean it; ``since`` is when the oldest of the pods, or
    the workload, was made.
    """

    namespace: str
    workload: Owner
    owners: tuple[Owner, ...]
    container: str
    subject: Subject
    pods: int
    example: str | None
    since: str


@dataclass(slots=True)
class Seen:
    """Everything observed, counted."""

    groups: dict[Key, Count] = field(default_factory=dict)
    workloads: dict[tuple[str, Owner], Workload] = field(default_factory=dict)
    pods: set[tuple[str, str]] = field(default_factory=set)
    unseen: list[UnreadableObject] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    _pod: tuple[str, str] | None = None

    def add(self, item: Observed) -> None:
        """Count one thing; what was seen before, in another dump, counts once."""
        if isinstance(item, RunningContainer):
            self._add_running(item)
        elif isinstance(item, Workload):
            self.workloads.setdefault((item.namespace, item.me), item)
        elif isinstance(item, Node):
            self.nodes.setdefault(item.name, item)
        else:
            self.unseen.append(item)

    def _add_running(self, item: RunningContainer) -> None:
        pod = (item.namespace, item.pod)
        if pod != self._pod and pod in self.pods:
            return  # the same pod in another dump
        self._pod = pod
        self.pods.add(pod)
        subject = Subject(
            image=item.image,
            kind=item.kind,
            image_id=item.image_id,
            reason=None if item.image_id else item.reason,
            has_status=item.image_id is not None or not item.finished,
        )
        key = Key(item.namespace, item.owner, item.container, subject)
        count = self.groups.get(key)
        if count is None:
            self.groups[key] = Count(1, item.pod, item.created)
            return
        count.pods += 1
        count.since = min(count.since, item.created)

    def top(self, namespace: str, owner: Owner) -> Owner:
        """Return what controls a pod in the end: the Deployment and not its ReplicaSet."""
        for _ in range(_CHAIN):
            workload = self.workloads.get((namespace, owner))
            if workload is None or workload.owner is None:
                break
            owner = workload.owner
        return owner

    def uses(self) -> Iterator[Use]:
        """Yield every container: first of pods, then of templates that differ from what their pods run.

        Templates are what runs next, whatever runs now; a container whose pods name the same image is one use.
        """
        running: set[tuple[str, Owner, str, ContainerKind, str]] = set()
        for key, count in self.groups.items():
            top = self.top(key.namespace, key.owner)
            for owner in (key.owner, top):
                running.add((key.namespace, owner, key.container, key.subject.kind, key.subject.image))
            yield Use(
                namespace=key.namespace,
                workload=top,
                owners=(key.owner, top),
                container=key.container,
                subject=key.subject,
                pods=count.pods,
                example=count.example,
                since=count.since,
            )
        for workload in self.workloads.values():
            if self._would_run(workload):
                yield from _templates(workload, running)

    def _would_run(self, workload: Workload) -> bool:
        """Whether a workload may make pods: a Deployment's old ReplicaSets stay at zero for good."""
        if workload.owner is None:
            return True
        return workload.replicas > 0 and (workload.namespace, workload.owner) not in self.workloads


def _templates(
    workload: Workload, running: Container[tuple[str, Owner, str, ContainerKind, str]]
) -> Iterator[Use]:
    for item in workload.templates:
        if (workload.namespace, workload.me, item.container, item.kind, item.image) not in running:
            yield Use(
                namespace=workload.namespace,
                workload=workload.me,
                owners=(workload.me,),
                container=item.container,
                subject=Subject(image=item.image, kind=item.kind, has_status=False),
                pods=0,
                example=None,
                since=workload.created,
            )


def see(observed: Iterable[Observed], namespaces: Sequence[str] = ()) -> Seen:
    """Gather everything observed; with ``namespaces`` only what is in them.

    Nothing at all is noted as unreadable: a mistyped namespace, or a dump of other things, must not look
    like a clean cluster.
    """
    seen = Seen()
    for item in observed:
        if isinstance(item, (UnreadableObject, Node)) or not namespaces or item.namespace in namespaces:
            seen.add(item)
    if not seen.groups and not seen.workloads and not seen.unseen:
        seen.unseen.append(
            UnreadableObject(what=", ".join(namespaces) or "cluster", reason="neither a pod nor a workload")
        )
    return seen
