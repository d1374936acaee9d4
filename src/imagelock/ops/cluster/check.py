"""``cluster check``: compare what a cluster runs with the lock, reported by workload instead of by pod.

Everything observed is counted by what it says, so that ten thousand pods of one workload are one
judgement.  Templates are judged as well, whatever their pods look like: they are what runs next.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from imagelock.cluster.running import ContainerKind, Node, RunningContainer, UnreadableObject, Workload
from imagelock.model.exemption import exemption_for_pod, expired
from imagelock.model.outcome import Outcome, finding
from imagelock.ops.cluster.nodes import judge_nodes, unknown_images
from imagelock.ops.cluster.pods import ContainerResult, Judge, State, Subject, reference_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.cluster.running import Observed, Owner
    from imagelock.model.exemption import Exemption
    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.outcome import Finding

_CHAIN = 8
"""Owners of owners; a chain of objects that own each other ends here."""
_CODES = {State.NOT_LOCKED: "IL201", State.NOT_PINNED: "IL202", State.COULD_NOT_TELL: "IL302"}
_ORDER = (State.LOCKED, State.EXEMPT, State.NOT_PINNED, State.COULD_NOT_TELL, State.NOT_LOCKED)
"""The order of the table: what matters comes last, where a terminal ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One container of one workload in one state; ``containers`` counts pods, or 1 for a template."""

    namespace: str
    workload: Owner
    container: str
    kind: ContainerKind
    image: str
    result: ContainerResult
    containers: int
    pods: int
    example: str | None

    @property
    def where(self) -> str:
        """The workload as people name it."""
        return f"{self.workload} in {self.namespace}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found: rows, errors last, and the same as an outcome."""

    rows: tuple[Row, ...]
    outcome: Outcome


class _Key(NamedTuple):
    namespace: str
    owner: Owner
    container: str
    subject: Subject


@dataclass(slots=True)
class _Count:
    pods: int = 0
    example: str | None = None


@dataclass(slots=True)
class _Seen:
    """Everything observed, counted."""

    groups: dict[_Key, _Count] = field(default_factory=dict)
    workloads: dict[tuple[str, Owner], Workload] = field(default_factory=dict)
    pods: set[tuple[str, str]] = field(default_factory=set)
    unseen: list[UnreadableObject] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    _pod: tuple[str, str] | None = None

    def add(self, item: Observed) -> None:
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
        key = _Key(item.namespace, item.owner, item.container, subject)
        count = self.groups.setdefault(key, _Count(0, item.pod))
        count.pods += 1

    def top(self, namespace: str, owner: Owner) -> Owner:
        """Return what controls a pod in the end: the Deployment and not its ReplicaSet."""
        for _ in range(_CHAIN):
            workload = self.workloads.get((namespace, owner))
            if workload is None or workload.owner is None:
                break
            owner = workload.owner
        return owner


def check_cluster(
    observed: Iterable[Observed],
    lock: Lock,
    exemptions: Sequence[Exemption],
    today: dt.date,
    namespaces: Sequence[str] = (),
) -> Report:
    """Judge everything observed; with ``namespaces`` only what is in them."""
    seen = _Seen()
    for item in observed:
        if isinstance(item, (UnreadableObject, Node)) or not namespaces or item.namespace in namespaces:
            seen.add(item)
    if not seen.groups and not seen.workloads and not seen.unseen:
        # A mistyped namespace, or a dump of other things, must not look like a clean cluster.
        seen.unseen.append(
            UnreadableObject(what=", ".join(namespaces) or "cluster", reason="neither a pod nor a workload")
        )
    judge = _Exempting(Judge(lock), exemptions, today)
    rows = _folded([*_running_rows(seen, judge), *_template_rows(seen, judge)])
    nodes = tuple(seen.nodes.values())
    findings = (
        *(item for row in rows for item in _findings(row)),
        *judge_nodes(nodes, _used(rows, lock)),
        *map(_not_seen, seen.unseen),
    )
    outcome = Outcome(
        command="cluster-check",
        findings=findings,
        summary=_summary(rows, seen),
        advice=(*judge.remarks(), *unknown_images(nodes, lock)),
    )
    return Report(rows, outcome)


def _used(rows: Iterable[Row], lock: Lock) -> set[LockedImage]:
    """Return the entries that pods and templates name by their digest."""
    references = (reference_of(row.image) for row in rows if row.result.state is State.LOCKED)
    return {
        entry
        for reference in references
        if reference is not None and reference.digest is not None
        for entry in lock.with_digest(reference.name, reference.digest)
    }


def with_cluster(outcome: Outcome, clustered: Outcome) -> Outcome:
    """Add what a cluster runs to another report: one report, one exit code."""
    counts = {f"cluster_{name}": count for name, count in clustered.summary.items()}
    return replace(
        outcome,
        findings=(*outcome.findings, *clustered.findings),
        summary={**outcome.summary, **counts},
        advice=(*outcome.advice, *clustered.advice),
    )


class _Exempting:
    """A judge that asks the exemptions first and remembers which were used."""

    def __init__(self, judge: Judge, exemptions: Sequence[Exemption], today: dt.date) -> None:
        self._judge = judge
        self._exemptions = exemptions
        self._today = today
        self._used: set[int] = set()

    def judge(self, subject: Subject, namespace: str, owners: Sequence[Owner]) -> ContainerResult:
        reference = reference_of(subject.image)
        if reference is not None and self._exemptions:
            names = [str(owner) for owner in owners]
            exemption = exemption_for_pod(reference, namespace, names, self._exemptions, self._today)
            if exemption is not None:
                self._used.add(id(exemption))
                return ContainerResult(State.EXEMPT, exemption.reason)
        return self._judge.judge(subject)

    def remarks(self) -> Iterator[str]:
        """Report which exemptions are over, and which of those for pods cover nothing here."""
        over = expired(self._exemptions, self._today)
        for item in over:
            yield f"the exemption for {item.shown} expired on {item.expires}"
        for item in self._exemptions:
            if item.is_for_pods and item not in over and id(item) not in self._used:
                yield f"the exemption for {item.image} matches no pod in this cluster"


def _running_rows(seen: _Seen, judge: _Exempting) -> Iterator[Row]:
    for key, count in seen.groups.items():
        top = seen.top(key.namespace, key.owner)
        yield Row(
            namespace=key.namespace,
            workload=top,
            container=key.container,
            kind=key.subject.kind,
            image=key.subject.image,
            result=judge.judge(key.subject, key.namespace, (key.owner, top)),
            containers=count.pods,
            pods=count.pods,
            example=count.example,
        )


def _template_rows(seen: _Seen, judge: _Exempting) -> Iterator[Row]:
    """Judge the templates of all workloads: what they will run next, whatever runs now.

    A container whose pods name the same image already has its row; where they differ there are two.
    """
    running = {
        (key.namespace, owner, key.container, key.subject.kind, key.subject.image)
        for key in seen.groups
        for owner in (key.owner, seen.top(key.namespace, key.owner))
    }
    for workload in seen.workloads.values():
        if not _would_run(workload, seen):
            continue
        for item in workload.templates:
            if (workload.namespace, workload.me, item.container, item.kind, item.image) in running:
                continue
            subject = Subject(image=item.image, kind=item.kind, has_status=False)
            yield Row(
                namespace=workload.namespace,
                workload=workload.me,
                container=item.container,
                kind=item.kind,
                image=item.image,
                result=judge.judge(subject, workload.namespace, (workload.me,)),
                containers=1,
                pods=0,
                example=None,
            )


def _would_run(workload: Workload, seen: _Seen) -> bool:
    """Whether a workload may make pods: a Deployment's old ReplicaSets stay at zero for good."""
    if workload.owner is None:
        return True
    return workload.replicas > 0 and (workload.namespace, workload.owner) not in seen.workloads


def _folded(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Join rows that say the same of the same workload; order them, errors last."""
    joined: dict[tuple[str, Owner, str, ContainerKind, str, ContainerResult], Row] = {}
    for row in rows:
        key = (row.namespace, row.workload, row.container, row.kind, row.image, row.result)
        before = joined.get(key)
        joined[key] = row if before is None else _sum(before, row)
    return tuple(sorted(joined.values(), key=_rank))


def _sum(one: Row, other: Row) -> Row:
    return replace(one, containers=one.containers + other.containers, pods=one.pods + other.pods)


def _rank(row: Row) -> tuple[int, str, Owner, str, str, str]:
    kinds = (row.kind.value, row.container, row.image)
    return (_ORDER.index(row.result.state), row.namespace, row.workload, *kinds)


def _summary(rows: Sequence[Row], seen: _Seen) -> dict[str, int]:
    counts = {
        state.value.replace(" ", "_"): sum(row.containers for row in rows if row.result.state is state)
        for state in _ORDER
    }
    return {
        "pods": len(seen.pods),
        "workloads": len({(row.namespace, row.workload) for row in rows}),
        "containers": sum(row.containers for row in rows),
        **counts,
        "unseen": len(seen.unseen),
    }


def _findings(row: Row) -> Iterator[Finding]:
    result = row.result
    code = _CODES.get(result.state)
    if code is not None:
        yield _finding(row, code, f"{row.where}: {row.image}: {result.detail}", result.hint)
    if result.warning is not None:
        yield _finding(row, "IL115", f"{row.where}: {row.image}: {result.warning}", None)
    if result.state is State.COULD_NOT_TELL and not result.pinned:
        # What runs is not known; that the spec has no digest is, and stays true when it runs.
        yield _finding(row, "IL202", f"{row.where}: {row.image}: no digest in the spec", None)


_HINTS = {
    "IL115": "run `imagelock pin` on the manifest it was made from, and deploy it again",
    "IL201": "deploy the pinned files again, or exempt the image with a reason",
    "IL202": "pin the manifest it was made from (`imagelock pin`) and deploy it again",
}


def _finding(row: Row, code: str, message: str, hint: str | None) -> Finding:
    where = f"{row.kind.value if row.kind is ContainerKind.VOLUME else _container(row.kind)} {row.container}"
    pods = f"{row.pods} {'pod' if row.pods == 1 else 'pods'}, for example {row.example}"
    return finding(
        code,
        message,
        reference=row.image,
        notes=[f"{where}: {pods}" if row.pods else f"{where}: its pod template", *row.result.notes],
        hint=hint or _HINTS.get(code),
    )


def _container(kind: ContainerKind) -> str:
    return "container" if kind is ContainerKind.CONTAINER else f"{kind.value} container"


def _not_seen(item: UnreadableObject) -> Finding:
    return finding("IL302", f"{item.what}: {item.reason}", reference=None, hint=item.hint)
