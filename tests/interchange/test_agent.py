"""The agent's objects: what an API server takes, with the rights that it needs and no more."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from imagelock.cluster.live import NODES, RESOURCES
from imagelock.errors import UsageError
from imagelock.interchange.agent import export, options
from imagelock.interchange.base import ExportOptions
from imagelock.lockfile.reader import parse_list
from imagelock.model.lock import Lock
from support.admission import check_fields
from support.kube import LOCK

IMAGE = f"quay.io/acme/imagelock:1@sha256:{'a' * 64}"
MODELS = {
    "ServiceAccount": "V1ServiceAccount",
    "ClusterRole": "V1ClusterRole",
    "ClusterRoleBinding": "V1ClusterRoleBinding",
    "ConfigMap": "V1ConfigMap",
    "NetworkPolicy": "V1NetworkPolicy",
    "Deployment": "V1Deployment",
}


def asked(**values: str) -> ExportOptions:
    given = {option.name: option.default for option in options} | {"image": (IMAGE,)}
    return ExportOptions(
        values={**given, **{name.replace("_", "-"): (value,) for name, value in values.items()}}
    )


def objects(lock: Lock = LOCK, **values: str) -> dict[str, Any]:
    return {item["kind"]: item for item in yaml.safe_load_all(export(lock, asked(**values)))}


def test_the_api_knows_every_field() -> None:
    found = objects()
    assert found.keys() == MODELS.keys()
    for kind, item in found.items():
        check_fields(item, MODELS[kind])


def test_it_may_list_and_watch_what_it_reads_and_nothing_else() -> None:
    rules = objects()["ClusterRole"]["rules"]
    allowed = {name for rule in rules for name in rule["resources"]}
    assert allowed == {resource for _, resource, _ in RESOURCES} | {NODES.rpartition("/")[2]}
    assert {verb for rule in rules for verb in rule["verbs"]} == {"list", "watch"}


def test_the_pod_passes_the_restricted_standard() -> None:
    pod = objects()["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["image"] == IMAGE


def test_another_lock_is_another_config_map_that_the_pod_mounts() -> None:
    first, second = objects(), objects(Lock(LOCK.images[:1]))
    for found in (first, second):
        volumes = found["Deployment"]["spec"]["template"]["spec"]["volumes"]
        assert volumes[0]["configMap"]["name"] == found["ConfigMap"]["metadata"]["name"]
        assert parse_list(found["ConfigMap"]["data"]["images.txt"], "list").images
    assert first["ConfigMap"]["metadata"]["name"] != second["ConfigMap"]["metadata"]["name"]


@pytest.mark.parametrize("values", [{"name": "A"}, {"namespace": "a/b"}, {"name": "x" * 80}])
def test_values_that_cannot_be_names_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        objects(LOCK, **values)


def test_an_empty_lock_is_refused() -> None:
    with pytest.raises(UsageError, match="empty"):
        export(Lock(), asked())


def test_it_may_write_only_what_it_is_asked_to() -> None:
    rules = objects(events="yes", policy_reports="yes")["ClusterRole"]["rules"]
    writing = {
        name: rule["verbs"]
        for rule in rules
        for name in rule["resources"]
        if set(rule["verbs"]) - {"list", "watch"}
    }
    assert writing == {"events": ["create"], "policyreports": ["create", "get", "patch", "delete"]}


def test_a_webhook_has_its_certificate_its_port_and_its_way_in() -> None:
    found = objects(webhook_secret="cert", notify_secret="hook")
    spec = found["Deployment"]["spec"]["template"]["spec"]
    [container] = spec["containers"]
    assert container["args"][-6:] == [
        "--webhook",
        "0.0.0.0:8443",
        "--tls-cert",
        "/tls/tls.crt",
        "--tls-key",
        "/tls/tls.key",
    ]
    assert {"name": "tls", "secret": {"secretName": "cert"}} in spec["volumes"]
    ports = [item["port"] for item in found["NetworkPolicy"]["spec"]["ingress"][0]["ports"]]
    assert ports == [8080, 8443]
    assert container["env"][-1]["valueFrom"]["secretKeyRef"] == {"name": "hook", "key": "notify"}
