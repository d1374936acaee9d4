"""The admission webhook: over TLS it answers as the policy would, whatever the size of the lock."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme
import urllib3
import yaml

from imagelock.errors import ConfigError, UsageError
from imagelock.interchange import webhook
from imagelock.interchange.base import ExportOptions
from imagelock.model.digest import Digest
from imagelock.model.exemption import Exemption
from imagelock.model.lock import Lock, LockedImage
from imagelock.service.agent.gate import Gate, GateServer
from support.kube import LOCK, WEB, container, digest, pinned, pod, workload

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BAD = f"nginx:1.27@{digest('something else')}"


def review(item: Any, *, old: Any = None, operation: str | None = None, namespace: str = "shop") -> bytes:
    request = {
        "uid": "u-1",
        "operation": operation or ("CREATE" if old is None else "UPDATE"),
        "namespace": namespace,
        "object": item,
        "oldObject": old,
    }
    return json.dumps(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    ).encode()


def gate(*exemptions: Exemption, lock: Lock = LOCK, only_warns: bool = False) -> Gate:
    made = Gate(exemptions, lambda: dt.date(2026, 1, 1), only_warns=only_warns)
    made.use(lock)
    return made


def answer(made: Gate, body: bytes) -> Any:
    document = json.loads(made.answer(body))
    assert (document["apiVersion"], document["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert document["response"]["uid"] == "u-1"
    return document["response"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (pod("p", container("c", pinned(WEB))), None),
        (pod("p", container("c", f"mirror.corp/nginx@{WEB.digest}")), None),
        (pod("p", container("c", BAD)), f"not in the lock: {BAD}"),
        (pod("p", container("c", "nginx:1.27")), "not pinned by digest: nginx:1.27"),
        (pod("p", container("c", pinned(WEB)), init=(container("i", BAD),)), f"not in the lock: {BAD}"),
        (workload("Deployment", "d", BAD), f"not in the lock: {BAD}"),
        (workload("CronJob", "d", BAD), f"not in the lock: {BAD}"),
        (workload("Deployment", "d", pinned(WEB)), None),
    ],
)
def test_what_an_object_brings_is_judged(item: Any, message: str | None) -> None:
    response = answer(gate(), review(item))
    assert response["allowed"] is (message is None)
    assert response.get("status", {}).get("message") == message


def test_an_update_is_judged_by_what_it_brings_and_a_deletion_not_at_all() -> None:
    old = workload("Deployment", "d", BAD, replicas=1)
    scaled = workload("Deployment", "d", BAD, replicas=2)
    assert answer(gate(), review(scaled, old=old))["allowed"]
    assert not answer(gate(), review(workload("Deployment", "d", "nginx:2"), old=old))["allowed"]
    assert answer(gate(), review(None, old=old, operation="DELETE"))["allowed"]


def test_exemptions_count_by_namespace_and_owner() -> None:
    exempt = Exemption(image="busybox", namespace="lab", owner="Deployment/try", reason="x")
    item = pod(
        "p", container("c", "busybox"), owner=("ReplicaSet", "try-5f"), labels={"pod-template-hash": "5f"}
    )
    assert answer(gate(exempt), review(item, namespace="lab"))["allowed"]
    assert not answer(gate(exempt), review(item, namespace="shop"))["allowed"]


def test_a_warning_allows_and_says_what_would_be_refused() -> None:
    response = answer(gate(only_warns=True), review(pod("p", container("c", BAD))))
    assert response == {"uid": "u-1", "allowed": True, "warnings": [f"not in the lock: {BAD}"]}


def test_without_a_lock_nothing_is_allowed() -> None:
    made = Gate((), lambda: dt.date(2026, 1, 1))
    assert not answer(made, review(pod("p", container("c", pinned(WEB)))))["allowed"]


def test_a_review_costs_the_same_with_a_hundred_times_the_lock() -> None:
    def seconds(size: int) -> float:
        images = (
            LockedImage(name=f"q.io/a/b{i}", tag="1", digest=Digest.of(str(i).encode())) for i in range(size)
        )
        made = gate(lock=Lock((*LOCK.images, *images)))
        body = review(pod("p", container("c", pinned(WEB)), container("d", BAD)))
        made.answer(body)
        best = 1e9
        for _ in range(5):
            begun = time.perf_counter()
            for _ in range(100):
                made.answer(body)
            best = min(best, time.perf_counter() - begun)
        return best

    assert seconds(20_000) < 4 * seconds(200)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[GateServer, trustme.CA, Path]]:
    authority = trustme.CA()
    _write(authority, tmp_path)
    with GateServer(("127.0.0.1", 0), gate(), tmp_path / "tls.crt", tmp_path / "tls.key") as server:
        yield server, authority, tmp_path


def _write(authority: trustme.CA, folder: Path) -> None:
    pair = authority.issue_cert("localhost", "127.0.0.1")
    pair.private_key_pem.write_to_path(folder / "tls.key")
    (folder / "tls.crt").write_bytes(b"".join(blob.bytes() for blob in pair.cert_chain_pems))


def post(server: GateServer, authority: trustme.CA, body: bytes) -> tuple[int, bytes]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with urllib3.PoolManager(ssl_context=context, retries=False) as pool:
        found = pool.request("POST", f"https://127.0.0.1:{server.port}/", body=body, timeout=30)
        return found.status, found.data


def test_it_answers_over_tls_and_refuses_what_is_no_review(
    served: tuple[GateServer, trustme.CA, Path],
) -> None:
    server, authority, _ = served
    status, body = post(server, authority, review(pod("p", container("c", BAD))))
    assert (status, json.loads(body)["response"]["allowed"]) == (200, False)
    for junk in (b"", b"{}", b"[" * 5000, b'{"request": {"uid": "u", "object": {"kind": "Pod"}}}'):
        assert post(server, authority, junk)[0] == 400


def test_a_renewed_certificate_is_used_without_a_restart(
    served: tuple[GateServer, trustme.CA, Path],
) -> None:
    server, authority, folder = served
    body = review(pod("p", container("c", pinned(WEB))))
    assert post(server, authority, body)[0] == 200
    other = trustme.CA()
    _write(other, folder)
    for path in folder.iterdir():
        stat = path.stat()
        os.utime(path, (stat.st_atime, stat.st_mtime + 10))
    assert post(server, other, body)[0] == 200
    with pytest.raises(urllib3.exceptions.HTTPError):
        post(server, authority, body)


def test_a_certificate_that_is_none_is_an_error_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="certificate"):
        GateServer(("127.0.0.1", 0), gate(), tmp_path / "no.crt", tmp_path / "no.key")


def exported(**values: str) -> list[Any]:
    given = {option.name: option.default for option in webhook.options}
    more = {name.replace("_", "-"): (value,) for name, value in values.items()}
    return list(yaml.safe_load_all(webhook.export(LOCK, ExportOptions(values={**given, **more}))))


def test_the_registration_asks_for_what_makes_pods_and_fails_as_one_chooses() -> None:
    pem = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    service, registration = exported(ca_bundle=pem, failure_policy="Ignore")
    [hook] = registration["webhooks"]
    assert (hook["failurePolicy"], hook["sideEffects"], hook["admissionReviewVersions"]) == (
        "Ignore",
        "None",
        ["v1"],
    )
    assert hook["clientConfig"]["caBundle"] == pem
    assert hook["clientConfig"]["service"]["name"] == service["metadata"]["name"]
    resources = {name for rule in hook["rules"] for name in rule["resources"]}
    assert {"pods", "pods/ephemeralcontainers", "deployments", "cronjobs"} <= resources
    _, managed = exported(cert_manager="imagelock/cert")
    assert managed["metadata"]["annotations"] == {"cert-manager.io/inject-ca-from": "imagelock/cert"}


@pytest.mark.parametrize("values", [{}, {"ca_bundle": "x"}, {"ca_bundle": "YWJj"}, {"cert_manager": "x"}])
def test_a_registration_without_an_authority_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        exported(**values)
