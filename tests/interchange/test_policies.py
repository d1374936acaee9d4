"""Kyverno, Gatekeeper and policy.json refuse what the API server's own policy refuses, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import yaml
from jsonschema import Draft7Validator

from imagelock.errors import UsageError
from imagelock.interchange import admission, gatekeeper, icsp, kyverno, policy_json
from imagelock.interchange.base import ExportOptions
from imagelock.lockfile.reader import parse_list
from imagelock.model.exemption import Exemption
from imagelock.model.lock import Lock
from support import peers
from support.admission import Admission, Request, cel_refusals
from support.kube import API, DB, LISTED, LOCK, WEB, container, digest, pinned, pod, workload

if TYPE_CHECKING:
    from pathlib import Path

    from imagelock.interchange.base import Export
    from support.world import World

BAD = f"nginx:1.27@{digest('something else')}"


class Engine(Protocol):
    """Whatever judges a request."""

    def refusals(self, request: Request) -> list[str]:
        """Return the messages."""


def asked(kind: Export, *exemptions: Exemption, **values: tuple[str, ...]) -> ExportOptions:
    defaults = {option.name: option.default for option in kind.options}
    given = {name.replace("_", "-"): value for name, value in values.items()}
    return ExportOptions(values={**defaults, **given}, exemptions=exemptions)


def kyverno_engine(text: str) -> Engine:
    """Kyverno evaluates the expressions as the API server does: judge them as its own policy."""
    [policy] = yaml.safe_load_all(text)
    assert policy["apiVersion"].startswith("policies.kyverno.io/")
    spec = policy["spec"]
    assert set(spec) == {
        "validationActions",
        "failurePolicy",
        "autogen",
        "evaluation",
        "matchConstraints",
        "variables",
        "validations",
    }
    group = {"apiVersion": "admissionregistration.k8s.io/v1"}
    rules = ("failurePolicy", "matchConstraints", "variables", "validations")
    native = {
        **group,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": policy["metadata"],
        "spec": {key: spec[key] for key in rules},
    }
    binding = {
        **group,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": policy["metadata"],
        "spec": {
            "policyName": policy["metadata"]["name"],
            "validationActions": spec["validationActions"],
        },
    }
    return Admission(yaml.dump_all([binding, native]))


class Gatekeeper:
    """A template with its constraint: the same CEL, over the constraint's parameters."""

    def __init__(self, text: str) -> None:
        self.template, self.constraint = yaml.safe_load_all(text)
        kind = self.template["spec"]["crd"]["spec"]["names"]["kind"]
        assert self.template["metadata"]["name"] == kind.lower()
        assert self.constraint["kind"] == kind
        [target] = self.template["spec"]["targets"]
        [code] = target["code"]
        self.source = code["source"]
        assert set(self.source) == {"failurePolicy", "variables", "validations"}
        assert not {item["name"] for item in self.source["variables"]} & {"params", "anyObject"}
        schema = self.template["spec"]["crd"]["spec"]["validation"]["openAPIV3Schema"]
        _check_structural(schema)
        Draft7Validator(schema).validate(self.constraint["spec"]["parameters"])

    def refusals(self, request: Request, *, operation: str | None = None) -> list[str]:
        """Return the messages of all rules that are not kept."""
        return cel_refusals(self.source, request, self.constraint["spec"]["parameters"], operation)


def _check_structural(schema: Any) -> None:
    """Check that every level has its type, as the schema of a v1 template must."""
    assert "type" in schema, schema
    for inner in (*schema.get("properties", {}).values(), schema.get("additionalProperties")):
        if inner is not None:
            _check_structural(inner)


ENGINES: tuple[tuple[Export, Any], ...] = (
    (admission, Admission),
    (kyverno, kyverno_engine),
    (gatekeeper, Gatekeeper),
)


def engines(*exemptions: Exemption, lock: Lock = LOCK, **values: tuple[str, ...]) -> list[Engine]:
    return [make(kind.export(lock, asked(kind, *exemptions, **values))) for kind, make in ENGINES]


PLAIN = engines()
OLD = pod("p", container("c", BAD))
REQUESTS = {
    "pinned": Request(pod("p", container("c", pinned(WEB)))),
    "mirror": Request(pod("p", container("c", f"mirror.corp:5000/x/nginx@{WEB.digest}"))),
    "single manifest": Request(pod("p", container("c", pinned(API)))),
    "listed": Request(pod("p", container("c", pinned(LISTED)))),
    "unknown": Request(pod("p", container("c", BAD))),
    "tag": Request(pod("p", container("c", "nginx:1.27"))),
    "short": Request(pod("p", container("c", f"nginx@sha256:{'b' * 63}"))),
    "platform": Request(pod("p", container("c", f"quay.io/acme/db@{digest('db amd64')}"))),
    "init": Request(pod("p", container("c", pinned(WEB)), init=(container("i", BAD),))),
    "ephemeral": Request(pod("p", container("c", pinned(WEB)), ephemeral=(container("e", "busybox"),))),
    "volume": Request(pod("p", container("c", pinned(WEB)), volumes=(("model", BAD, None),))),
    "deployment": Request(workload("Deployment", "d", pinned(WEB), "nginx:1.27", BAD)),
    "cron job": Request(workload("CronJob", "d", pinned(WEB), BAD)),
    "pod template": Request(
        {
            "apiVersion": "v1",
            "kind": "PodTemplate",
            "metadata": {"name": "t"},
            "template": {"metadata": {}, "spec": {"containers": [{"name": "c", "image": BAD}]}},
        }
    ),
    "kept by an update": Request(OLD, old=OLD),
    "changed by an update": Request(pod("p", container("c", "nginx:2")), old=OLD),
    "nothing": Request(workload("Deployment", "d")),
}


@pytest.mark.parametrize("request_of", REQUESTS)
def test_all_engines_agree(request_of: str) -> None:
    expected, *others = (engine.refusals(REQUESTS[request_of]) for engine in PLAIN)
    assert others == [expected, expected]


def test_the_cases_are_refused_for_both_reasons_and_some_are_not() -> None:
    refused = {name: PLAIN[2].refusals(item) for name, item in REQUESTS.items()}
    assert [name for name, messages in refused.items() if not messages] == [
        "pinned",
        "mirror",
        "single manifest",
        "listed",
        "kept by an update",
        "nothing",
    ]
    assert refused["tag"] == ["not pinned by digest: nginx:1.27"]
    assert refused["volume"] == [f"not in the lock: {BAD}"]


EXEMPT = (
    Exemption(image="busybox", reason="debugging"),
    Exemption(image="quay.io/acme/idea:*", namespace="lab*", owner="Deployment/try", reason="floating"),
)


@pytest.mark.parametrize(
    ("image", "namespace", "owner", "passes"),
    [
        ("busybox:1", "shop", None, True),
        ("docker.io/library/busybox@" + str(digest("x")), "shop", None, True),
        ("index.docker.io/library/busybox", "shop", None, True),
        ("busybox-evil:1", "shop", None, False),
        ("evil.corp/busybox:1", "shop", None, False),
        ("quay.io/acme/idea:next", "lab-1", ("Deployment", "try"), True),
        ("quay.io/acme/idea:next", "lab-1", ("ReplicaSet", "try-5f"), True),
        ("quay.io/acme/idea:next", "lab-1", ("Deployment", "other"), False),
        ("quay.io/acme/idea:next", "shop", ("Deployment", "try"), False),
    ],
)
def test_exemptions_cover_the_same(
    image: str, namespace: str, owner: tuple[str, str] | None, *, passes: bool
) -> None:
    one = pod(
        "p", container("c", image), owner=owner, labels={"pod-template-hash": "5f"}, namespace=namespace
    )
    for engine in engines(*EXEMPT):
        assert (engine.refusals(Request(one, namespace=namespace)) == []) is passes


def test_platforms_may_be_named_on_request() -> None:
    for engine in engines(platforms=("yes",)):
        assert engine.refusals(REQUESTS["platform"]) == []


def test_gatekeeper_does_not_judge_what_is_deleted() -> None:
    engine = PLAIN[2]
    assert isinstance(engine, Gatekeeper)
    assert engine.refusals(REQUESTS["unknown"], operation="DELETE") == []


def test_gatekeeper_matches_the_namespaces_that_were_asked_for() -> None:
    def match(**values: tuple[str, ...]) -> Any:
        return Gatekeeper(gatekeeper.export(LOCK, asked(gatekeeper, **values))).constraint["spec"]

    assert match()["match"]["excludedNamespaces"] == ["kube-system", "kube-public", "kube-node-lease"]
    assert match(namespace=("shop",))["match"]["namespaces"] == ["shop"]
    chosen = match(namespace_selector=("team=shop",))["match"]
    assert chosen["namespaceSelector"] == {"matchLabels": {"team": "shop"}}
    actions = [match(action=(action,))["enforcementAction"] for action in ("Deny", "Warn", "Audit")]
    assert actions == ["deny", "warn", "dryrun"]


def test_a_lock_that_is_empty_or_too_large_is_refused_with_a_way_out() -> None:
    lines = "".join(f"q.io/a/b:{i}@sha256:{i:064d}\n" for i in range(14_000))
    for kind in (kyverno, gatekeeper):
        with pytest.raises(UsageError, match="more than one"):
            kind.export(parse_list(lines, "list"), asked(kind))
        with pytest.raises(UsageError, match="empty"):
            kind.export(Lock(()), asked(kind))
    with pytest.raises(UsageError, match="empty"):
        policy_json.export(Lock(()), asked(policy_json))


def test_policy_json_lists_what_may_be_pulled() -> None:
    policy = json.loads(policy_json.export(LOCK, asked(policy_json, allow=("registry.k8s.io", "pause:3.9"))))
    assert policy["default"] == [{"type": "reject"}]
    scopes = policy["transports"]["docker"]
    assert scopes.pop("") == [{"type": "reject"}]
    names = {f"{image.name}@{image.digest}" for image in (WEB, API, DB, LISTED)}
    assert scopes.keys() == names | {"registry.k8s.io", "docker.io/library/pause:3.9"}


def test_policy_json_refuses_a_scope_that_is_none() -> None:
    with pytest.raises(UsageError, match="not a scope"):
        policy_json.export(LOCK, asked(policy_json, allow=("Not A Scope",)))


def test_skopeo_copies_a_locked_image_and_rejects_any_other(world: World, tmp_path: Path) -> None:
    if not peers.has("skopeo"):
        pytest.skip("skopeo is not installed")
    locked, other = world.push_as("quay.io/acme/web:1", "one"), world.push("quay.io/acme/web:2")
    assert world.push_as("quay.io/acme/other:1", "one") == locked
    lock = parse_list(f"quay.io/acme/web:1@{locked}\n", "list")
    policy, registries = tmp_path / "policy.json", tmp_path / "registries.conf"
    policy.write_text(policy_json.export(lock, asked(policy_json)))
    host = world.registry.url.partition("://")[2]
    registries.write_text(f'[[registry]]\nprefix = "quay.io"\nlocation = "{host}/quay.io"\ninsecure = true\n')

    def copied(source: str) -> subprocess.CompletedProcess[str]:
        target = f"dir:{tmp_path / 'out'}"
        options = ("--policy", str(policy), "--registries-conf", str(registries))
        command = ("skopeo", *options, "copy", "--all", f"docker://{source}", target)
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    good = copied(f"quay.io/acme/web@{locked}")
    assert good.returncode == 0, good.stderr
    for source in (f"quay.io/acme/web@{other}", "quay.io/acme/web:1", f"quay.io/acme/other@{locked}"):
        bad = copied(source)
        assert bad.returncode != 0
        assert "rejected by policy" in bad.stderr, bad.stderr


def test_icsp_has_every_repository_and_no_field_that_it_does_not_know() -> None:
    given = ExportOptions(values={"mirror": ("mirror.corp:5000/m",), "name": ("x",)})
    policy = yaml.safe_load(icsp.export(LOCK, given))
    assert (policy["apiVersion"], policy["kind"]) == (
        "operator.openshift.io/v1alpha1",
        "ImageContentSourcePolicy",
    )
    entries = policy["spec"]["repositoryDigestMirrors"]
    assert [set(entry) for entry in entries] == [{"source", "mirrors"}] * 4
    assert {entry["source"] for entry in entries} == {image.name for image in LOCK.images}


def test_an_exemption_with_a_date_is_exported_as_it_is_today() -> None:
    over = Exemption(image="busybox", reason="x", expires=dt.date(2099, 1, 1))
    for engine in engines(over):
        assert engine.refusals(Request(pod("p", container("c", "busybox")))) == []
