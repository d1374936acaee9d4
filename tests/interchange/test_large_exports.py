"""Exports of 3,000 images: every object fits into the API, and another release collides with none of the last."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagelock.interchange import admission, agent, mirror_job, prepull
from imagelock.interchange.base import ExportOptions
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage

if TYPE_CHECKING:
    from imagelock.interchange.base import Export

TOOL = f"quay.io/acme/tool@{Digest.of(b'tool')}"
GIVEN: dict[str, dict[str, str]] = {
    "mirror-job": {"image": TOOL, "mirror": "mirror.corp:5000/m", "shards": "8"},
    "prepull": {"tool-image": TOOL, "namespace": "x"},
    "admission": {},
    "agent": {"image": TOOL},
}
KINDS: tuple[Export, ...] = (mirror_job, prepull, admission, agent)
_API_BYTES = 1024 * 1024
"""What a ConfigMap may hold; etcd takes half as much again."""


def image(number: int) -> LockedImage:
    return LockedImage(
        name=f"registry.example.com/product/team-{number % 40}/component-{number}",
        tag=f"2026.{number % 12}.{number}",
        digest=Digest.of(str(number).encode()),
    )


LOCK = Lock(tuple(map(image, range(3000))))
NEXT = Lock((*LOCK.images, image(3000)))


def text(kind: Export, lock: Lock) -> str:
    defaults = {option.name: option.default for option in kind.options}
    given = {name: (value,) for name, value in GIVEN[kind.name].items()}
    return kind.export(lock, ExportOptions(values={**defaults, **given}))


def objects(kind: Export, lock: Lock) -> list[Any]:
    return [item for item in yaml.load_all(text(kind, lock), Loader=yaml.CSafeLoader) if item]


def key(item: Any) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_object_fits_and_the_head_says_how_it_is_applied(kind: Export) -> None:
    found = objects(kind, LOCK)
    assert len({key(item) for item in found}) == len(found)
    assert max(len(json.dumps(item)) for item in found) < _API_BYTES
    held = max(len(json.dumps(item)) for item in found)
    head = [line for line in text(kind, LOCK).splitlines() if line.startswith("# Apply with: ")]
    assert len(head) == 1
    assert held < 256 * 1024 or "--server-side" in head[0]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_another_release_changes_nothing_that_cannot_be_changed(kind: Export) -> None:
    before = {key(item): item for item in objects(kind, LOCK)}
    for item in objects(kind, NEXT):
        old = before.get(key(item))
        if old is None:
            continue
        if item["kind"] == "Job" or item.get("immutable"):
            assert item == old
        if "selector" in item.get("spec", {}):
            assert item["spec"]["selector"] == old["spec"]["selector"]


@pytest.mark.parametrize("kind", [mirror_job, agent], ids=lambda kind: kind.name)
def test_what_an_older_release_left_is_found_by_the_selector_of_the_head(kind: Export) -> None:
    [line] = [line for line in text(kind, NEXT).splitlines() if "kubectl delete " in line]
    (wanted,) = re.findall(r"app\.kubernetes\.io/instance=([^,]+),", line)
    (version,) = re.findall(r"app\.kubernetes\.io/version!=(\S+)", line)
    labels = [item["metadata"].get("labels", {}) for item in objects(kind, LOCK)]
    stale = [
        item
        for item in labels
        if item.get("app.kubernetes.io/instance") == wanted
        and item.get("app.kubernetes.io/version") not in (None, version)
    ]
    assert stale
    now = [item["metadata"].get("labels", {}) for item in objects(kind, NEXT)]
    assert {item["app.kubernetes.io/version"] for item in now if "app.kubernetes.io/version" in item} == {
        version
    }


def test_the_same_lock_and_options_have_the_same_names() -> None:
    for kind in KINDS:
        assert text(kind, LOCK) == text(kind, LOCK)
    assert [key(item) for item in objects(mirror_job, LOCK)] != [
        key(item) for item in objects(mirror_job, NEXT)
    ]


def test_images_are_pulled_once_by_some_part_and_one_more_changes_one_part() -> None:
    before, after = objects(prepull, LOCK), objects(prepull, NEXT)
    pulled = [
        container["image"]
        for item in before
        for container in item["spec"]["template"]["spec"]["initContainers"][1:]
    ]
    assert sorted(pulled) == sorted(f"{entry.name}@{entry.digest}" for entry in LOCK.images)
    assert len(before) == len(after) > 1
    assert sum(1 for old, new in zip(before, after, strict=True) if old != new) == 1


def test_a_pods_hostname_fits_with_the_longest_name() -> None:
    values = {**GIVEN["mirror-job"], "shards": "1000", "name": "n" * 42}
    given = ExportOptions(values={name: (value,) for name, value in values.items()})
    job = list(yaml.safe_load_all(mirror_job.export(Lock((image(1),)), given)))[1]
    assert len(f"{job['metadata']['name']}-999") <= 63
