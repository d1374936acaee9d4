"""Bundles cut into parts: the same bytes, each part provable, joined by whoever reads them."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from imagelock.stores.oci_tar import TarStore
from support.killing import killed_at_random_times, listed
from support.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import Result, World

NAMES = ("docker.io/library/nginx:1.25", "quay.io/team/app:2", "quay.io/team/tool:7")


@pytest.fixture
def project(world: World) -> World:
    """Give the world three images in its lock."""
    world.write("images.lock", "".join(f"{name}@{world.push(name)}\n" for name in NAMES))
    return world


def bundle(world: World, verb: str, *arguments: str) -> Result:
    return world.run_plain("bundle", verb, "-C", str(world.root), *arguments)


def parts(world: World, name: str = "b.tar") -> list[Path]:
    return sorted(world.root.glob(f"{name}.[0-9]*"))


def test_the_parts_joined_are_the_tar_of_one_piece(project: World) -> None:
    assert bundle(project, "create", "whole.tar").code == 0
    made = bundle(project, "create", "b.tar", "--split", "5000")
    assert made.code == 0, made.err
    found = parts(project)
    assert [path.name for path in found] == [f"b.tar.{number:03}" for number in range(1, len(found) + 1)]
    assert len(found) > 3
    assert {path.stat().st_size for path in found[:-1]} == {5000}
    joined = b"".join(path.read_bytes() for path in found)
    assert joined == (project.root / "whole.tar").read_bytes()
    assert f"b.tar.001 to {len(found):03}: " in made.err
    done = subprocess.run(["sha256sum", "-c", "b.tar.sha256"], cwd=project.root, check=False, timeout=60)
    assert done.returncode == 0
    assert not list(project.root.glob(".*imagelock-part"))


@pytest.mark.parametrize("name", ["b.tar", "b.tar.001", "b.tar.002"])
def test_every_reader_joins_them_by_the_name_of_the_whole_or_of_a_part(project: World, name: str) -> None:
    bundle(project, "create", "b.tar", "--split", "5000")
    verified = bundle(project, "verify", name, "-o", "json")
    assert (verified.code, verified.document["summary"]["good"]) == (0, 3)
    listed = bundle(project, "list", name, "-o", "json")
    assert [one["name"] for one in listed.document["images"]] == [one.rpartition(":")[0] for one in NAMES]
    with EmbeddedRegistry(MemoryStore()) as target:
        assert bundle(project, "load", name, "--to", target.address).code == 0
        for one in NAMES:
            repository, _, tag = one.rpartition(":")
            assert target.store.resolve_tag(repository, tag) == project.store.resolve_tag(repository, tag)
    with (
        EmbeddedRegistry(TarStore(project.root / name), writable=False) as registry,
        Wire(registry.address) as wire,
    ):
        assert wire.ask("GET", "/v2/quay.io/team/app/manifests/2").status == 200
    assert project.run("serve", name, "--port", "70000").code == 2


def test_a_file_that_only_looks_like_a_part_is_a_bundle(project: World) -> None:
    bundle(project, "create", "b.tar")
    (project.root / "b.tar").rename(project.root / "app-1.2.300")
    assert bundle(project, "verify", "app-1.2.300").code == 0


def test_a_damaged_part_is_named(project: World) -> None:
    bundle(project, "create", "b.tar", "--split", "5000")
    part = parts(project)[1]
    data = bytearray(part.read_bytes())
    at = next(index for index in range(len(data)) if data[index])
    data[at] ^= 1
    part.write_bytes(data)
    result = bundle(project, "verify", "b.tar", "-o", "json")
    assert result.code == 1
    assert "b.tar.002" in [one.get("reference") for one in result.document["findings"]]
    assert "b.tar.001" not in [one.get("reference") for one in result.document["findings"]]


@pytest.mark.parametrize("number", [1, 2, -1])
def test_a_missing_part_is_named(project: World, number: int) -> None:
    bundle(project, "create", "b.tar", "--split", "5000")
    gone = parts(project)[number - 1 if number > 0 else number]
    gone.unlink()
    for verb, more in (("verify", ()), ("list", ()), ("load", ("--to", "localhost:1"))):
        result = bundle(project, verb, "b.tar", *more)
        assert (result.code, gone.name in result.err) == (2, True), result.err


def test_without_sums_the_parts_are_read_all_the_same(project: World) -> None:
    bundle(project, "create", "b.tar", "--split", "5000")
    (project.root / "b.tar.sha256").unlink()
    assert bundle(project, "verify", "b.tar").code == 0
    for last in parts(project)[-3:]:  # The last two may hold nothing but the zeros at a tar's end.
        last.unlink()
    assert bundle(project, "verify", "b.tar").code == 1


def test_sums_that_are_none_are_an_error(project: World) -> None:
    bundle(project, "create", "b.tar", "--split", "5000")
    project.write("b.tar.sha256", "not a sum\n")
    result = bundle(project, "verify", "b.tar")
    assert (result.code, "b.tar.sha256:1" in result.err) == (2, True)


def test_made_again_with_other_parts_nothing_of_the_first_is_left(project: World) -> None:
    bundle(project, "create", "b.tar", "--split", "3000")
    before = len(parts(project))
    project.asked()
    again = bundle(project, "create", "b.tar", "--split", "9000", "-o", "json")
    assert (again.code, again.document["summary"]["there_already"]) == (0, 3)
    assert len(parts(project)) < before
    assert bundle(project, "verify", "b.tar").code == 0
    assert not [one for one in project.asked() if "/blobs/" in one.path]


def test_one_file_and_parts_are_never_there_together(project: World) -> None:
    bundle(project, "create", "b.tar")
    split = bundle(project, "create", "b.tar", "--split", "5000")
    assert (split.code, "not both" in split.err) == (2, True)
    (project.root / "b.tar").unlink()
    bundle(project, "create", "b.tar", "--split", "5000")
    whole = bundle(project, "create", "b.tar")
    assert (whole.code, "not both" in whole.err) == (2, True)
    assert bundle(project, "verify", "b.tar").code == 0


def test_killed_at_any_time_the_same_command_goes_on(world: World) -> None:
    images = listed(world, 6)
    bundle(world, "create", "whole.tar")
    killed_at_random_times(world, ["bundle", "create", str(world.root / "b.tar"), "--split", "5MB"], times=6)
    made = bundle(world, "create", "b.tar", "--split", "5MB", "-o", "json")
    summary = made.document["summary"]
    assert (made.code, summary["copied"] + summary["there_already"]) == (0, len(images))
    joined = b"".join(path.read_bytes() for path in parts(world))
    assert joined == (world.root / "whole.tar").read_bytes()
    assert not [path for path in world.root.iterdir() if "imagelock-part" in path.name]


@pytest.mark.parametrize(
    "arguments",
    [
        ("b", "--split", "5000"),
        ("b.tar", "--split", "7"),
        ("b.tar", "--split", "0"),
        ("b.tar.001",),
        ("b.tar", "--split", "5000", "--archive", "docker-archive"),
    ],
)
def test_what_cannot_be_cut_is_exit_2(project: World, arguments: tuple[str, ...]) -> None:
    assert bundle(project, "create", *arguments).code == 2
    assert not parts(project)
    shutil.rmtree(project.root / "b", ignore_errors=True)
