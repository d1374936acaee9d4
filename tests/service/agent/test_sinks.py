"""What the agent passes on: Events, PolicyReports and webhooks get each change, and a failing one costs nothing."""

from __future__ import annotations

import datetime as dt
import json
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from imagelock.cluster.api import Access, ForbiddenError, connect
from imagelock.cluster.objects import decode
from imagelock.errors import ClusterError, UsageError
from imagelock.ops.cluster.check import check_cluster
from imagelock.ops.cluster.transitions import states, transitions
from imagelock.service.agent.notify import notifiers
from imagelock.service.agent.objects import REPORTS, Events, PolicyReports, has_reports
from imagelock.service.agent.outbox import Outbox
from support.apiserver import ApiServer, Wrong
from support.kube import LOCK, WEB, container, pinned, pod, workload
from support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from imagelock.cluster.api import Server
    from imagelock.model.lock import Lock
    from imagelock.ops.cluster.check import Report
    from imagelock.ops.cluster.transitions import Transition

TODAY = dt.date(2026, 1, 1)
GOOD = pod("good", container("c", pinned(WEB), f"nginx@{WEB.digest}"))
ROGUE = pod("rogue", container("c", "evil:latest", "evil@sha256:" + "a" * 64))
EVENTS = "/api/v1/namespaces/shop/events"


def look(*objects: dict[str, Any], lock: Lock = LOCK) -> Report:
    observed = [item for one in objects for item in decode(json.dumps(one).encode())]
    return check_cluster(observed, lock, (), TODAY)


def news(before: Report | None, after: Report) -> list[Transition]:
    old = states(before.rows) if before is not None else {}
    return [item for item in transitions(old, states(after.rows)) if item.is_notable]


BAD, CLEAN = look(GOOD, ROGUE), look(GOOD)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[ApiServer, Server]]:
    with ApiServer() as server, connect(Access(kubeconfig=server.kubeconfig(tmp_path / "config"))) as api:
        yield server, api


def test_an_event_is_written_once_for_each_state_whoever_writes_it(cluster: tuple[ApiServer, Server]) -> None:
    server, api = cluster
    for _ in range(2):
        Events(api).hear(news(None, BAD), BAD)
    first, second = server.written
    assert first.target == EVENTS
    event = first.document
    assert event["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "rogue",
        "namespace": "shop",
    }
    assert (event["type"], event["reason"]) == ("Warning", "ImageNotLocked")
    assert event["metadata"]["name"] == second.document["metadata"]["name"]
    server.wrong[EVENTS] += [Wrong(409)]
    Events(api).hear(news(None, BAD), BAD)  # it is there already: no failure


def test_what_is_gone_has_no_event(cluster: tuple[ApiServer, Server]) -> None:
    server, api = cluster
    Events(api).hear(news(BAD, CLEAN), CLEAN)
    assert server.written == []


def test_an_event_that_may_not_be_written_is_an_error_with_the_reason(
    cluster: tuple[ApiServer, Server],
) -> None:
    server, api = cluster
    server.wrong[EVENTS] += [Wrong(403)]
    with pytest.raises(ForbiddenError, match="made up"):
        Events(api).hear(news(None, BAD), BAD)


def test_a_policy_report_counts_all_and_lists_what_is_wrong(cluster: tuple[ApiServer, Server]) -> None:
    server, api = cluster
    reports = PolicyReports(api)
    other = look(GOOD, ROGUE, workload("CronJob", "nightly", "nginx:1.27", namespace="lab"))
    reports.hear([], other)
    reports.hear([], other)
    assert len(server.written) == 2, "what did not change is not written again"
    lab, shop = sorted(
        (item.document for item in server.written), key=lambda item: item["metadata"]["namespace"]
    )
    assert {item.kind for item in server.written} == {"application/apply-patch+yaml"}
    assert all("fieldManager=imagelock" in item.target for item in server.written)
    assert shop["summary"] == {"pass": 1, "fail": 1, "warn": 0, "error": 0, "skip": 0}
    [result] = shop["results"]
    assert (result["result"], result["resources"][0]["name"]) == ("fail", "rogue")
    assert lab["results"][0]["rule"] == "not-pinned"
    reports.hear([], CLEAN)
    assert [item.method for item in server.written[2:]] == ["PATCH", "DELETE"]
    assert server.written[2].document["results"] == []


def test_a_cluster_without_policy_reports_is_known_as_such(cluster: tuple[ApiServer, Server]) -> None:
    server, api = cluster
    assert not has_reports(api)
    server.singles[REPORTS] = b'{"kind":"APIResourceList","resources":[{"name":"policyreports"}]}'
    assert has_reports(api)


class Receiver:
    """Takes posts on loopback, and answers with ``status``."""

    def __init__(self) -> None:
        self.posts: list[Any] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.posts.append(json.loads(body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)

    @contextmanager
    def running(self) -> Iterator[str]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{self._server.server_port}/T0/secret"
        self._server.shutdown()
        thread.join()
        self._server.server_close()


def _has(receiver: Receiver, posts: int) -> bool:
    return len(receiver.posts) == posts


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def test_plain_json_has_every_transition_and_the_counts(receiver: Receiver) -> None:
    with receiver.running() as url:
        [sink] = notifiers([f"json={url}"])
        sink.hear(news(None, BAD), BAD)
        sink.hear([], BAD)
    [post] = receiver.posts
    assert post["schema"] == "imagelock/cluster-notify/v1"
    assert [(item["workload"], item["after"]) for item in post["transitions"]] == [
        ("Pod/rogue", "not locked")
    ]
    assert post["summary"]["not_locked"] == 1


def test_slack_gets_one_message_that_people_can_read(receiver: Receiver) -> None:
    many = look(*(pod(f"p{i}", container("c", f"evil:{i}", "evil@sha256:" + "a" * 64)) for i in range(30)))
    with receiver.running() as url:
        [sink] = notifiers([f"slack={url}"])
        sink.hear(news(None, many), many)
    [post] = receiver.posts
    assert set(post) == {"text"}
    lines = post["text"].splitlines()
    assert (len(lines), lines[-1]) == (21, "and 10 more")
    assert lines[0].startswith(":warning: Pod/p")


def test_an_alert_is_fired_repeated_and_resolved(receiver: Receiver) -> None:
    with receiver.running() as url:
        [sink] = notifiers([f"alertmanager={url}"])
        sink.hear(news(None, BAD), BAD)
        sink.repeat()
        sink.hear(news(BAD, CLEAN), CLEAN)
        sink.repeat()
    fired, repeated, resolved = receiver.posts
    assert fired == repeated
    assert fired[0]["labels"]["alertname"] == "ImageNotLocked"
    assert all(isinstance(value, str) for value in fired[0]["labels"].values())
    assert "endsAt" not in fired[0]
    assert resolved[0]["labels"] == fired[0]["labels"]
    assert resolved[0]["endsAt"] >= resolved[0]["startsAt"]


@pytest.mark.parametrize(
    "given", ["https://x", "pager=https://x", "slack=", "slack=ftp://x/y", "json=not a url"]
)
def test_what_is_no_receiver_is_refused(given: str) -> None:
    with pytest.raises(UsageError):
        notifiers([given])


def test_a_receiver_that_fails_is_remarked_once_and_the_others_go_on(receiver: Receiver) -> None:
    class Broken:
        name = "broken"

        def hear(self, found: Sequence[Transition], report: Report) -> None:
            del found, report
            raise ClusterError("no answer")

        def repeat(self) -> None:
            """Never."""

    remarks: list[str] = []
    with receiver.running() as url:
        outbox = Outbox([Broken(), *notifiers([f"json={url}"])], remarks.append)
        outbox.start()
        for number in range(3):
            outbox.put(news(None, BAD), BAD)
            wait_for(partial(_has, receiver, number + 1))
        outbox.stop()
    assert remarks == ["broken: no answer"]


def test_looks_that_wait_are_passed_on_as_one_and_what_lasts_is_repeated_meanwhile() -> None:
    heard: list[tuple[int, int]] = []
    repeated: list[int] = []
    is_open = threading.Event()

    class Slow:
        name = "slow"

        def hear(self, found: Sequence[Transition], report: Report) -> None:
            is_open.wait(60)
            heard.append((len(found), report.outcome.summary["not_locked"]))

        def repeat(self) -> None:
            repeated.append(1)

    outbox = Outbox([Slow()], lambda _: None, repeat=0.05)
    outbox.start()
    outbox.put(news(None, BAD), BAD)
    wait_for(lambda: not outbox._found)
    for _ in range(500):
        outbox.put(news(None, BAD), BAD)
    outbox.put([], CLEAN)
    is_open.set()
    wait_for(lambda: len(heard) == 2)
    assert heard == [(1, 1), (500, 0)]
    for _ in range(20):  # Never idle for as long as the time between repetitions.
        outbox.put([], CLEAN)
        threading.Event().wait(0.02)
    assert repeated
    outbox.stop()


def test_one_event_that_is_refused_keeps_no_other_back(cluster: tuple[ApiServer, Server]) -> None:
    server, api = cluster
    two = look(ROGUE, pod("other", container("c", "evil:2", "evil@sha256:" + "b" * 64)))
    server.wrong[EVENTS] += [Wrong(403)]
    with pytest.raises(ForbiddenError):
        Events(api).hear(news(None, two), two)
    assert len(server.written) == 1


def test_a_secret_in_an_address_is_in_no_message(receiver: Receiver) -> None:
    receiver.status = 500
    remarks: list[str] = []
    with receiver.running() as url:
        outbox = Outbox(notifiers([f"json={url}"]), remarks.append)
        outbox.start()
        outbox.put(news(None, BAD), BAD)
        wait_for(lambda: bool(remarks))
        outbox.stop()
    assert remarks == ["notify 127.0.0.1: 127.0.0.1 answers 500"]
