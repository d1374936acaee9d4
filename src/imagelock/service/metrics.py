"""What a registry did, as Prometheus metrics: labels are bounded, no repository and no user is among them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.service.exchange import Exchange

_KIND = re.compile(
    r"/v2/(?:.+/(manifests|tags|referrers)/[^/]+|.+/(blobs)/(uploads)?.*|(_catalog)|)", re.ASCII
)
_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 300.0)


class Metrics:
    """Counts each answer; ``connections`` and ``uploads`` say how many are open now."""

    def __init__(self, connections: Callable[[], int], uploads: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._requests = Counter(
            "imagelock_registry_requests",
            "Answers by what was asked for, method and status.",
            ("kind", "method", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "imagelock_registry_request_seconds",
            "From the head of a request to the end of its answer.",
            ("kind", "method"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._received = Counter(
            "imagelock_registry_received_bytes", "Bodies of requests.", registry=self._registry
        )
        self._sent = Counter("imagelock_registry_sent_bytes", "Bodies of answers.", registry=self._registry)
        self._cut = Counter(
            "imagelock_registry_cut_answers",
            "Answers that were not sent whole: the client went away, or the content is damaged.",
            registry=self._registry,
        )
        for name, help_, ask in (
            ("imagelock_registry_connections", "Clients that are connected.", connections),
            ("imagelock_registry_uploads", "Uploads that are not finished.", uploads),
        ):
            Gauge(name, help_, registry=self._registry).set_function(ask)

    def __call__(self, exchange: Exchange) -> None:
        """Count one answer."""
        key = kind_of(exchange.path), exchange.method, exchange.status
        known = self._known.get(key)
        if known is None:  # Looking children up by their labels costs as much as counting.
            kind, method, status = key
            known = self._requests.labels(kind, method, str(status)), self._seconds.labels(kind, method)
            self._known[key] = known
        known[0].inc()
        known[1].observe(exchange.seconds)
        self._received.inc(exchange.received)
        self._sent.inc(exchange.sent)
        if not exchange.is_whole:
            self._cut.inc()

    def text(self) -> bytes:
        """Return the text that Prometheus reads."""
        return generate_latest(self._registry)


def kind_of(path: str) -> str:
    """Return what a path asks for, one of a few words."""
    match = _KIND.fullmatch(path)
    if match is None:
        return "other"
    if match[3]:
        return "uploads"
    return match[1] or match[2] or ("catalog" if match[4] else "base")
