"""The Helm chart: what it renders, an API server takes; it asks for no more than the agent's own export."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagelock.cli.cluster import check, watch
from imagelock.interchange import agent, webhook
from imagelock.interchange.base import ExportOptions
from imagelock.service.agent.metrics import Metrics
from support.admission import check_fields
from support.helm import provide_helm
from support.kube import LOCK

if TYPE_CHECKING:
    from imagelock.interchange.base import Export

CHART = Path(__file__).parents[2] / "deploy" / "imagelock-agent"
DIGEST = f"sha256:{'a' * 64}"
BASE = {"image.repository": "quay.io/acme/imagelock", "image.digest": DIGEST, "lock.text": "nginx:1@x"}
EVERYTHING = {
    **BASE,
    "events": "true",
    "policyReports": "true",
    "notify.secretName": "hook",
    "webhook.enabled": "true",
    "webhook.secretName": "cert",
    "webhook.certificate": "agent",
    "config": "# exemptions",
    "watch.namespaces": "{shop,edge}",
    "watch.kinds": "{rollouts.argoproj.io}",
    "serviceMonitor.enabled": "true",
    "prometheusRule.enabled": "true",
    "dashboard.enabled": "true",
}
OPERATOR = {"ServiceMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator, which the Kubernetes client does not know."""


@pytest.fixture(autouse=True)
def helm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Need Helm."""
    if not provide_helm(monkeypatch):
        pytest.skip("helm is not installed")


def helm_template(values: dict[str, str]) -> subprocess.CompletedProcess[str]:
    settings = [part for key, value in values.items() for part in ("--set", f"{key}={value}")]
    command = ("helm", "template", "agent", str(CHART), "-n", "imagelock", "--kube-version", "1.30.0")
    return subprocess.run((*command, *settings), capture_output=True, text=True, timeout=120, check=False)


def rendered(values: dict[str, str]) -> dict[str, Any]:
    done = helm_template(values)
    assert done.returncode == 0, done.stderr
    documents = [item for item in yaml.safe_load_all(done.stdout) if item]
    found = {f"{item['kind']}/{item['metadata']['name']}": item for item in documents}
    assert len(found) == len(documents)
    return found


def pod_of(item: Any) -> Any:
    spec = item["spec"]
    return (spec["jobTemplate"]["spec"] if item["kind"] == "CronJob" else spec)["template"]["spec"]


@pytest.mark.parametrize(
    "values", [BASE, EVERYTHING, {**BASE, "mode": "cronjob"}], ids=["plain", "all", "cron"]
)
def test_the_api_knows_every_field(values: dict[str, str]) -> None:
    for item in rendered(values).values():
        if item["kind"] not in OPERATOR:
            check_fields(item, f"V1{item['kind']}")


@pytest.mark.parametrize("mode", ["agent", "cronjob"])
def test_every_pod_passes_the_restricted_standard(mode: str) -> None:
    kind = "Deployment" if mode == "agent" else "CronJob"
    spec = pod_of(rendered({**EVERYTHING, "mode": mode})[f"{kind}/agent"])
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    for container in spec["containers"]:
        inside = container["securityContext"]
        assert inside["allowPrivilegeEscalation"] is False
        assert inside["readOnlyRootFilesystem"] is True
        assert inside["capabilities"] == {"drop": ["ALL"]}
        assert container["image"] == f"quay.io/acme/imagelock@{DIGEST}"
    assert {next(key for key in volume if key != "name") for volume in spec["volumes"]} <= {
        "configMap",
        "emptyDir",
        "secret",
    }


def given(kind: Export, **values: str) -> ExportOptions:
    defaults = {option.name: option.default for option in kind.options}
    return ExportOptions(values=defaults | {key.replace("_", "-"): (value,) for key, value in values.items()})


def test_the_rights_and_the_ways_in_and_out_are_those_of_the_export() -> None:
    options = {"events": "yes", "policy_reports": "yes", "webhook_secret": "cert"}
    exported = yaml.safe_load_all(agent.export(LOCK, given(agent, image="x", **options)))
    own = {item["kind"]: item for item in exported}
    chart = rendered(EVERYTHING)
    assert chart["ClusterRole/agent"]["rules"] == own["ClusterRole"]["rules"]
    for key in ("ingress", "egress", "policyTypes"):
        assert chart["NetworkPolicy/agent"]["spec"][key] == own["NetworkPolicy"]["spec"][key]
    _, registration = yaml.safe_load_all(webhook.export(LOCK, given(webhook, cert_manager="imagelock/agent")))
    hook = chart["ValidatingWebhookConfiguration/agent"]["webhooks"][0]
    assert hook["rules"] == registration["webhooks"][0]["rules"]


def test_a_cronjob_may_only_list_and_is_reached_by_nobody() -> None:
    found = rendered({**EVERYTHING, "mode": "cronjob"})
    assert {verb for rule in found["ClusterRole/agent"]["rules"] for verb in rule["verbs"]} == {"list"}
    assert "ingress" not in found["NetworkPolicy/agent"]["spec"]
    assert not any(key.startswith(("Service/", "Deployment/", "ValidatingWebhook")) for key in found)


@pytest.mark.parametrize("mode", ["agent", "cronjob"])
def test_the_command_line_is_one_that_imagelock_takes(mode: str) -> None:
    kind = "Deployment" if mode == "agent" else "CronJob"
    [container] = pod_of(rendered({**EVERYTHING, "mode": mode})[f"{kind}/agent"])["containers"]
    group, verb, *rest = container["args"]
    command = {"watch": watch, "check": check}[verb]
    assert group == "cluster"
    parsed = command.make_context(verb, rest, resilient_parsing=False).params
    assert parsed["namespaces"] == ("shop", "edge")
    assert parsed["kinds"] == ("rollouts.argoproj.io",)


def test_another_lock_is_another_config_map_and_rolls_the_agent_over() -> None:
    one, two = rendered(BASE), rendered({**BASE, "lock.text": "nginx:2@y"})
    maps = [next(key for key in found if key.startswith("ConfigMap/")) for found in (one, two)]
    assert maps[0] != maps[1]
    assert one[maps[0]]["immutable"] is True
    assert one["Deployment/agent"]["spec"]["template"] != two["Deployment/agent"]["spec"]["template"]
    assert one["Deployment/agent"]["spec"]["selector"] == two["Deployment/agent"]["spec"]["selector"]


def test_a_config_map_of_somebody_else_is_mounted_and_none_is_made() -> None:
    found = rendered({**BASE, "lock.text": "", "lock.existingConfigMap": "released"})
    assert not any(key.startswith("ConfigMap/") for key in found)
    assert pod_of(found["Deployment/agent"])["volumes"][0]["configMap"]["name"] == "released"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({**BASE, "image.digest": "latest"}, "digest"),
        ({**BASE, "lock.text": ""}, "give the lock"),
        ({**BASE, "webhook.enabled": "true", "webhook.secretName": "x"}, "caBundle"),
        ({**BASE, "mode": "sidecar"}, "mode"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_installed(values: dict[str, str], words: str) -> None:
    done = helm_template(values)
    assert done.returncode != 0
    assert words in done.stderr


METRIC = re.compile(r"\bimagelock_[a-z_]+")


def known_metrics() -> dict[str, set[str]]:
    """Return every series of the agent with its labels."""
    metrics = Metrics()
    metrics.containers.labels("locked", "shop", "Pod").set(1)
    metrics.lock.labels("x").set(1)
    metrics.transitions.labels("gone").inc()
    metrics.admissions.labels("allowed").inc()
    return {
        sample.name: set(sample.labels)
        for family in metrics.registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def expressions() -> list[str]:
    rules = yaml.safe_load((CHART / "files/alerts.yaml").read_text())
    dashboard = json.loads((CHART / "files/dashboard.json").read_text())
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    found += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    found += [item["query"]["query"] for item in dashboard["templating"]["list"] if item["type"] == "query"]
    return found


def test_rules_and_dashboard_ask_only_for_metrics_and_labels_that_the_agent_has() -> None:
    known = known_metrics()
    asked: set[str] = set()
    for expression in expressions():
        names = set(METRIC.findall(expression))
        assert names, expression
        assert names <= known.keys(), expression
        labels = set().union(*(known[name] for name in names))
        used = {
            label
            for part in re.findall(r"\{([^}]*)\}", expression)
            for label in re.findall(r"(\w+)[=!]", part)
        }
        used |= {
            label for part in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", part)
        }
        assert used <= labels, expression
        assert expression.count("(") == expression.count(")")
        asked |= names
    assert asked == known.keys(), "every metric is shown somewhere"


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    dashboard = json.loads((CHART / "files/dashboard.json").read_text())
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        mine = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not cells & mine, panel["title"]
        assert max(x for x, _ in mine) < 24
        cells |= mine
    embedded = rendered(EVERYTHING)["ConfigMap/agent-dashboard"]["data"]["imagelock.json"]
    assert json.loads(embedded) == dashboard


def test_the_alerts_have_what_people_need() -> None:
    rules = rendered(EVERYTHING)["PrometheusRule/agent"]["spec"]["groups"][0]["rules"]
    assert rules == yaml.safe_load((CHART / "files/alerts.yaml").read_text())["groups"][0]["rules"]
    assert all(rule["annotations"]["summary"] and rule["for"] for rule in rules)
