"""Judge again whenever the cluster or the lock changed, and tell each change once.

Stateless: what is told at the start is what is wrong then, so a second replica may run beside the first.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagelock.ops.cluster.check import check_cluster
from imagelock.ops.cluster.transitions import states, transitions

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from imagelock.model.exemption import Exemption
    from imagelock.model.lock import Lock
    from imagelock.ops.cluster.check import Report, Row
    from imagelock.ops.cluster.transitions import Subject, Transition
    from imagelock.service.agent.collector import Collector
    from imagelock.service.agent.metrics import Metrics

DEBOUNCE_SECONDS = 0.2
"""How long changes are gathered before they are judged together: a roll-out brings hundreds."""
LOCK_SECONDS = 2.0
"""How often the lock is looked at."""
STALE_SECONDS = 120.0
"""Alive is an agent that has judged or looked at the lock within this time."""


@dataclass(frozen=True, slots=True)
class CurrentLock:
    """The lock as it was read last, with the hash of its text."""

    lock: Lock
    sha256: str

    @classmethod
    def of(cls, lock: Lock, text: bytes) -> CurrentLock:
        """Name a lock by its text."""
        return cls(lock, hashlib.sha256(text).hexdigest())


@dataclass(slots=True, kw_only=True)
class Agent:
    """One watch of one cluster: ``tell`` hears each transition with the look that found it, ``remark`` what is worth a line.

    ``read_lock`` returns the lock as it is now; what it raises keeps the one before, and is remarked once.
    ``use`` gets each lock that counts from now on.
    """

    collector: Collector
    read_lock: Callable[[], CurrentLock]
    exemptions: Sequence[Exemption]
    today: Callable[[], dt.date]
    tell: Callable[[Sequence[Transition], Report], None]
    remark: Callable[[str], None]
    namespaces: tuple[str, ...] = ()
    use: Callable[[Lock], None] = lambda _: None
    metrics: Metrics | None = None
    is_ready: bool = False
    _before: dict[Subject, Row] = field(default_factory=dict)
    _lock: CurrentLock | None = None
    _complaint: str = ""
    _last: float = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether the loop still turns."""
        return time.monotonic() - self._last < STALE_SECONDS

    def run(self) -> None:
        """Look until the collector is stopped; raises what reading the first lock raises."""
        self._lock = self.read_lock()
        self.use(self._lock.lock)
        self._last = time.monotonic()
        self.collector.start()
        while True:
            is_changed = self.collector.changed.wait(LOCK_SECONDS)
            if self.collector.is_stopped:
                return
            is_new = self._refresh()
            self._last = time.monotonic()
            if not (is_changed or is_new) or not self.collector.is_complete:
                continue
            time.sleep(DEBOUNCE_SECONDS)
            self.collector.changed.clear()
            self._look()

    def _refresh(self) -> bool:
        """Read the lock again; whether it is another one."""
        try:
            current = self.read_lock()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a new lock, the old one stays good
            if str(error) != self._complaint:
                self._complaint = str(error)
                self.remark(f"the lock cannot be read, the one before counts: {error}")
            return False
        self._complaint = ""
        if self._lock is not None and current.sha256 == self._lock.sha256:
            return False
        self._lock = current
        self.use(current.lock)
        self.remark(f"another lock: sha256:{current.sha256[:12]}, {len(current.lock.images)} entries")
        return True

    def _look(self) -> None:
        current = self._lock
        if current is None:
            return
        newest = self.collector.last_event
        report = check_cluster(
            self.collector.observed(), current.lock, self.exemptions, self.today(), self.namespaces
        )
        after = states(report.rows)
        found = [item for item in transitions(self._before, after) if item.is_notable]
        self._before = after
        if self.metrics is not None:
            self.metrics.update(report, current.sha256, max(time.monotonic() - newest, 0.0))
            for item in found:
                self.metrics.transitions.labels("gone" if item.after is None else item.after.value).inc()
        self.tell(found, report)
        self.is_ready = True
