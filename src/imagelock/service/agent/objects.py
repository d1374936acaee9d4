"""Write what the agent found into the cluster: Events on workloads, and a PolicyReport for each namespace.

Both are written so that writing them twice changes nothing, so any number of agents may run side by side: an
Event is named after what it says, a PolicyReport is applied by the server.  Follows the core/v1 Event, and
wgpolicyk8s.io/v1alpha2 of the policy working group.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter, defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from imagelock.cluster.api import read_answer, write_object
from imagelock.errors import ClusterError
from imagelock.ops.cluster.pods import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from imagelock.cluster.api import Server
    from imagelock.cluster.running import Owner
    from imagelock.ops.cluster.check import Report, Row
    from imagelock.ops.cluster.transitions import Transition

MANAGER = "imagelock"
REPORTS = "/apis/wgpolicyk8s.io/v1alpha2"
_VERSIONS = {
    "Pod": "v1",
    "ReplicationController": "v1",
    "PodTemplate": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}
_RESULTS = {
    State.LOCKED: "pass",
    State.EXEMPT: "skip",
    State.NOT_PINNED: "fail",
    State.NOT_LOCKED: "fail",
    State.COULD_NOT_TELL: "error",
}
_REASONS = {
    State.LOCKED: "ImageLocked",
    State.EXEMPT: "ImageExempt",
    State.NOT_PINNED: "ImageNotPinned",
    State.NOT_LOCKED: "ImageNotLocked",
    State.COULD_NOT_TELL: "ImageUnknown",
}
_FINE = (State.LOCKED, State.EXEMPT)
_LISTED = 500
"""Results of one report; its summary counts all."""
_MESSAGE = 1000
_APPLY = "application/apply-patch+yaml"


class Events:
    """An Event on each workload that enters a state, where ``kubectl describe`` shows it."""

    name = "events"

    def __init__(self, server: Server) -> None:
        self._server = server

    def hear(self, found: Sequence[Transition], report: Report) -> None:  # noqa: ARG002 - the protocol's signature
        """Write one Event for each transition; a workload that is gone has none."""
        _all(partial(self._write, item.row) for item in found if item.row is not None)

    def repeat(self) -> None:
        """Do nothing: Events are kept by the API server."""

    def _write(self, row: Row) -> None:
        now = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        state = row.result.state
        message = f"{row.container}: {row.image or '(none)'}: {row.result.detail}"
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": _event_name(row), "namespace": row.namespace},
            "involvedObject": _reference(row.workload, row.namespace),
            "reason": _REASONS[state],
            "message": message[:_MESSAGE],
            "type": "Normal" if state in _FINE else "Warning",
            "source": {"component": MANAGER},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        path = f"/api/v1/namespaces/{quote(row.namespace, safe='')}/events"
        write_object(self._server, "POST", path, msgspec.json.encode(event))


class PolicyReports:
    """One PolicyReport for each namespace with what is wrong in it, where dashboards of the ecosystem look."""

    name = "policy reports"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._written: dict[str, bytes] = {}

    def hear(self, found: Sequence[Transition], report: Report) -> None:  # noqa: ARG002 - the protocol's signature
        """Write the reports that changed, and remove those of namespaces that run nothing any more."""
        rows: dict[str, list[Row]] = defaultdict(list)
        for row in report.rows:
            rows[row.namespace].append(row)
        _all(partial(self._write, namespace, mine) for namespace, mine in rows.items())
        _all(partial(self._remove, namespace) for namespace in self._written.keys() - rows.keys())

    def repeat(self) -> None:
        """Do nothing: reports are kept by the API server."""

    def _write(self, namespace: str, rows: Sequence[Row]) -> None:
        body = msgspec.json.encode(_report(namespace, rows))
        if self._written.get(namespace) != body:
            query = f"?fieldManager={MANAGER}&force=true"
            write_object(self._server, "PATCH", _report_path(namespace) + query, body, _APPLY)
            self._written[namespace] = body

    def _remove(self, namespace: str) -> None:
        # A namespace that is gone took its report along, and asking again would not change that.
        del self._written[namespace]
        write_object(self._server, "DELETE", _report_path(namespace), b"")


def _all(writes: Iterable[Callable[[], None]]) -> None:
    """Make every write, whatever becomes of the others; raise the first error in the end."""
    first: ClusterError | None = None
    for write in writes:
        try:
            write()
        except ClusterError as error:
            first = first or error
    if first is not None:
        raise first


def has_reports(server: Server) -> bool:
    """Whether the cluster knows PolicyReports."""
    try:
        return b'"policyreports"' in read_answer(server, REPORTS)
    except ClusterError:
        return False


def _event_name(row: Row) -> str:
    said = "\0".join((str(row.workload), row.container, row.kind.value, row.image, row.result.state.value))
    return f"{row.workload.name[:200]}.imagelock-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def _reference(owner: Owner, namespace: str) -> dict[str, str]:
    version = _VERSIONS.get(owner.kind)
    known = {"apiVersion": version} if version else {}
    return {**known, "kind": owner.kind, "name": owner.name, "namespace": namespace}


def _report_path(namespace: str) -> str:
    return f"{REPORTS}/namespaces/{quote(namespace, safe='')}/policyreports/{MANAGER}"


def _report(namespace: str, rows: Iterable[Row]) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    results: list[dict[str, Any]] = []
    for row in rows:
        result = _RESULTS[row.result.state]
        counts[result] += row.containers
        if row.result.state not in _FINE and len(results) < _LISTED:
            results.append(_result(row, result))
    return {
        "apiVersion": "wgpolicyk8s.io/v1alpha2",
        "kind": "PolicyReport",
        "metadata": {
            "name": MANAGER,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
        },
        "summary": {name: counts[name] for name in ("pass", "fail", "warn", "error", "skip")},
        "results": results,
    }


def _result(row: Row, result: str) -> dict[str, Any]:
    return {
        "source": MANAGER,
        "policy": "images-are-locked",
        "rule": row.result.state.value.replace(" ", "-"),
        "category": "Supply chain",
        "severity": "medium" if result == "error" else "high",
        "result": result,
        "message": f"{row.image or '(none)'}: {row.result.detail}"[:_MESSAGE],
        "resources": [_reference(row.workload, row.namespace)],
        "properties": {"container": row.container, "image": row.image},
    }
