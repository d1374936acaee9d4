"""Copies say before they start what they take, keep to a rate, and say at the end what they made."""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import TYPE_CHECKING

import pytest

from imagelock.model.digest import Digest
from imagelock.model.manifest import Descriptor
from imagelock.ops.copies.sources import Pace, Paced
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore

if TYPE_CHECKING:
    from support.world import Result, World

NAME = "quay.io/team/app"


@pytest.fixture
def project(world: World) -> World:
    """Give a lock with two images, one of them for one platform."""
    world.write(
        "app.yaml",
        f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {NAME}:1\n  - image: {NAME}:2\n",
    )
    world.push(f"{NAME}:1")
    world.push(f"{NAME}:2", single=True)
    world.configure()
    assert world.run("lock").code == 0
    return world


def bundle(world: World, verb: str, *arguments: str) -> Result:
    return world.run_plain("bundle", verb, "-C", str(world.root), *arguments)


@pytest.mark.parametrize("name", ["b.tar", "b"])
def test_a_bundle_says_what_it_takes_and_what_it_became(project: World, name: str) -> None:
    made = bundle(project, "create", name)
    assert made.code == 0
    plan = re.search(
        r"to copy: 2 images \(linux/amd64, linux/arm64/v8\), (\d+) blobs, (.*?); \S+ takes (.*)", made.err
    )
    assert plan is not None, made.err
    end = re.search(rf"note: {re.escape(name)}: (\S+ \S+), (sha256:[0-9a-f]{{64}}), \d+\.\d s", made.err)
    assert end is not None, made.err
    assert end[1] == plan[3]
    assert end[2] in bundle(project, "verify", name).err
    document = bundle(project, "create", name, "-o", "json").document
    assert document["bundle"]["digest"] == end[2]
    assert document["bundle"]["path"] == name
    if name == "b.tar":
        assert document["bundle"]["size"] == (project.root / name).stat().st_size
    else:
        files = [path for path in (project.root / name).rglob("*") if path.is_file()]
        assert document["bundle"]["size"] == sum(path.stat().st_size for path in files)
        assert (
            end[2]
            == f"sha256:{hashlib.sha256((project.root / name / 'index.json').read_bytes()).hexdigest()}"
        )


@pytest.mark.parametrize("arguments", [("b.tar",), ("b",), ("b", "--archive", "docker-archive")])
def test_a_dry_run_of_a_bundle_writes_nothing(project: World, arguments: tuple[str, ...]) -> None:
    platform = () if len(arguments) == 1 else ("--platform", "linux/amd64")
    before = project.tree()
    dry = bundle(project, "create", *arguments, *platform, "--dry-run", "-o", "json")
    assert (dry.code, project.tree()) == (0, before)
    summary = dry.document["summary"]
    assert (summary["images"], summary["to_copy"]) == (2, 2)
    real = bundle(project, "create", *arguments, *platform)
    assert real.code == 0
    assert f"{summary['blobs_to_send']} blobs" in real.err
    assert not (project.root / "b" / ".b.imagelock-part").exists()


def test_a_dry_run_of_a_bundle_names_what_is_gone(project: World) -> None:
    project.store.delete_manifest(NAME, project.lock.images[1].digest)
    dry = bundle(project, "create", "b.tar", "--dry-run", "-o", "json")
    assert (dry.code, dry.codes) == (1, ["IL303"])
    assert not (project.root / "b.tar").exists()


@pytest.mark.parametrize("more", [(), ("--split", "9000")])
def test_a_disk_without_room_is_said_before_anything_is_fetched(
    project: World, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    real = os.statvfs

    def full(path: str | os.PathLike[str]) -> os.statvfs_result:
        found = list(real(path))
        found[4] = 1  # f_bavail
        return os.statvfs_result(found)

    monkeypatch.setattr(os, "statvfs", full)
    project.asked()
    made = bundle(project, "create", "b.tar", *more)
    assert (made.code, "are free" in made.err) == (2, True), made.err
    assert not [one for one in project.asked() if "/blobs/" in one.path and one.method == "GET"]
    assert not list(project.root.glob(".*imagelock-part"))


def test_mirror_and_load_say_the_same_of_themselves(project: World) -> None:
    assert bundle(project, "create", "b.tar", "--platform", "linux/amd64").code == 0
    with EmbeddedRegistry(MemoryStore()) as target:
        dry = project.run("mirror", "--to", target.address, "--dry-run")
        plan = re.search(r"to copy: 2 images \(linux/amd64, linux/arm64/v8\), \d+ blobs, [^;\n]+", dry.err)
        assert plan is not None, dry.err
        made = project.run("mirror", "--to", target.address)
        assert plan[0] in made.err
        assert re.search(r"note: took \d+\.\d s", made.err)
        again = project.run("mirror", "--to", target.address)
        assert "to copy: 0 images, 0 blobs, 0 B; there already: 2 images" in again.err
    with EmbeddedRegistry(MemoryStore()) as target:
        loaded = bundle(project, "load", "b.tar", "--to", target.address, "--dry-run")
        assert "to copy: 2 images (linux/amd64), " in loaded.err


def test_a_rate_holds_for_all_threads_together() -> None:
    slept: list[float] = []
    now = [100.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)

    pace = Pace(1000, clock=lambda: now[0], sleep=sleep)
    for _ in range(4):
        pace.take(500)
    assert slept == [0.5, 1.0, 1.5]
    now[0] += 60
    pace.take(500)
    pace.take(500)
    assert slept[3:] == [0.5]


def test_a_paced_blob_is_the_same_blob_in_small_pieces() -> None:
    store, data = MemoryStore(), bytes(range(256)) * 40
    blob = Descriptor(media_type="x", digest=Digest.of(data), size=len(data))
    store.put_blob("app", blob, (data,))
    pieces = list(Paced(store, Pace(4000, sleep=lambda _: None)).open_blob("app", blob))
    assert (b"".join(pieces), max(map(len, pieces))) == (data, 1000)


def test_a_mirror_takes_as_long_as_its_rate_says(project: World) -> None:
    with EmbeddedRegistry(MemoryStore()) as target:
        dry = project.json("mirror", "--to", target.address, "--dry-run")
        size = dry.document["summary"]["bytes_to_send"]
        start = time.monotonic()
        assert project.run("mirror", "--to", target.address, "--limit-rate", "1kB").code == 0
        # The first piece goes at once.
        assert time.monotonic() - start >= (size - 500) / 1000 > 0.3


@pytest.mark.parametrize("size", ["fast", "0", "-1", "20 miles"])
def test_a_rate_that_is_none_is_exit_2(project: World, size: str) -> None:
    assert project.run("mirror", "--to", "localhost:1", "--limit-rate", size).code == 2
