"""The exported policy is one an API server takes, and it refuses exactly what is not in the lock."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagelock.cli.main import run
from imagelock.errors import UsageError
from imagelock.interchange.admission import LITERALS, export, options
from imagelock.interchange.base import ExportOptions
from imagelock.lockfile.writer import render_lock
from imagelock.model.digest import Digest
from imagelock.model.exemption import Exemption, exemption_for_pod
from imagelock.model.lock import Lock, LockedImage
from imagelock.model.reference import Reference
from support.admission import Admission, Request
from support.kube import API, LISTED, LOCK, WEB, container, digest, pinned, pod, workload

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN = digest("something else")
GOOD = pinned(WEB)
BAD = f"nginx:1.27@{UNKNOWN}"
TAGGED = "nginx:1.27"


def asked(*exemptions: Exemption, **values: tuple[str, ...]) -> ExportOptions:
    defaults = {option.name: option.default for option in options}
    given_values = {name.replace("_", "-"): value for name, value in values.items()}
    return ExportOptions(values={**defaults, **given_values}, exemptions=exemptions)


def admission(*exemptions: Exemption, lock: Lock = LOCK, **values: tuple[str, ...]) -> Admission:
    return Admission(export(lock, asked(*exemptions, **values)))


POLICY = admission()


def one(image: str, **more: Any) -> Request:
    return Request(pod("p", container("c", image), **more))


@pytest.mark.parametrize(
    "image",
    [
        GOOD,
        f"nginx@{WEB.digest}",
        f"mirror.corp:5000/x/nginx:1.27@{WEB.digest}",
        pinned(API),
        pinned(LISTED),
    ],
)
def test_every_identity_of_the_lock_may_run(image: str) -> None:
    assert POLICY.refusals(one(image)) == []


@pytest.mark.parametrize(
    "image", [TAGGED, "nginx", "localhost:5000/a", f"a@sha256:{'b' * 63}", f"a@md5:{'b' * 32}"]
)
def test_what_has_no_digest_is_refused_by_name(image: str) -> None:
    assert POLICY.refusals(one(image)) == [f"not pinned by digest: {image}"]


def test_a_platforms_own_manifest_may_be_named_on_request() -> None:
    image = f"nginx@{digest('web arm64')}"
    assert POLICY.refusals(one(image)) == [f"not in the lock: {image}"]
    assert admission(platforms=("yes",)).refusals(one(image)) == []


@pytest.mark.parametrize("image", [BAD, f"nginx@{digest('web amd64 config')}", f"a@sha512:{'b' * 128}"])
def test_another_digest_is_refused_by_name(image: str) -> None:
    assert POLICY.refusals(one(image)) == [f"not in the lock: {image}"]


PLACES = {
    "container": pod("p", container("a", GOOD), container("b", BAD)),
    "init container": pod("p", container("a", GOOD), init=(container("b", BAD),)),
    "ephemeral container": pod("p", container("a", GOOD), ephemeral=(container("b", BAD),)),
    "image volume": pod("p", container("a", GOOD), volumes=(("v", BAD, None),)),
    **{
        kind: workload(kind, "w", GOOD, BAD)
        for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob")
    },
    "ReplicationController": workload("ReplicationController", "w", GOOD, BAD),
    "PodTemplate": {
        "kind": "PodTemplate",
        "metadata": {"name": "t"},
        "template": {"spec": {"containers": [{"name": "a", "image": GOOD}, {"name": "b", "image": BAD}]}},
    },
}


@pytest.mark.parametrize("thing", PLACES.values(), ids=PLACES.keys())
def test_every_place_of_pods_and_templates_counts(thing: dict[str, Any]) -> None:
    assert POLICY.refusals(Request(thing)) == [f"not in the lock: {BAD}"]


def test_every_kind_that_is_judged_is_asked_for() -> None:
    rules = POLICY.policy["spec"]["matchConstraints"]["resourceRules"]
    resources = {f"{rule['apiGroups'][0]}/{name}" for rule in rules for name in rule["resources"]}
    assert resources == {
        *("/pods", "/pods/ephemeralcontainers", "/podtemplates", "/replicationcontrollers"),
        *("apps/deployments", "apps/statefulsets", "apps/daemonsets", "apps/replicasets"),
        *("batch/jobs", "batch/cronjobs"),
    }
    assert all(rule["operations"] == ["CREATE", "UPDATE"] for rule in rules)


def test_objects_without_images_pass() -> None:
    bare = {"kind": "ReplicationController", "metadata": {"name": "x"}, "spec": {"replicas": 0}}
    empty = {
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {"template": {"spec": {"containers": [{"name": "c"}]}}},
    }
    assert POLICY.refusals(Request(bare)) == []
    assert POLICY.refusals(Request(empty)) == []


def test_both_rules_are_told_together() -> None:
    request = Request(pod("p", container("a", TAGGED), container("b", BAD), container("c", "x")))
    assert POLICY.refusals(request) == [f"not pinned by digest: {TAGGED}, x", f"not in the lock: {BAD}"]


def test_an_update_that_brings_no_image_passes() -> None:
    """A label, a finalizer or a scale of what runs already must not be stuck."""
    before = pod("p", container("a", BAD))
    assert POLICY.refusals(Request(pod("p", container("a", BAD), labels={"x": "y"}), old=before)) == []
    debug = pod("p", container("a", BAD), ephemeral=(container("d", "busybox"),))
    assert POLICY.refusals(Request(debug, old=before)) == ["not pinned by digest: busybox"]


def test_a_message_that_is_too_long_gives_way_to_the_plain_one() -> None:
    images = [container(f"c{i}", f"registry.corp/{'x' * 200}/{i}") for i in range(40)]
    assert POLICY.refusals(Request(pod("p", *images))) == ["an image is not pinned by digest"]


def many(count: int) -> Lock:
    return Lock(
        tuple(
            LockedImage(name=f"quay.io/acme/image-{i}", tag="1", digest=Digest.of(str(i).encode()))
            for i in range(count)
        )
    )


@pytest.mark.parametrize(
    ("count", "parts"), [(3, 0), (LITERALS, 0), (LITERALS + 1, 1), (1_000, 1), (6_000, 16)]
)
def test_a_large_lock_is_split_and_every_digest_is_found(count: int, parts: int) -> None:
    lock = many(count)
    text = export(lock, asked())
    policy = Admission(text)
    assert (len(policy.maps), len(policy.bindings)) == (parts, parts + 1)
    assert all(len(str(item)) < 256 * 1024 for item in policy.maps.values())
    for image in lock.images[:: count // 3]:
        assert policy.refusals(one(pinned(image))) == []
    assert policy.refusals(one(BAD)) == [f"not in the lock: {BAD}"]
    assert policy.refusals(one(TAGGED)) == [f"not pinned by digest: {TAGGED}"]


def test_every_part_says_which_digests_it_knows() -> None:
    policy = admission(lock=many(6_000))
    assert sorted(item["data"]["prefix"] for item in policy.maps.values()) == list("0123456789abcdef")
    total = sum(len(item["data"]) - 2 for item in policy.maps.values())
    assert total == 6_000


def test_a_part_that_is_missing_refuses_instead_of_letting_through() -> None:
    policy = admission(lock=many(6_000))
    (lost,) = [name for name in policy.maps if name.endswith(f"-{UNKNOWN.hex[0]}")]
    assert policy.refusals(one(BAD), missing=lost) == ["no params found"]


@pytest.mark.parametrize(
    ("before", "after"), [(6_000, 1_000), (1_000, 6_000), (1_000, 1_001), (1_000, 3), (3, 1_000)]
)
def test_what_another_release_left_neither_refuses_nor_lets_through(before: int, after: int) -> None:
    """Between two applies, and when nobody cleans up, objects of the release before are still there."""
    old, new = admission(lock=many(before)), admission(lock=many(after))
    names = {item["metadata"]["name"] for item in new.bindings}
    new.maps = {**old.maps, **new.maps}
    new.bindings += [item for item in old.bindings if item["metadata"]["name"] not in names]
    assert new.refusals(one(pinned(many(after).images[-1]))) == []
    assert set(new.refusals(one(BAD))) == {f"not in the lock: {BAD}"}
    if before > after:
        gone = pinned(many(before).images[-1])
        assert set(new.refusals(one(gone))) == {f"not in the lock: {gone}"}


def test_a_second_release_has_names_of_its_own() -> None:
    first, second = admission(lock=many(1_000)), admission(lock=many(1_001))
    assert not first.maps.keys() & second.maps.keys()
    assert admission(lock=many(1_000)).maps.keys() == first.maps.keys()
    assert first.policy["metadata"]["name"] == second.policy["metadata"]["name"]


@pytest.mark.parametrize("count", [3, 1_000])
def test_switched_off_it_keeps_every_object_and_refuses_nothing(count: int) -> None:
    on, off = admission(lock=many(count)), admission(lock=many(count), off=("yes",))
    assert [item["metadata"] for item in on.documents] == [item["metadata"] for item in off.documents]
    assert on.refusals(one(BAD)) != []
    assert off.refusals(one(BAD)) == []


def test_an_allowed_image_runs_without_being_in_the_lock() -> None:
    policy = admission(allow=("quay.io/acme/imagelock:*",))
    assert policy.refusals(one("quay.io/acme/imagelock:1")) == []
    assert policy.refusals(one("quay.io/acme/other:1")) == ["not pinned by digest: quay.io/acme/other:1"]


def test_the_policy_comes_last() -> None:
    kinds = [item["kind"] for item in admission(lock=many(6_000)).documents]
    order = ["ConfigMap", "ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"]
    assert [kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind] == order


@pytest.mark.parametrize("action", ["Deny", "Warn", "Audit"])
def test_only_a_policy_that_refuses_may_refuse_for_an_error(action: str) -> None:
    policy = admission(action=(action,), lock=many(1_000))
    binding = policy.bindings[0]["spec"]
    assert binding["validationActions"] == [action]
    assert policy.policy["spec"]["failurePolicy"] == ("Fail" if action == "Deny" else "Ignore")
    assert binding["paramRef"]["parameterNotFoundAction"] == ("Deny" if action == "Deny" else "Allow")


def selector(**values: tuple[str, ...]) -> Any:
    return Admission(export(LOCK, asked(**values))).policy["spec"]["matchConstraints"]["namespaceSelector"]


def test_namespaces_are_chosen_by_the_label_that_the_api_server_sets() -> None:
    key = "kubernetes.io/metadata.name"
    system = ["kube-system", "kube-public", "kube-node-lease"]
    assert selector() == {"matchExpressions": [{"key": key, "operator": "NotIn", "values": system}]}
    only = {"matchExpressions": [{"key": key, "operator": "In", "values": ["shop", "y"]}]}
    assert selector(namespace=("shop", "y")) == only
    assert selector(exclude_namespace=("",)) == {}
    labelled = selector(namespace_selector=("team=a", "acme.io/tier=gold"), exclude_namespace=("",))
    assert labelled == {"matchLabels": {"team": "a", "acme.io/tier": "gold"}}


@pytest.mark.parametrize(
    "values",
    [
        {"namespace": ("Shop",)},
        {"namespace": ("shop",), "exclude_namespace": ("lab",)},
        {"name": ("a/b",)},
        {"config_namespace": ("-",)},
        {"namespace_selector": ("team",)},
        {"namespace_selector": ("team=a",), "namespace": ("shop",)},
    ],
)
def test_values_that_cannot_be_are_refused(values: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(UsageError):
        export(LOCK, asked(**values))


def test_an_empty_lock_makes_no_policy() -> None:
    with pytest.raises(UsageError, match="would refuse every image"):
        export(Lock(), asked())


def test_texts_that_readers_of_yaml_take_for_something_else_are_quoted() -> None:
    text = export(many(6_000), asked(namespace=("08", "y", "no", "1e5")))
    assert 'prefix: "0"' in text
    assert all(f'- "{name}"' in text for name in ("08", "y", "1e5"))
    assert "- 'no'" in text


TODAY = dt.date(2026, 1, 1)
IMAGES = (
    *("nginx", "nginx:1", "library/nginx", "docker.io/nginx:1", "docker.io/library/nginx"),
    *("index.docker.io/nginx", "acme/app", "quay.io/acme/app:1", "localhost/app", "localhost:5000/app"),
    *("localhost:5000/app:1", f"quay.io/acme/app:1@{UNKNOWN}", f"quay.io/acme/app@{UNKNOWN}"),
    *("Host/app", "registry.corp:5000/a/b-c_d:x.y", "quay.io/acme/app-2:1"),
)
PATTERNS = (
    *("nginx", "nginx:1", "docker.io/library/nginx:*", "docker.io/*", "*", "*:1", "quay.io/acme/app"),
    *("quay.io/acme/app:1", "quay.io/acme/app:?", "quay.io/acme/*", "localhost:5000/app", "*/app"),
    *("quay.io/acme/app:[0-9]", "quay.io/acme/app:[!0-9]", f"quay.io/acme/app@{UNKNOWN}", "q[", "a.b"),
    *("nginx:latest", "*latest", "quay.io/acme/app[-]2", "quay*io/acme/app*", "[^q]*", "*/ap+", "[]q]*"),
    *("index.docker.io/nginx", "[q]uay.io/*", "[!q]*", "*[.]*", "quay.io/acme/app:[]"),
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_exemptions_mean_in_the_cluster_what_they_mean_in_files(pattern: str) -> None:
    exemption = Exemption(image=pattern, reason="r")
    policy = admission(exemption)
    for image in IMAGES:
        found = exemption_for_pod(Reference.parse(image), "shop", (), (exemption,), TODAY)
        assert (policy.refusals(one(image)) == []) is (found is not None), image


OWNED = {"owner": ("ReplicaSet", "web-5f"), "labels": {"pod-template-hash": "5f"}}


@pytest.mark.parametrize(
    ("exemption", "request_", "covered"),
    [
        (Exemption(image="*", reason="r", namespace="shop"), one(BAD), True),
        (Exemption(image="*", reason="r", namespace="s*p"), one(BAD), True),
        (Exemption(image="*", reason="r", namespace="hop"), one(BAD), False),
        (Exemption(image="*", reason="r", owner="Deployment/web"), one(BAD, **OWNED), True),
        (Exemption(image="*", reason="r", owner="ReplicaSet/web-5f"), one(BAD, **OWNED), True),
        (Exemption(image="*", reason="r", owner="web"), one(BAD, **OWNED), True),
        (Exemption(image="*", reason="r", owner="we"), one(BAD, **OWNED), False),
        (Exemption(image="*", reason="r", owner="Pod/p"), one(BAD), True),
        (
            Exemption(image="*", reason="r", owner="Deployment/web"),
            Request(workload("Deployment", "web", BAD)),
            True,
        ),
        (Exemption(image="quay.io/*", reason="r", owner="web"), one(BAD, **OWNED), False),
    ],
)
def test_exemptions_by_namespace_and_owner(exemption: Exemption, request_: Request, *, covered: bool) -> None:
    assert (admission(exemption).refusals(request_) == []) is covered


def test_an_exemption_cannot_break_out_of_its_expression() -> None:
    evil = Exemption(image='x")) || true || (("*\\', reason="a\nkind: Evil", namespace="' + \"", owner='"\n/')
    assert admission(evil).refusals(one(BAD)) == [f"not in the lock: {BAD}"]


def test_the_head_tells_how_to_apply_it_and_what_is_exempt() -> None:
    exemption = Exemption(image="quay.io/a", reason="until\n8.0", expires=dt.date(2026, 2, 1), owner="web")
    head = [line for line in export(LOCK, asked(exemption)).splitlines() if line.startswith("#")]
    assert head[1:] == [
        "# Apply with: kubectl apply -f FILE",
        "# 4 digests may run; exempt:",
        "#   quay.io/a (owner web, until 2026-02-01, then export again): until 8.0",
    ]


def test_the_command_writes_it_and_leaves_out_exemptions_that_are_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images.lock").write_text(render_lock(LOCK), encoding="utf-8")
    (tmp_path / "imagelock.toml").write_text(
        '[[exempt]]\nimage = "over"\nreason = "r"\nexpires = 2020-01-01\n'
        '[[exempt]]\nimage = "stays"\nreason = "r"\n',
        encoding="utf-8",
    )
    code = run(
        [
            "export",
            "admission",
            "-C",
            str(tmp_path),
            "--action",
            "Warn",
            "--namespace",
            "shop",
            "--name",
            "mine",
        ]
    )
    out = capsys.readouterr().out
    assert code == 0
    assert "stays" in out
    assert "over" not in out.replace("overrides", "")
    names = [item["metadata"]["name"] for item in yaml.safe_load_all(out)]
    assert names == ["mine", "mine"]
