"""``cluster respin``: every workload with an image, by its content, oldest first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from imagelock.cluster.objects import decode
from imagelock.errors import UsageError
from imagelock.ops.cluster.respin import respin
from support.kube import LOCK, WEB, container, digest, pinned, pod, workload

if TYPE_CHECKING:
    from imagelock.ops.cluster.respin import Spins

OLD = digest("web before")


def aged(item: dict[str, Any], day: int) -> dict[str, Any]:
    item["metadata"]["creationTimestamp"] = f"2026-01-{day:02}T00:00:00Z"
    return item


OBJECTS = [
    aged(pod("new", container("c", pinned(WEB), f"nginx@{digest('web amd64')}")), 9),
    aged(pod("old", container("c", f"nginx@{OLD}", f"nginx@{OLD}")), 3),
    aged(pod("copy", container("c", f"mirror.corp/web@{WEB.digest}", f"mirror.corp/web@{WEB.digest}")), 5),
    aged(workload("CronJob", "next", "nginx:1.27"), 1),
    aged(pod("other", container("c", "quay.io/acme/api:2")), 2),
]


def look(image: str, *objects: dict[str, Any]) -> Spins:
    found = [item for one in objects or OBJECTS for item in decode(json.dumps(one).encode())]
    return respin(found, image, LOCK)


def shown(spins: Spins) -> list[tuple[str, str]]:
    return [(row.use.workload.name, row.state) for row in spins.rows]


def test_rows_are_ordered_by_age_and_say_what_is_not_locked() -> None:
    assert shown(look("nginx")) == [
        ("next", "unknown: no digest"),
        ("old", "not in the lock"),
        ("new", "locked as docker.io/library/nginx:1.27"),
    ]


def test_a_digest_finds_its_platforms_and_its_copies_under_other_names() -> None:
    names = [row.use.workload.name for row in look(str(WEB.digest)).rows]
    assert names == ["copy", "new"]


def test_the_beginning_of_a_digest_is_enough_as_tables_show_it() -> None:
    assert [row.use.workload.name for row in look(f"{str(WEB.digest)[:19]}…").rows] == ["copy", "new"]
    assert [row.use.workload.name for row in look(str(OLD)[:19]).rows] == ["old"]
    with pytest.raises(UsageError):
        look("sha256:12")


def test_a_glob_and_a_tag_narrow_it_down() -> None:
    assert [row.use.workload.name for row in look("mirror.corp/*").rows] == ["copy"]
    assert [row.use.workload.name for row in look("nginx:1.27").rows] == ["next", "new"]


def test_pods_of_one_workload_are_one_row_since_the_oldest() -> None:
    pods = [
        aged(
            pod(
                f"web-5f-{day}",
                container("c", pinned(WEB), f"nginx@{WEB.digest}"),
                owner=("ReplicaSet", "web-5f"),
                labels={"pod-template-hash": "5f"},
            ),
            day,
        )
        for day in (7, 4, 8)
    ]
    [row] = look("nginx", *pods).rows
    assert (str(row.use.workload), row.use.pods, row.since) == ("Deployment/web", 3, "2026-01-04T00:00:00Z")


def test_only_what_is_not_locked_costs_the_exit_code() -> None:
    assert [item.code for item in look("nginx").outcome.findings] == ["IL202", "IL201"]
    assert look("mirror.corp/web").outcome.exit_code() == 0


def test_an_image_that_runs_nowhere_is_said_and_costs_nothing() -> None:
    spins = look("redis")
    assert (spins.rows, spins.outcome.exit_code()) == ((), 0)
    assert spins.outcome.advice == ("nothing here runs redis",)


def test_a_mistyped_image_is_an_error() -> None:
    with pytest.raises(UsageError):
        look("Not An Image")
