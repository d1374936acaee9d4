"""What changed between two looks at a cluster: each container that entered another state, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from imagelock.ops.cluster.pods import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.cluster.running import ContainerKind, Owner
    from imagelock.ops.cluster.check import Row

Subject: TypeAlias = "tuple[str, Owner, str, ContainerKind, str]"
"""Namespace, workload, container, its kind, and the image that its spec names."""
_FINE = (State.LOCKED, State.EXEMPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One container that is in another state than before; ``before`` None: new, ``row`` None: gone."""

    subject: Subject
    before: State | None
    row: Row | None

    @property
    def after(self) -> State | None:
        """The state it is in now; None when it is gone."""
        return None if self.row is None else self.row.result.state

    @property
    def is_notable(self) -> bool:
        """Whether somebody must hear of it: it is wrong now, or was wrong and is right or gone."""
        return self.after not in (None, *_FINE) or self.before not in (None, *_FINE)


def states(rows: Sequence[Row]) -> dict[Subject, Row]:
    """Return the worst row of each container: pods of one workload may differ while they are replaced."""
    found: dict[Subject, Row] = {}
    for row in rows:
        # Rows come with errors last.
        found[row.namespace, row.workload, row.container, row.kind, row.image] = row
    return found


def transitions(before: Mapping[Subject, Row], after: Mapping[Subject, Row]) -> Iterator[Transition]:
    """Yield every container whose state changed, in the order of the table; what is gone comes last."""
    for subject, row in after.items():
        old = before.get(subject)
        if old is None or old.result.state is not row.result.state:
            yield Transition(subject=subject, before=None if old is None else old.result.state, row=row)
    for subject, old in before.items():
        if subject not in after:
            yield Transition(subject=subject, before=old.result.state, row=None)
