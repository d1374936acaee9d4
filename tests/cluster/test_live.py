"""A live cluster is read page by page, and what cannot be read is never a smaller cluster."""

from __future__ import annotations

import builtins
import json
import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from imagelock.cluster.api import Access, connect
from imagelock.cluster.live import RESOURCES, Scope, read_cluster
from imagelock.cluster.running import Node, RunningContainer, UnreadableObject, Workload
from imagelock.errors import ClusterError, ConfigError, UsageError
from support.apiserver import PATHS, ApiServer, Wrong
from support.kube import WEB, container, pinned, pod, workload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagelock.cluster.running import Observed

RUNNING = container("c", pinned(WEB), f"nginx@{WEB.digest}")
PODS = [pod(f"p{i}", RUNNING, namespace="shop" if i % 2 else "bank") for i in range(5)]
PODS_PATH = PATHS["Pod"]


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer(*PODS, workload("Deployment", "web", pinned(WEB), replicas=0), page=2) as running:
        yield running


def read(
    server: ApiServer, tmp_path: Path, *namespaces: str, token: str | None = None, **scope: Any
) -> list[Observed]:
    access = Access(kubeconfig=server.kubeconfig(tmp_path / "config", token=token))
    with connect(access) as found:
        return list(read_cluster(found, Scope(namespaces=namespaces, **scope)))


def names(found: list[Observed]) -> list[str]:
    return [item.pod for item in found if isinstance(item, RunningContainer)]


def unseen(found: list[Observed]) -> list[UnreadableObject]:
    return [item for item in found if isinstance(item, UnreadableObject)]


def test_every_page_of_every_resource(server: ApiServer, tmp_path: Path) -> None:
    found = read(server, tmp_path)
    assert names(found) == ["p0", "p1", "p2", "p3", "p4"]
    assert [item.me.name for item in found if isinstance(item, Workload)] == ["web"]
    assert unseen(found) == []
    assert server.asked[:3] == [
        f"{PODS_PATH}?limit=500",
        f"{PODS_PATH}?limit=500&continue=2",
        f"{PODS_PATH}?limit=500&continue=4",
    ]
    assert len(server.asked) == 2 + len(RESOURCES) + 1


def test_only_the_named_namespaces_are_asked_for(server: ApiServer, tmp_path: Path) -> None:
    assert names(read(server, tmp_path, "bank")) == ["p0", "p2", "p4"]
    assert all("/namespaces/bank/" in path for path in server.asked)


def test_a_forbidden_namespace_is_told_and_the_others_are_read(server: ApiServer, tmp_path: Path) -> None:
    server.wrong["/api/v1/namespaces/shop/pods"] = [Wrong(403)]
    found = read(server, tmp_path, "shop", "bank")
    assert names(found) == ["p0", "p2", "p4"]
    assert [(item.what, item.reason) for item in unseen(found)] == [("pods in shop", "forbidden: made up")]


def test_a_list_that_expired_begins_anew_and_counts_once(server: ApiServer, tmp_path: Path) -> None:
    real = server.answer
    gone = iter([True])

    def answer(target: str, login: str | None) -> Wrong:
        if "continue=2" in target and next(gone, False):
            return Wrong(410)
        return real(target, login)

    server.answer = answer  # type: ignore[method-assign] # the fault of this test
    found = read(server, tmp_path)
    assert names(found) == ["p0", "p1", "p2", "p3", "p4"]
    assert unseen(found) == []


def test_a_busy_server_is_asked_again_when_it_says(server: ApiServer, tmp_path: Path) -> None:
    server.wrong[PODS_PATH] = [Wrong(429, retry_after=0)] * 4
    found = read(server, tmp_path)
    assert (names(found), unseen(found)) == (["p0", "p1", "p2", "p3", "p4"], [])


def test_a_server_that_stays_busy_is_could_not_tell(server: ApiServer, tmp_path: Path) -> None:
    server.wrong[PODS_PATH] = [Wrong(429, retry_after=0)] * 5
    assert "answers 429: made up" in unseen(read(server, tmp_path))[0].reason


def test_a_list_that_always_expires_is_told(server: ApiServer, tmp_path: Path) -> None:
    server.wrong[PODS_PATH] = [Wrong(410)] * 3
    assert [item.reason for item in unseen(read(server, tmp_path))] == [
        "the list changes too fast to be read (3 times 410 Gone)"
    ]


BODY = json.dumps({"kind": "PodList", "metadata": {}, "items": [{"metadata": {"name": "x"}}]}).encode()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (Wrong(body=BODY, cut=len(BODY) - 5), "ended the answer early"),
        (
            Wrong(body=BODY[:-5]),
            "the answer ends in the middle of an object",
        ),
        (Wrong(body=b""), "the answer is empty"),
        (Wrong(body=b"{}"), "no kind"),
        (Wrong(body=b"<html>"), "neither a JSON object"),
        (Wrong(500), "answers 500: made up"),
        (Wrong(503, body=b"<html>"), "answers 503: status 503"),
        (Wrong(404), "does not know this resource: made up"),
        (Wrong(302), "answers 302"),
        (Wrong(body=b'{"kind":"PodList","metadata":{"continue":1},"items":[]}'), "the answer"),
    ],
)
def test_an_answer_that_is_not_whole_is_told(
    server: ApiServer, tmp_path: Path, wrong: Wrong, reason: str
) -> None:
    server.wrong[PODS_PATH] = [wrong]
    found = read(server, tmp_path)
    assert names(found) == []
    assert len(unseen(found)) == 1
    assert reason in unseen(found)[0].reason


def test_a_server_that_sends_one_page_for_ever_is_told(server: ApiServer, tmp_path: Path) -> None:
    same = Wrong(body=b'{"kind":"PodList","metadata":{"continue":"a"},"items":[]}')
    server.wrong[PODS_PATH] = [same] * 5
    assert "repeatedly" in unseen(read(server, tmp_path))[0].reason


def test_a_login_that_is_refused_is_told_once(server: ApiServer, tmp_path: Path) -> None:
    found = read(server, tmp_path, token="wrong")
    assert [item.what for item in unseen(found)] == ["the cluster"]
    assert unseen(found)[0].reason == f"{server.address} refuses the login: made up"
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_told_once(tmp_path: Path) -> None:
    with ApiServer() as gone:
        config = gone.kubeconfig(tmp_path / "config")
    with connect(Access(kubeconfig=config)) as found:
        told = unseen(list(read_cluster(found, Scope())))
    assert [item.what for item in told] == ["the cluster"]
    assert told[0].reason == f"{gone.address} does not answer: [Errno 111] Connection refused"


def test_a_kubeconfig_that_is_missing_or_broken_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("clusters: [", encoding="utf-8")
    for name in ("none", "broken"):
        with (
            pytest.raises(ConfigError, match="no cluster to connect to"),
            connect(Access(kubeconfig=str(tmp_path / name))),
        ):
            pass


def test_a_context_that_is_not_there_is_an_error(server: ApiServer, tmp_path: Path) -> None:
    access = Access(kubeconfig=server.kubeconfig(tmp_path / "config"), context="other")
    with pytest.raises(ConfigError, match="no cluster to connect to"), connect(access):
        pass


def test_kubeconfig_is_also_taken_from_the_environment(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", server.kubeconfig(tmp_path / "config"))
    with connect(Access()) as found:
        assert found.address == server.address


def test_without_the_extra_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "kubernetes":
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.delitem(sys.modules, "kubernetes", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UsageError) as caught, connect(Access()):
        pass
    assert "pip install 'imagelock[cluster]'" in (caught.value.hint or "")


ROLLOUT = workload("Deployment", "roll", "evil:1") | {"kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1"}


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        ({}, False),
        ({"all_kinds": True}, True),
        ({"kinds": ("rollouts.argoproj.io",)}, True),
        ({"kinds": ("rollouts",)}, True),
    ],
)
def test_kinds_that_are_not_built_in_are_found_on_request(
    tmp_path: Path,
    scope: dict[str, Any],
    seen: bool,  # noqa: FBT001 - a parameter
) -> None:
    with ApiServer(ROLLOUT) as server:
        found = read(server, tmp_path, **scope)
        assert unseen(found) == []
        assert [str(item.me) for item in found if isinstance(item, Workload)] == (
            ["Rollout/roll"] if seen else []
        )
        assert not any("endpointslices" in path for path in server.asked)
        inside = read(server, tmp_path, "shop", **scope)
        assert len([item for item in inside if isinstance(item, Workload)]) == int(seen)


def test_a_kind_that_the_server_does_not_have_is_could_not_tell(server: ApiServer, tmp_path: Path) -> None:
    (told,) = unseen(read(server, tmp_path, kinds=("cloneset.apps.kruise.io",)))
    assert told.reason == "the server has no resource cloneset.apps.kruise.io"


def test_nodes_are_read_where_they_may_be_and_missed_in_silence(tmp_path: Path) -> None:
    node = {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": "n1"},
        "status": {
            "nodeInfo": {"operatingSystem": "linux", "architecture": "arm64"},
            "images": [{"names": ["a@b", "a:1"]}],
        },
    }
    with ApiServer(node, pod("p", RUNNING)) as server:
        assert Node(name="n1", platform="linux/arm64", images=("a@b", "a:1")) in read(server, tmp_path)
        server.wrong[PATHS["Node"]].append(Wrong(403))
        assert unseen(read(server, tmp_path)) == []
        server.asked.clear()
        read(server, tmp_path, "shop")
        assert PATHS["Node"] not in [path.partition("?")[0] for path in server.asked]


def test_a_login_plugin_that_fails_is_reported_as_that(server: ApiServer, tmp_path: Path) -> None:
    file = tmp_path / "config"
    server.kubeconfig(file)
    config = json.loads(file.read_text())
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", "raise SystemExit(7)"],
    }
    config["users"][0]["user"] = {"exec": {**plugin, "interactiveMode": "Never"}}
    file.write_text(json.dumps(config))
    with pytest.raises(ClusterError, match="the login plugin failed"), connect(Access(kubeconfig=str(file))):
        pass
    assert server.asked == []


def test_a_certificate_that_is_not_trusted_is_reported_as_that_and_once(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ApiServer(pod("p", RUNNING), tls=context) as server:
        (told,) = unseen(read(server, tmp_path))
        assert told.what == "the cluster"
        assert "is not trusted" in told.reason
        assert "certificate-authority" in (told.hint or "")
