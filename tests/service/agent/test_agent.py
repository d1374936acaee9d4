"""The agent: follows a cluster and its lock, tells each change once, and loses nothing when connections end."""

from __future__ import annotations

import datetime as dt
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from imagelock.cluster.api import Access, connect
from imagelock.cluster.live import ListPath, Scope, list_paths
from imagelock.model.lock import Lock
from imagelock.ops.cluster.pods import State
from imagelock.service.agent.collector import Collector
from imagelock.service.agent.endpoint import Endpoint
from imagelock.service.agent.metrics import Metrics
from imagelock.service.agent.run import Agent, CurrentLock
from support.apiserver import PATHS, ApiServer, Wrong
from support.kube import API, LOCK, WEB, container, pinned, pod, workload
from support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from imagelock.ops.cluster.transitions import Transition

GOOD = pod("good", container("c", pinned(WEB), f"nginx@{WEB.digest}"))
ROGUE = pod("rogue", container("c", "evil:latest", f"evil@{API.digest}"), namespace="lab")
TODAY = dt.date(2026, 1, 1)


class Watched:
    """An agent in a thread, with all that it said."""

    def __init__(self, server: ApiServer, tmp_path: Path, **scope: Any) -> None:
        self.server = server
        self.access = Access(kubeconfig=server.kubeconfig(tmp_path / "config"))
        self.scope = Scope(**scope)
        self.lock = LOCK
        self.told: list[tuple[str, State | None]] = []
        self.remarks: list[str] = []
        self.used: list[Lock] = []
        self.metrics = Metrics()
        self.agent: Agent | None = None

    def read_lock(self) -> CurrentLock:
        return CurrentLock.of(self.lock, repr(self.lock).encode())

    def tell(self, found: Iterable[Transition], report: object) -> None:  # noqa: ARG002 - the agent's signature
        self.told += [(item.subject[4], item.after) for item in found]

    @contextmanager
    def running(self) -> Iterator[Agent]:
        with connect(self.access) as api:
            paths = [item for item in list_paths(api, self.scope) if isinstance(item, ListPath)]
            collector = Collector(api, paths)
            self.agent = Agent(
                collector=collector,
                read_lock=self.read_lock,
                exemptions=(),
                today=lambda: TODAY,
                tell=self.tell,
                use=self.used.append,
                remark=self.remarks.append,
                namespaces=self.scope.namespaces,
                metrics=self.metrics,
            )
            thread = threading.Thread(target=self.agent.run)
            thread.start()
            try:
                wait_for(lambda: self.agent is not None and self.agent.is_ready)
                yield self.agent
            finally:
                collector.stop()
                thread.join(30)
                assert not thread.is_alive()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with ApiServer(GOOD, workload("Deployment", "web", pinned(WEB), replicas=0)) as server:
        yield Watched(server, tmp_path)


def test_each_change_is_told_once_and_what_is_fine_is_not(watched: Watched) -> None:
    with watched.running():
        assert watched.told == []
        watched.server.apply(ROGUE)
        wait_for(lambda: watched.told == [("evil:latest", State.NOT_PINNED)])
        watched.server.apply(ROGUE)
        watched.server.apply(pod("more", container("c", pinned(WEB), f"nginx@{WEB.digest}")))
        watched.server.delete(ROGUE)
        wait_for(lambda: len(watched.told) == 2)
    assert watched.told == [("evil:latest", State.NOT_PINNED), ("evil:latest", None)]


def test_a_changed_template_is_told_although_its_pods_are_good(watched: Watched) -> None:
    with watched.running():
        watched.server.apply(workload("Deployment", "web", "evil:latest"))
        wait_for(lambda: watched.told == [("evil:latest", State.NOT_PINNED)])


def test_a_watch_that_ends_is_taken_up_without_a_new_list(watched: Watched) -> None:
    with watched.running():
        watched.server.apply(pod("more", container("c", pinned(WEB), f"nginx@{WEB.digest}")))
        watched.server.cut()
        watched.server.apply(ROGUE)
        wait_for(lambda: len(watched.told) == 1)
    lists = [
        path for path in watched.server.asked if path.startswith(f"{PATHS['Pod']}?") and "watch" not in path
    ]
    assert len(lists) == 1


def test_after_a_410_the_list_is_read_again_and_what_is_gone_is_told(watched: Watched) -> None:
    watched.server.objects = (*watched.server.objects, ROGUE)
    with watched.running():
        wait_for(lambda: watched.told == [("evil:latest", State.NOT_PINNED)])
        watched.server.objects = tuple(item for item in watched.server.objects if item is not ROGUE)
        watched.server.version += 5
        watched.server.forget()
        wait_for(lambda: watched.told[1:] == [("evil:latest", None)])


def test_a_bookmark_moves_the_place_to_go_on_from(watched: Watched) -> None:
    with watched.running():
        watched.server.bookmark()
        watched.server.cut()
        wait_for(lambda: any("resourceVersion=8" in path for path in watched.server.asked))


def test_a_part_that_may_not_be_read_is_could_not_tell_and_read_when_it_may(watched: Watched) -> None:
    watched.server.wrong[PATHS["Job"]] += [Wrong(403)]
    with watched.running() as agent:
        wait_for(lambda: b"imagelock_unreadable 1.0" in watched.metrics.text())
        assert agent.is_ready


def test_a_new_lock_is_taken_and_a_broken_one_is_not(watched: Watched) -> None:
    with watched.running():
        watched.lock = Lock((API,))
        wait_for(lambda: (pinned(WEB), State.NOT_LOCKED) in watched.told)
        assert watched.used == [LOCK, Lock((API,))]
        assert any(line.startswith("another lock") for line in watched.remarks)
        watched.read_lock = _broken  # type: ignore[method-assign]  # what a half-written file gives
        assert watched.agent is not None
        watched.agent.read_lock = _broken
        wait_for(lambda: any("the one before counts" in line for line in watched.remarks))
        watched.server.apply(ROGUE)
        wait_for(lambda: ("evil:latest", State.NOT_PINNED) in watched.told)
    assert len([line for line in watched.remarks if "the one before counts" in line]) == 1


def _broken() -> CurrentLock:
    raise ValueError("half a lock")


def test_the_metrics_have_bounded_labels_and_the_probes_say_what_is(watched: Watched) -> None:
    with (
        watched.running() as agent,
        Endpoint(
            ("127.0.0.1", 0), watched.metrics.text, lambda: agent.is_ready, lambda: agent.is_alive
        ) as endpoint,
    ):
        watched.server.apply(ROGUE)
        wait_for(lambda: len(watched.told) == 1)
        text = _get(endpoint, "/metrics")[1]
        assert 'imagelock_containers{kind="Pod",namespace="shop",state="locked"} 1.0' in text
        assert 'imagelock_containers{kind="Pod",namespace="lab",state="not pinned"} 1.0' in text
        assert 'imagelock_transitions_total{state="not pinned"} 1.0' in text
        assert "imagelock_lock_info{sha256=" in text
        assert (_get(endpoint, "/healthz")[0], _get(endpoint, "/readyz")[0], _get(endpoint, "/x")[0]) == (
            200,
            200,
            404,
        )
        agent.is_ready = False
        assert _get(endpoint, "/readyz")[0] == 503


def _get(endpoint: Endpoint, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""
