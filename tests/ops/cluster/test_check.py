"""Every state a container can be in, and how many make one row."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from imagelock.cluster.objects import decode
from imagelock.cluster.running import ContainerKind, UnreadableObject
from imagelock.model.exemption import Exemption
from imagelock.model.lock import Lock
from imagelock.model.outcome import Outcome, finding
from imagelock.ops.cluster.check import check_cluster, with_cluster
from imagelock.ops.cluster.pods import SPEC, Judge, State, Subject
from support.kube import API, DB, LISTED, LOCK, WEB, container, digest, pinned, pod, workload

if TYPE_CHECKING:
    from imagelock.cluster.running import Observed
    from imagelock.ops.cluster.check import Report
    from support.kube import Json

TODAY = dt.date(2026, 1, 1)
JUDGE = Judge(LOCK)
UNKNOWN = digest("something else")


def observed(*objects: Json) -> list[Observed]:
    return [item for one in objects for item in decode(json.dumps(one).encode())]


def report(
    *objects: Json, exemptions: tuple[Exemption, ...] = (), namespaces: tuple[str, ...] = ()
) -> Report:
    return check_cluster(observed(*objects), LOCK, exemptions, TODAY, namespaces)


def judged(image: str, image_id: str | None) -> tuple[State, str]:
    subject = Subject(image=image, kind=ContainerKind.CONTAINER, image_id=image_id, reason="Pending")
    result = JUDGE.judge(subject)
    return result.state, result.detail


WEB_PINNED, WEB_TAGGED = pinned(WEB), "nginx:1.27"

STATES = {
    "the index": (WEB_PINNED, f"docker.io/library/nginx@{WEB.digest}", State.LOCKED, "index"),
    "a platform": (WEB_PINNED, f"nginx@{digest('web arm64')}", State.LOCKED, "platform"),
    "dockershim": (WEB_PINNED, f"docker-pullable://nginx@{digest('web amd64')}", State.LOCKED, "platform"),
    "a config": (WEB_PINNED, str(digest("web amd64 config")), State.LOCKED, "config"),
    "docker's config": (WEB_PINNED, f"docker://{digest('web amd64 config')}", State.LOCKED, "config"),
    "a bare config": (WEB_PINNED, digest("web amd64 config").hex, State.LOCKED, "config"),
    "one manifest": (pinned(API), f"quay.io/acme/api@{API.digest}", State.LOCKED, "manifest"),
    "a mirror's name": (WEB_PINNED, f"mirror.corp/x/nginx@{WEB.digest}", State.LOCKED, "index"),
    "a spec that names a mirror": (
        f"mirror.corp/nginx@{WEB.digest}",
        f"m@{WEB.digest}",
        State.LOCKED,
        "index",
    ),
    "a spec that names a platform": (
        f"nginx@{digest('web amd64')}",
        f"nginx@{digest('web amd64')}",
        State.LOCKED,
        "platform",
    ),
    "a platform by its config": (
        f"nginx@{digest('web amd64')}",
        str(digest("web amd64 config")),
        State.LOCKED,
        "config",
    ),
    "a config the lock does not record": (pinned(DB), str(digest("db config")), State.LOCKED, SPEC),
    "a tag that runs a locked index": (
        WEB_TAGGED,
        f"nginx@{WEB.digest}",
        State.NOT_PINNED,
        "runs a locked index",
    ),
    "a tag that runs a locked config": (
        WEB_TAGGED,
        str(digest("web amd64 config")),
        State.NOT_PINNED,
        "runs a locked config",
    ),
    "a tag that runs something else": (
        WEB_TAGGED,
        f"nginx@{UNKNOWN}",
        State.NOT_LOCKED,
        "the running image is not in the lock",
    ),
    "a rogue by config": (
        "evil:latest",
        str(UNKNOWN),
        State.NOT_LOCKED,
        "the running image is not in the lock",
    ),
    "a digest the lock does not have": (
        f"nginx:1.27@{UNKNOWN}",
        f"nginx@{UNKNOWN}",
        State.NOT_LOCKED,
        "the digest is not in the lock",
    ),
    "another image than the spec's": (
        WEB_PINNED,
        f"nginx@{UNKNOWN}",
        State.NOT_LOCKED,
        "the node runs an image other than the one in the spec",
    ),
    "another locked image than the spec's": (
        WEB_PINNED,
        f"quay.io/acme/api@{API.digest}",
        State.NOT_LOCKED,
        "the node runs an image other than the one in the spec",
    ),
    "another platform than the spec's": (
        f"nginx@{digest('web amd64')}",
        f"nginx@{digest('web arm64')}",
        State.NOT_LOCKED,
        "the node runs an image other than the one in the spec",
    ),
    "another config than the spec's": (
        WEB_PINNED,
        str(UNKNOWN),
        State.NOT_LOCKED,
        "the node runs an image other than the one in the spec",
    ),
    "nothing yet": (WEB_PINNED, None, State.COULD_NOT_TELL, "no imageID yet (Pending)"),
    "nothing yet of a tag": (WEB_TAGGED, None, State.COULD_NOT_TELL, "no imageID yet (Pending)"),
    "nothing yet of a wrong digest": (
        f"nginx@{UNKNOWN}",
        None,
        State.NOT_LOCKED,
        "the digest is not in the lock",
    ),
    "a tag whose config is not recorded": (
        "quay.io/acme/db:5",
        str(digest("db config")),
        State.COULD_NOT_TELL,
        "the lock does not know the config digests",
    ),
    "a platform of an entry from a list": (
        pinned(LISTED),
        f"quay.io/acme/listed@{UNKNOWN}",
        State.COULD_NOT_TELL,
        "the lock does not know the platforms",
    ),
    "an imageID that is none": (
        WEB_PINNED,
        "nonsense",
        State.COULD_NOT_TELL,
        "imageID 'nonsense' is not a digest",
    ),
}


@pytest.mark.parametrize(("image", "image_id", "state", "detail"), STATES.values(), ids=STATES.keys())
def test_spec_and_status_together_decide(image: str, image_id: str | None, state: State, detail: str) -> None:
    assert judged(image, image_id) == (state, detail)


def test_a_platforms_digest_is_no_config_digest() -> None:
    assert judged(WEB_PINNED, f"docker://{digest('web amd64')}")[0] is State.NOT_LOCKED


def test_a_mirrors_name_is_noted() -> None:
    subject = Subject(
        image=WEB_PINNED, kind=ContainerKind.CONTAINER, image_id=f"mirror.corp/nginx@{WEB.digest}"
    )
    assert JUDGE.judge(subject).notes == ("the node calls it mirror.corp/nginx",)
    subject = Subject(image=f"mirror.corp/nginx@{WEB.digest}", kind=ContainerKind.CONTAINER, has_status=False)
    assert JUDGE.judge(subject).notes == ("locked as docker.io/library/nginx:1.27",)


def test_pods_of_one_workload_are_one_row() -> None:
    running = container("c", WEB_PINNED, f"nginx@{WEB.digest}")
    pods = [
        pod(f"web-5f-{i}", running, owner=("ReplicaSet", "web-5f"), labels={"pod-template-hash": "5f"})
        for i in range(3)
    ]
    rows = report(*pods).rows
    assert [(str(row.workload), row.pods) for row in rows] == [("Deployment/web", 3)]


def test_the_chain_of_owners_is_followed_through_the_dump() -> None:
    running = container("c0", WEB_PINNED, f"nginx@{WEB.digest}")
    found = report(
        pod("backup-1-x", running, owner=("Job", "backup-1")),
        workload("Job", "backup-1", WEB_PINNED, owner=("CronJob", "backup")),
        workload("CronJob", "backup", WEB_PINNED),
    )
    assert [(str(row.workload), row.pods) for row in found.rows] == [("CronJob/backup", 1)]


def test_owners_that_own_each_other_end() -> None:
    found = report(
        pod("x", container("c", WEB_PINNED, f"nginx@{WEB.digest}"), owner=("Job", "a")),
        workload("Job", "a", WEB_PINNED, owner=("Job", "b")),
        workload("Job", "b", WEB_PINNED, owner=("Job", "a")),
    )
    assert len(found.rows) == 1


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"])
def test_workloads_without_pods_are_judged_by_their_template(kind: str) -> None:
    found = report(workload(kind, "idle", "nginx:1.27", WEB_PINNED, replicas=0))
    assert [(row.container, row.pods, row.result.state) for row in found.rows] == [
        ("c1", 0, State.LOCKED),
        ("c0", 0, State.NOT_PINNED),
    ]


def test_old_replica_sets_of_a_deployment_say_nothing() -> None:
    found = report(
        workload("Deployment", "web", WEB_PINNED, replicas=0),
        workload("ReplicaSet", "web-old", "nginx:1.0", replicas=0, owner=("Deployment", "web")),
        workload("ReplicaSet", "web-now", "nginx:1.0", replicas=2, owner=("Deployment", "web")),
    )
    assert [str(row.workload) for row in found.rows] == ["Deployment/web"]


def test_a_replica_set_of_an_owner_that_was_not_read_counts() -> None:
    found = report(workload("ReplicaSet", "r", "nginx:1.0", replicas=2, owner=("Rollout", "roll")))
    assert [row.result.state for row in found.rows] == [State.NOT_PINNED]


def test_a_workload_whose_pods_have_ended_is_judged_by_its_template_too() -> None:
    ended = container("c", WEB_PINNED, f"nginx@{WEB.digest}")
    found = report(
        pod("job-x", ended, owner=("CronJob", "nightly"), phase="Succeeded"),
        workload("CronJob", "nightly", WEB_PINNED),
    )
    assert {row.result.state for row in found.rows} == {State.LOCKED}


def test_an_evicted_pod_that_never_ran_is_judged_by_its_spec() -> None:
    found = report(pod("gone", container("c", WEB_PINNED), phase="Failed"))
    assert [(row.result.state, row.result.detail) for row in found.rows] == [(State.LOCKED, SPEC)]


def test_the_same_pod_in_two_dumps_counts_once() -> None:
    one = pod("x", container("c", WEB_PINNED, f"nginx@{WEB.digest}"))
    assert report(one, pod("y", container("c", WEB_PINNED)), one).outcome.summary["pods"] == 2


def test_image_volumes_by_what_the_kubelet_says_or_by_their_spec() -> None:
    found = report(
        pod(
            "p",
            container("c", WEB_PINNED, f"nginx@{WEB.digest}"),
            volumes=(
                ("told", pinned(API), f"quay.io/acme/api@{API.digest}"),
                ("untold", pinned(API), None),
                ("other", pinned(API), f"quay.io/acme/api@{UNKNOWN}"),
                ("tagged", "quay.io/acme/api:2", None),
            ),
        )
    )
    states = {row.container: (row.result.state, row.result.detail) for row in found.rows}
    assert states["told"] == (State.LOCKED, "manifest")
    assert states["untold"] == (State.LOCKED, SPEC)
    assert states["other"][0] is State.NOT_LOCKED
    assert states["tagged"][0] is State.NOT_PINNED


def test_could_not_tell_weighs_more_than_a_finding_and_is_told_with_the_missing_digest() -> None:
    found = report(pod("p", container("c", "nginx:1.27", waiting="ImagePullBackOff"), phase="Pending"))
    assert [item.code for item in found.outcome.findings] == ["IL302", "IL202"]
    assert "ImagePullBackOff" in found.outcome.findings[0].message
    assert found.outcome.exit_code() == 3


def test_sums_agree_and_every_container_is_in_one_state() -> None:
    objects = [
        pod(f"p{i}", container("c", image, image_id))
        for i, (image, image_id, _, _) in enumerate(STATES.values())
    ]
    summary = report(*objects, workload("Deployment", "idle", WEB_PINNED)).outcome.summary
    states = ("locked", "exempt", "not_pinned", "could_not_tell", "not_locked")
    assert summary["containers"] == sum(summary[name] for name in states) == len(STATES) + 1
    assert summary["pods"] == len(STATES)
    assert summary["workloads"] == len(STATES) + 1


ROGUE = pod("rogue", container("c", "evil:1", f"evil@{UNKNOWN}"), owner=("Deployment", "web"))


@pytest.mark.parametrize(
    ("exemption", "covers"),
    [
        (Exemption(image="docker.io/library/evil:*", reason="r"), True),
        (Exemption(image="evil:1", reason="r"), True),
        (Exemption(image="*", reason="r", namespace="shop"), True),
        (Exemption(image="*", reason="r", namespace="sh*"), True),
        (Exemption(image="*", reason="r", namespace="other"), False),
        (Exemption(image="*", reason="r", owner="Deployment/web"), True),
        (Exemption(image="*", reason="r", owner="web"), True),
        (Exemption(image="*", reason="r", owner="StatefulSet/web"), False),
        (Exemption(image="*", reason="r", owner="we"), False),
        (Exemption(image="*", reason="r", expires=dt.date(2025, 12, 31)), False),
        (Exemption(image="*", reason="r", expires=TODAY), True),
        (Exemption(image="*", reason="r", files=("deploy/**",)), False),
    ],
)
def test_exemptions_by_image_namespace_and_owner(exemption: Exemption, *, covers: bool) -> None:
    found = report(ROGUE, exemptions=(exemption,))
    assert found.rows[0].result.state is (State.EXEMPT if covers else State.NOT_LOCKED)
    assert bool(found.outcome.findings) is not covers


def test_exemptions_that_are_over_or_cover_nothing_are_told() -> None:
    advice = report(
        ROGUE,
        exemptions=(
            Exemption(image="a", reason="r", namespace="n"),
            Exemption(image="b", reason="r", expires=dt.date(2025, 1, 1)),
            Exemption(image="c", reason="it may cover files"),
        ),
    ).outcome.advice
    assert advice == (
        "the exemption for b expired on 2025-01-01",
        "the exemption for a matches no pod in this cluster",
    )


def test_only_the_named_namespaces_count() -> None:
    clean = pod("p", container("c", WEB_PINNED, f"nginx@{WEB.digest}"), namespace="other")
    assert report(ROGUE, clean, namespaces=("other",)).outcome.exit_code() == 0
    assert report(ROGUE, clean, namespaces=("shop",)).outcome.exit_code() == 1


def test_nothing_at_all_is_not_fine() -> None:
    assert report(ROGUE, namespaces=("typo",)).outcome.exit_code() == 3
    assert report().outcome.exit_code() == 3


def test_what_could_not_be_read_is_told() -> None:
    unseen = UnreadableObject(what="pods in secret", reason="forbidden", hint="ask")
    found = check_cluster([unseen], Lock(), (), TODAY)
    assert [(item.code, item.message, item.hint) for item in found.outcome.findings] == [
        ("IL302", "pods in secret: forbidden", "ask")
    ]
    assert found.outcome.summary["unseen"] == 1


def test_a_cluster_joins_another_report() -> None:
    files = Outcome(command="check", findings=(finding("IL101", "m"),), summary={"exempt": 2})
    joined = with_cluster(files, report(ROGUE).outcome)
    assert [item.code for item in joined.findings] == ["IL101", "IL201"]
    assert joined.summary["exempt"] == 2
    assert joined.summary["cluster_not_locked"] == 1


OLD, NEW = pinned(WEB), "evil:latest"
OWNER: Json = {"owner": ("ReplicaSet", "web-5f"), "labels": {"pod-template-hash": "5f"}}


def test_a_changed_template_behind_good_pods_is_a_row_of_its_own() -> None:
    found = report(
        pod("web-5f-a", container("c0", OLD, f"nginx@{WEB.digest}"), **OWNER),
        workload("Deployment", "web", NEW),
    )
    assert [(row.image, row.pods, row.result.state) for row in found.rows] == [
        (OLD, 1, State.LOCKED),
        (NEW, 0, State.NOT_PINNED),
    ]
    assert found.outcome.exit_code(strict=False) == 1


@pytest.mark.parametrize(
    "kind",
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"],
)
def test_every_template_is_judged_whatever_its_pods_look_like(kind: str) -> None:
    finished = pod("x-1", container("c0", OLD), owner=(kind, "x"), phase="Succeeded")
    running = pod("x-2", container("c0", OLD, f"nginx@{WEB.digest}"), owner=(kind, "x"))
    for one in (finished, running):
        found = report(one, workload(kind, "x", NEW))
        assert (NEW, State.NOT_PINNED) in [(row.image, row.result.state) for row in found.rows]


def test_a_template_that_its_pods_run_is_no_second_row() -> None:
    found = report(
        pod("web-5f-a", container("c0", OLD, f"nginx@{WEB.digest}"), **OWNER),
        workload("Deployment", "web", OLD),
    )
    assert [(str(row.workload), row.pods) for row in found.rows] == [("Deployment/web", 1)]


def test_another_tag_beside_a_locked_digest_is_a_warning() -> None:
    image = f"nginx:1.99@{WEB.digest}"
    found = report(pod("p", container("c", image, f"nginx@{WEB.digest}")))
    assert [row.result.state for row in found.rows] == [State.LOCKED]
    (told,) = found.outcome.findings
    assert (told.code, told.level.value) == ("IL115", "warning")
    assert "the lock has this digest as 1.27" in told.message
    for right in (OLD, f"nginx@{WEB.digest}", f"mirror.corp/nginx:9@{WEB.digest}"):
        assert report(pod("p", container("c", right, f"nginx@{WEB.digest}"))).outcome.findings == ()


def _node(name: str, architecture: str, *images: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {
            "nodeInfo": {"operatingSystem": "linux", "architecture": architecture},
            "images": [{"names": list(images)}],
        },
    }


def test_a_platform_of_the_nodes_that_an_image_lacks_is_a_warning() -> None:
    running = pod("p", container("c", pinned(API), f"quay.io/acme/api@{API.digest}"))
    both = pod("q", container("c", pinned(WEB), f"nginx@{WEB.digest}"))
    found = report(running, both, _node("a", "arm64"), _node("b", "arm64"), _node("c", "amd64"))
    assert [(item.code, item.message) for item in found.outcome.findings] == [
        ("IL106", "quay.io/acme/api:2 has no linux/arm64, which 2 nodes are of the cluster")
    ]


def test_images_on_nodes_that_the_lock_does_not_know_are_a_remark() -> None:
    node = _node(
        "a", "amd64", f"docker.io/library/nginx@{WEB.digest}", f"quay.io/evil/x@{UNKNOWN}", "quay.io/evil/x:1"
    )
    found = report(pod("p", container("c", pinned(WEB), f"nginx@{WEB.digest}")), node)
    assert found.outcome.findings == ()
    assert [line for line in found.outcome.advice if "on nodes" in line] == [
        f"on nodes and not in the lock: quay.io/evil/x@{UNKNOWN}"
    ]
