"""Against a real API server, where one is given: what the exports promise, and what check and watch see.

KUBE_APISERVER=https://127.0.0.1:6443 KUBE_TOKEN=… make test
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagelock.interchange import admission, agent, mirror_job, prepull, webhook
from imagelock.interchange.base import ExportOptions
from imagelock.lockfile.writer import render_lock
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage
from support.kube import LOCK, WEB, digest, pinned
from support.real_cluster import missed, real_cluster, why_not
from support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagelock.interchange.base import Export
    from support.real_cluster import RealCluster

BAD = f"docker.io/library/nginx:1.27@{digest('something else')}"
TOOL = f"quay.io/acme/tool@{digest('tool')}"
MANY = Lock(
    (
        *LOCK.images,
        *(
            LockedImage(name=f"q.io/a/b{i}", tag="1", digest=Digest.of(str(i).encode()))
            for i in range(admission.LITERALS)
        ),
    )
)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RealCluster]:
    """Open a namespace of our own in a real cluster."""
    reason = why_not()
    if reason is not None:
        pytest.skip(missed(reason))
    with real_cluster(tmp_path) as opened:
        yield opened


def pod_spec(image: str) -> dict[str, Any]:
    """Return a pod that passes the restricted standard."""
    return {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "c",
                "image": image,
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def pod(cluster: RealCluster, name: str, image: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": cluster.mark}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec(image)}


def deployment(cluster: RealCluster, image: str, **annotations: str) -> dict[str, Any]:
    labels = {"app": "d"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": cluster.mark},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": pod_spec(image),
            },
        },
    }


def exported(kind: Export, lock: Lock, **values: str) -> list[Any]:
    given = {option.name: option.default for option in kind.options}
    more = {name.replace("_", "-"): (value,) for name, value in values.items() if value}
    return [
        item
        for item in yaml.safe_load_all(kind.export(lock, ExportOptions(values={**given, **more})))
        if item
    ]


def policy(cluster: RealCluster, lock: Lock, **values: str) -> list[Any]:
    selected = {"namespace_selector": f"imagelock-test={cluster.mark}", "name": cluster.mark}
    return exported(admission, lock, **selected, config_namespace=cluster.mark, **values)


def wait_until_refused(cluster: RealCluster, item: dict[str, Any]) -> None:
    """Wait until an object is refused: policies take effect after some seconds."""
    wait_for(lambda: cluster.refusal(item) is not None)


@pytest.mark.parametrize("lock", [LOCK, MANY], ids=["literals", "config maps"])
def test_the_policy_refuses_what_is_not_locked_and_can_be_switched_off(
    cluster: RealCluster, lock: Lock
) -> None:
    cluster.apply(deployment(cluster, BAD))
    for item in policy(cluster, lock):
        cluster.apply(item)
    bad, good = pod(cluster, "bad", BAD), pod(cluster, "good", pinned(WEB))
    wait_until_refused(cluster, bad)
    assert "not in the lock" in str(cluster.refusal(bad))
    assert cluster.refusal(good) is None
    assert "not pinned by digest" in str(cluster.refusal(pod(cluster, "tag", "nginx:1.27")))
    # What was there may be restarted and scaled: it brings no image.
    assert cluster.refusal(deployment(cluster, BAD, restarted="now")) is None
    assert cluster.refusal(deployment(cluster, "nginx:2")) is not None
    for item in policy(cluster, lock, off="yes"):
        cluster.apply(item)
    wait_for(lambda: cluster.refusal(bad) is None)
    for item in policy(cluster, lock):
        cluster.apply(item)
    wait_until_refused(cluster, bad)


def test_check_names_the_template_and_its_exit_code(cluster: RealCluster, tmp_path: Path) -> None:
    cluster.apply(deployment(cluster, BAD))
    (tmp_path / "images.lock").write_text(render_lock(LOCK), encoding="utf-8")
    command = [sys.executable, "-m", "imagelock", "cluster", "check", "-o", "json"]
    command += ["-n", cluster.mark, "--kubeconfig", cluster.kubeconfig]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    rows = json.loads(done.stdout)["workloads"]
    assert ("Deployment", "d", "not-locked") in [(row["kind"], row["name"], row["state"]) for row in rows]


def test_watch_reports_what_is_created_and_writes_an_event(cluster: RealCluster, tmp_path: Path) -> None:
    (tmp_path / "images.lock").write_text(render_lock(LOCK), encoding="utf-8")
    command = [sys.executable, "-m", "imagelock", "cluster", "watch", "-o", "json", "--events"]
    command += ["-n", cluster.mark, "--kubeconfig", cluster.kubeconfig]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        cluster.apply(deployment(cluster, BAD))
        line = json.loads(process.stdout.readline())
        assert (line["workload"], line["after"]) == ("Deployment/d", "not locked")
        path = f"/api/v1/namespaces/{cluster.mark}/events?limit=50"
        wait_for(lambda: b"ImageNotLocked" in cluster.server.get(path).read())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (agent, {"image": TOOL, "events": "yes", "policy_reports": "yes", "webhook_secret": "x"}),
        (mirror_job, {"image": TOOL, "mirror": "mirror.corp:5000/m"}),
        (prepull, {"tool_image": TOOL}),
        (webhook, {"cert_manager": "imagelock/cert"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_server_takes_what_the_exports_write(
    cluster: RealCluster, kind: Export, values: dict[str, str]
) -> None:
    place = {"agent_namespace" if kind is webhook else "namespace": cluster.mark}
    for item in exported(kind, LOCK, **values, **(place if kind is not webhook else {})):
        if "namespace" in item["metadata"]:
            item["metadata"]["namespace"] = cluster.mark
        if item["kind"] == "ConfigMap":
            cluster.apply(item)  # Server-side apply of an immutable one, and once more.
            cluster.apply(item)
        assert cluster.refusal(item) is None


def test_it_says_where_it_would_run() -> None:
    reason = why_not()
    if os.environ.get("KUBE_APISERVER") or os.environ.get("KUBECONFIG"):
        assert reason is None or "IMAGELOCK_TEST_CLUSTER" in reason or "names" in reason
    else:
        assert reason is not None
        assert "KUBE_APISERVER" in reason
