"""How ``cluster watch`` is put together: the project, the cluster, the endpoint, and the lines it prints."""

from __future__ import annotations

import datetime as dt
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from imagelock.cli.cluster_scope import today
from imagelock.cluster.running import UnreadableObject
from imagelock.errors import UsageError
from imagelock.report.style import printable, without_commands
from imagelock.service.agent.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from imagelock.cli.cluster_scope import Looked
    from imagelock.cli.common import Run
    from imagelock.cluster.api import Server
    from imagelock.ops.cluster.check import Report
    from imagelock.ops.cluster.transitions import Transition
    from imagelock.ops.project import Project
    from imagelock.service.agent.outbox import Sink
    from imagelock.service.agent.run import Agent, CurrentLock


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What ``cluster watch`` is asked for, besides the cluster."""

    listen: str | None = None
    lock_from: str | None = None
    notify: tuple[str, ...] = ()
    events: bool = False
    policy_reports: bool = False
    webhook: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    webhook_action: str = "Deny"


def watch_cluster(run: Run, target: Looked, asked: Watching) -> NoReturn:
    """Watch until a signal ends the run."""
    from imagelock.cluster.api import connect
    from imagelock.cluster.live import list_paths
    from imagelock.service.agent.collector import Collector
    from imagelock.service.agent.notify import notifiers
    from imagelock.service.agent.run import Agent

    project = run.open()
    sinks: list[Sink] = [*notifiers(asked.notify)]
    with ExitStack() as stack:
        server = stack.enter_context(connect(target.access))
        paths = list(list_paths(server, target.scope))
        for item in paths:
            if isinstance(item, UnreadableObject):
                run.remark(f"{item.what}: {item.reason}")
        collector = Collector(server, [item for item in paths if not isinstance(item, UnreadableObject)])
        stack.callback(collector.stop)
        outbox = Outbox([*sinks, *_object_sinks(run, server, asked)], run.remark)
        outbox.start()
        stack.callback(outbox.stop)
        agent = Agent(
            collector=collector,
            read_lock=_lock_reader(stack, run, project, server, asked.lock_from),
            exemptions=project.config.exemptions,
            today=today,
            tell=_teller(run, outbox),
            remark=run.remark,
            namespaces=target.namespaces,
        )
        if asked.listen is not None:
            _serve(stack, run, agent, asked.listen)
        if asked.webhook is not None:
            _guard(stack, run, agent, asked)
        agent.run()
    sys.exit(0)


def _teller(run: Run, outbox: Outbox) -> Callable[[Sequence[Transition], Report], None]:
    write = _tell_json if run.is_json else _tell_text

    def tell(found: Sequence[Transition], report: Report) -> None:
        if found:
            write(found)
        outbox.put(found, report)

    return tell


def _object_sinks(run: Run, server: Server, asked: Watching) -> Iterator[Sink]:
    from imagelock.service.agent.objects import Events, PolicyReports, has_reports

    if asked.events:
        yield Events(server)
    if asked.policy_reports and has_reports(server):
        yield PolicyReports(server)
    elif asked.policy_reports:
        run.remark("the cluster has no PolicyReports (wgpolicyk8s.io/v1alpha2): none are written")


def _lock_reader(
    stack: ExitStack, run: Run, project: Project, server: Server, source: str | None
) -> Callable[[], CurrentLock]:
    from imagelock.files import encode
    from imagelock.lockfile.writer import render_lock
    from imagelock.ops.project import read_lock
    from imagelock.service.agent.lock_source import lock_source
    from imagelock.service.agent.run import CurrentLock

    if source is not None:
        from imagelock.cli.registry_access import registry_access

        access = stack.enter_context(registry_access(run, project, "reading the lock"))
        return lock_source(source, server, stack.enter_context(access.open_reader()))

    def current() -> CurrentLock:
        lock = read_lock(project).lock
        return CurrentLock.of(lock, encode(render_lock(lock)))

    return current


def _guard(stack: ExitStack, run: Run, agent: Agent, asked: Watching) -> None:
    """Serve the admission webhook beside the watch."""
    from imagelock.service.agent.gate import Gate, GateServer

    if asked.tls_cert is None or asked.tls_key is None:
        raise UsageError(
            "--webhook needs --tls-cert and --tls-key",
            hint="an API server speaks to webhooks over TLS alone; cert-manager makes such a pair",
        )
    metrics = agent.metrics
    gate = Gate(
        agent.exemptions,
        today,
        only_warns=asked.webhook_action == "Warn",
        count=(lambda answer: metrics.admissions.labels(answer).inc()) if metrics else (lambda _: None),
    )
    agent.use = gate.use
    host, port = _address(str(asked.webhook))
    try:
        server = GateServer((host, port), gate, asked.tls_cert, asked.tls_key)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {asked.webhook}: {(error.strerror or str(error)).lower()}"
        ) from error
    stack.enter_context(server)
    run.remark(f"admission webhook on port {server.port}")


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise UsageError(
            f"{text!r} is not an address to listen on", hint="write HOST:PORT, such as 0.0.0.0:8080"
        )
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - whoever gives no host means all of them


def _serve(stack: ExitStack, run: Run, agent: Agent, listen: str) -> None:
    from imagelock.service.agent.endpoint import Endpoint

    try:
        from imagelock.service.agent.metrics import Metrics
    except ImportError as error:
        raise UsageError(
            "--listen needs the Prometheus client", hint="pip install 'imagelock[cluster]'"
        ) from error
    address = _address(listen)
    agent.metrics = Metrics()
    try:
        endpoint = Endpoint(
            address,
            agent.metrics.text,
            lambda: agent.is_ready,
            lambda: agent.is_alive,
        )
    except OSError as error:
        raise UsageError(f"cannot listen on {listen}: {(error.strerror or str(error)).lower()}") from error
    stack.enter_context(endpoint)
    run.remark(f"metrics on port {endpoint.port}")


def _tell_text(found: Iterable[Transition]) -> None:
    from imagelock.service.agent.notify import transition_line

    now = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for item in found:
        sys.stdout.write(without_commands(printable(f"{now} {transition_line(item)}")) + "\n")
    sys.stdout.flush()


def _tell_json(found: Iterable[Transition]) -> None:
    import msgspec

    from imagelock.service.agent.notify import transition_fields

    now = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
    for item in found:
        line = {"schema": "imagelock/cluster-watch/v1", "time": now, **transition_fields(item)}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
