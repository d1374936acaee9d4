"""How ``cluster watch`` is put together: the project, the cluster, the endpoint, and the lines it prints."""

from __future__ import annotations

import datetime as dt
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn

from imagelock.cluster.running import UnreadableObject
from imagelock.errors import UsageError
from imagelock.report.style import printable, without_commands

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelock.cli.common import Run
    from imagelock.cluster.api import Access
    from imagelock.cluster.live import Scope
    from imagelock.ops.cluster.transitions import Transition
    from imagelock.service.agent.run import Agent, CurrentLock


def watch_cluster(run: Run, access: Access, scope: Scope, listen: str | None) -> NoReturn:
    """Watch until a signal ends the run."""
    from imagelock.cluster.api import connect
    from imagelock.cluster.live import list_paths
    from imagelock.files import encode
    from imagelock.lockfile.writer import render_lock
    from imagelock.ops.project import read_lock
    from imagelock.service.agent.collector import Collector
    from imagelock.service.agent.run import Agent, CurrentLock

    project = run.open()

    def current() -> CurrentLock:
        lock = read_lock(project).lock
        return CurrentLock.of(lock, encode(render_lock(lock)))

    with ExitStack() as stack:
        server = stack.enter_context(connect(access))
        paths = list(list_paths(server, scope))
        for item in paths:
            if isinstance(item, UnreadableObject):
                run.remark(f"{item.what}: {item.reason}")
        collector = Collector(server, [item for item in paths if not isinstance(item, UnreadableObject)])
        stack.callback(collector.stop)
        agent = Agent(
            collector=collector,
            read_lock=current,
            exemptions=project.config.exemptions,
            today=lambda: dt.datetime.now(tz=dt.UTC).date(),
            tell=_tell_json if run.is_json else _tell_text,
            remark=run.remark,
            namespaces=scope.namespaces,
        )
        if listen is not None:
            _serve(stack, run, agent, listen)
        agent.run()
    sys.exit(0)


def _serve(stack: ExitStack, run: Run, agent: Agent, listen: str) -> None:
    from imagelock.service.agent.endpoint import Endpoint

    try:
        from imagelock.service.agent.metrics import Metrics
    except ImportError as error:
        raise UsageError(
            "--listen needs the Prometheus client", hint="pip install 'imagelock[cluster]'"
        ) from error
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal():
        raise UsageError(
            f"{listen!r} is not an address to listen on", hint="write HOST:PORT, such as 0.0.0.0:8080"
        )
    agent.metrics = Metrics()
    try:
        endpoint = Endpoint(
            (host.strip("[]") or "0.0.0.0", int(port)),  # noqa: S104 - whoever gives no host means all of them
            agent.metrics.text,
            lambda: agent.is_ready,
            lambda: agent.is_alive,
        )
    except OSError as error:
        raise UsageError(f"cannot listen on {listen}: {(error.strerror or str(error)).lower()}") from error
    stack.enter_context(endpoint)
    run.remark(f"metrics on port {endpoint.port}")


def _tell_text(found: Iterable[Transition]) -> None:
    now = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for item in found:
        namespace, workload, container, _, image = item.subject
        state = "gone" if item.row is None else f"{item.row.result.state.value}: {item.row.result.detail}"
        line = printable(f"{now} {workload} in {namespace}: {container}: {image or '(none)'}: {state}")
        sys.stdout.write(without_commands(line) + "\n")
    sys.stdout.flush()


def _tell_json(found: Iterable[Transition]) -> None:
    import msgspec

    now = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
    for item in found:
        namespace, workload, container, kind, image = item.subject
        line = {
            "schema": "imagelock/cluster-watch/v1",
            "time": now,
            "namespace": namespace,
            "workload": str(workload),
            "container": container,
            "kind": kind.value,
            "reference": image,
            "before": None if item.before is None else item.before.value,
            "after": None if item.after is None else item.after.value,
            "detail": None if item.row is None else item.row.result.detail,
        }
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
