"""``cluster check``: compare what a cluster runs with the lock, reported by workload instead of by pod.

Everything observed is counted by what it says, so that ten thousand pods of one workload are one
judgement.  Templates are judged as well, whatever their pods look like: they are what runs next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.cluster.running import ContainerKind
from imagelock.model.exemption import exemption_for_pod, expired
from imagelock.model.outcome import Outcome, finding
from imagelock.ops.cluster.nodes import judge_nodes, unknown_images
from imagelock.ops.cluster.pods import ContainerResult, Judge, State, reference_of
from imagelock.ops.cluster.seen import see

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.cluster.running import Observed, Owner, UnreadableObject
    from imagelock.model.exemption import Exemption
    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.outcome import Finding
    from imagelock.ops.cluster.pods import Subject
    from imagelock.ops.cluster.seen import Seen, Use

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


def check_cluster(
    observed: Iterable[Observed],
    lock: Lock,
    exemptions: Sequence[Exemption],
    today: dt.date,
    namespaces: Sequence[str] = (),
) -> Report:
    """Judge everything observed; with ``namespaces`` only what is in them."""
    seen = see(observed, namespaces)
    judge = ExemptingJudge(Judge(lock), exemptions, today)
    rows = _folded(_row(use, judge) for use in seen.uses())
    nodes = tuple(seen.nodes.values())
    findings = (
        *(item for row in rows for item in _findings(row)),
        *judge_nodes(nodes, _used(rows, lock)),
        *map(not_seen, seen.unseen),
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


class ExemptingJudge:
    """Judge containers, the exemptions first, and remember which exemptions were used."""

    def __init__(self, judge: Judge, exemptions: Sequence[Exemption], today: dt.date) -> None:
        self._judge = judge
        self._exemptions = exemptions
        self._today = today
        self._used: set[int] = set()

    def judge(self, subject: Subject, namespace: str, owners: Sequence[Owner]) -> ContainerResult:
        """Return what is known of one container of these owners."""
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


def _row(use: Use, judge: ExemptingJudge) -> Row:
    return Row(
        namespace=use.namespace,
        workload=use.workload,
        container=use.container,
        kind=use.subject.kind,
        image=use.subject.image,
        result=judge.judge(use.subject, use.namespace, use.owners),
        containers=use.pods or 1,
        pods=use.pods,
        example=use.example,
    )


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


def _summary(rows: Sequence[Row], seen: Seen) -> dict[str, int]:
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


def not_seen(item: UnreadableObject) -> Finding:
    """Report a part of the cluster that could not be read (IL302)."""
    return finding("IL302", f"{item.what}: {item.reason}", reference=None, hint=item.hint)
