"""What the agent knows, as Prometheus metrics; labels are bounded: states, kinds, namespaces."""

from __future__ import annotations

import time
from collections import Counter as Counts
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

if TYPE_CHECKING:
    from imagelock.ops.cluster.check import Report

_STATES = ("locked", "exempt", "not pinned", "could not tell", "not locked")


@dataclass(slots=True)
class Metrics:
    """The gauges and counters of one agent."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    containers: Gauge = field(init=False)
    unreadable: Gauge = field(init=False)
    looked: Gauge = field(init=False)
    lag: Gauge = field(init=False)
    lock: Gauge = field(init=False)
    transitions: Counter = field(init=False)
    admissions: Counter = field(init=False)

    def __post_init__(self) -> None:
        registry = self.registry
        self.containers = Gauge(
            "imagelock_containers",
            "Containers and pod templates by state, namespace and kind of workload.",
            ("state", "namespace", "kind"),
            registry=registry,
        )
        self.unreadable = Gauge(
            "imagelock_unreadable", "Parts of the cluster that cannot be read.", registry=registry
        )
        self.looked = Gauge(
            "imagelock_last_look_timestamp_seconds", "When everything was judged last.", registry=registry
        )
        self.lag = Gauge(
            "imagelock_lag_seconds", "From the newest event to the end of its judgement.", registry=registry
        )
        self.lock = Gauge(
            "imagelock_lock_info", "The lock that is compared with.", ("sha256",), registry=registry
        )
        self.transitions = Counter(
            "imagelock_transitions", "Containers that entered a state.", ("state",), registry=registry
        )

        self.admissions = Counter(
            "imagelock_admissions", "Requests that the webhook answered.", ("answer",), registry=registry
        )

    def update(self, report: Report, lock_hash: str, lag: float) -> None:
        """Say what was found by one look."""
        counts: Counts[tuple[str, str, str]] = Counts()
        for row in report.rows:
            counts[row.result.state.value, row.namespace, row.workload.kind] += row.containers
        self.containers.clear()
        for (state, namespace, kind), count in counts.items():
            self.containers.labels(state, namespace, kind).set(count)
        self.unreadable.set(report.outcome.summary.get("unseen", 0))
        self.lock.clear()
        self.lock.labels(lock_hash).set(1)
        self.looked.set(time.time())
        self.lag.set(lag)

    def text(self) -> bytes:
        """Return the text that Prometheus reads."""
        return generate_latest(self.registry)
