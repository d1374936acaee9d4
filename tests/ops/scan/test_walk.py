"""Which files are read: .gitignore honoured, hidden ones read, .git never; once each, in a fixed order."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from imagelock.limits import SCAN_FILE_BYTES
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

POD = deployment("quay.io/acme/app:1")


def files(world: World, *arguments: str) -> list[str]:
    """Return the files in which scan finds references, in order."""
    found = [item["file"] for item in world.json("scan", *arguments).document["references"]]
    return list(dict.fromkeys(found))


def test_ignored_files_are_left_out_by_every_gitignore_above_them(world: World) -> None:
    (world.root / ".git/info").mkdir(parents=True)
    world.write(".git/info/exclude", "private.yaml\n")
    world.write(".gitignore", "build/\n*.tmp.yaml\n!keep.tmp.yaml\n")
    world.write("sub/.gitignore", "/local.yaml\n")
    for name in (
        "a.yaml", "private.yaml", "build/b.yaml", "x.tmp.yaml", "keep.tmp.yaml",
        "sub/local.yaml", "sub/deep/local.yaml", "sub/build/c.yaml",
    ):  # fmt: skip
        world.write(name, POD)
    assert files(world) == ["a.yaml", "keep.tmp.yaml", "sub/deep/local.yaml"]
    assert files(world, "sub") == ["sub/deep/local.yaml"]


def test_names_and_patterns_that_are_no_utf8_are_held_against_each_other(world: World) -> None:
    (world.root / ".git").mkdir()
    (world.root / ".gitignore").write_bytes(b"left-\xff.yaml\n*.tmp.yaml\n")
    world.configure('[scan]\nexclude = ["vendor/**"]\n')
    for name in (b"a\xff.yaml", b"left-\xff.yaml", b"\xe9.tmp.yaml", b"vendor/\xff.yaml"):
        world.write(os.fsdecode(name), POD)
    # JSON shows a replacement character.
    assert files(world) == ["a\ufffd.yaml"]


def test_an_ignored_file_that_is_named_is_read(world: World) -> None:
    world.write(".gitignore", "*.yaml\n")
    world.write("a.yaml", POD)
    assert files(world) == []
    assert files(world, "a.yaml") == ["a.yaml"]


def test_hidden_files_are_read_and_git_never(world: World) -> None:
    world.write(".github/workflows/x.yaml", POD)
    world.write(".hidden.yaml", POD)
    world.write(".git/x.yaml", POD)
    world.write("sub/.git/x.yaml", POD)
    assert files(world) == [".hidden.yaml", ".github/workflows/x.yaml"]


def test_excluded_files_are_left_out(world: World) -> None:
    world.configure('[scan]\nexclude = ["vendor/**", "*.bak.yaml"]\n')
    for name in ("a.yaml", "vendor/x/a.yaml", "sub/b.bak.yaml"):
        world.write(name, POD)
    assert files(world) == ["a.yaml"]


def test_configured_sources_are_the_whole_project(world: World) -> None:
    world.configure('[scan]\nsources = ["deploy"]\n')
    world.write("deploy/a.yaml", POD)
    world.write("other/a.yaml", POD)
    assert files(world) == ["deploy/a.yaml"]


def test_overlapping_sources_give_each_file_once(world: World) -> None:
    world.write("sub/a.yaml", POD)
    result = world.json("scan", "sub", "sub/a.yaml", ".", "./sub/../sub")
    assert len(result.document["references"]) == 1


def test_the_lock_and_the_configuration_are_no_sources(world: World) -> None:
    world.write("my-images.txt", f"quay.io/acme/app:1@sha256:{'0' * 64}\n")
    assert files(world) == ["my-images.txt"]
    assert files(world, "--lock-file", "my-images.txt") == []


def test_links_that_lead_nowhere_or_in_a_circle_are_left_out(world: World) -> None:
    world.write("a.yaml", POD)
    (world.root / "nowhere.yaml").symlink_to("gone.yaml")
    (world.root / "circle.yaml").symlink_to("circle.yaml")
    (world.root / "folder").symlink_to(".")
    assert files(world) == ["a.yaml"]
    assert world.run("scan", "nowhere.yaml").code == 2
    assert world.run("scan", "circle.yaml").code == 2


def test_what_is_no_regular_file_is_left_out_and_refused_when_named(world: World) -> None:
    os.mkfifo(world.root / "pipe.yaml")
    assert world.run("scan").code == 0
    assert world.run("scan", "pipe.yaml").code == 2


def test_an_empty_project_is_scanned_and_has_nothing_to_lock_or_check(world: World) -> None:
    result = world.json("scan")
    assert (result.code, result.document["references"]) == (0, [])
    for verb in ("lock", "check", "pin", "drift"):
        assert world.run(verb).code == 2
    assert not (world.root / "images.lock").exists()


def test_a_lock_never_loses_its_last_entry_to_an_empty_scan(world: World) -> None:
    world.push("quay.io/acme/app:1")
    world.write("a.yaml", "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: quay.io/acme/app:1}]}\n")
    assert world.run("lock").code == 0
    before = world.read("images.lock")
    (world.root / "a.yaml").unlink()
    result = world.run("lock")
    assert (result.code, world.read("images.lock")) == (2, before)
    assert "lose all of its entries" in result.err


def test_names_of_any_bytes_are_read_and_pinned(world: World) -> None:
    world.push("quay.io/acme/app:1")
    names = (b"caf\xe9.yaml", b"new\nline.yaml", b" blank .yaml", "ä😀.yaml".encode(), b"-dash.yaml")
    for name in names:
        with open(os.fsencode(world.root) + b"/" + name, "w", encoding="utf-8") as stream:  # noqa: PTH123 - bytes
            stream.write(POD)
    assert world.run("lock").code == 0
    assert world.json("pin").code == 0
    assert world.run("check").code == 0
    assert world.run("scan").out.count("\n") == len(names) + 1


def test_a_very_deep_folder_is_read(world: World) -> None:
    deep = "/".join(["d"] * 1200)
    here = os.open(world.root, os.O_RDONLY)
    try:
        for _ in range(1200):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        with open(os.open("a.yaml", os.O_WRONLY | os.O_CREAT, dir_fd=here), "w", encoding="utf-8") as stream:  # noqa: PTH123 - a path this long has no other way in
            stream.write(POD)
    finally:
        os.close(here)
    try:
        found = files(world)
    finally:
        # Python's own rmtree, which pytest uses later, recurses and cannot remove this.
        subprocess.run(["rm", "-rf", str(world.root / "d")], check=True)
    assert found == [f"{deep}/a.yaml"]


def test_a_file_too_large_to_read_is_il114_in_a_folder_and_exit_2_when_named(world: World) -> None:
    world.write("big.yaml", b"# filler\n" * (SCAN_FILE_BYTES // 9 + 1))
    result = world.json("scan")
    assert (result.code, [item["file"] for item in result.document["findings"]]) == (1, ["big.yaml"])
    assert world.run("scan", "big.yaml").code == 2


@pytest.mark.parametrize(
    "data", [b"\0binary", b"\xff\xfe\x00", bytes(range(256)) * 100], ids=["nul", "bom", "all"]
)
def test_binary_files_are_left_out(world: World, data: bytes) -> None:
    world.write("x.bin", data)
    assert world.run("scan").code == 0
    world.write("x.yaml", data)
    assert [item["code"] for item in world.json("scan").document["findings"]] == ["IL114"]
