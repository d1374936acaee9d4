"""Files that git tracks are read although a `.gitignore` names them; what is left out is counted."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from support.world import deployment

if TYPE_CHECKING:
    import pytest

    from support.world import World

A, B = "ghcr.io/acme/a:1", "ghcr.io/acme/b:1"


def git(world: World, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=world.root, check=True, capture_output=True)


def prepare(world: World) -> None:
    git(world, "init", "-q")
    world.write(".gitignore", "build/\n*.local.yaml\n")
    world.write("build/a.yaml", deployment(A))
    world.write("build/b.yaml", deployment(B))
    world.write("c.local.yaml", deployment(B))
    git(world, "add", "-f", "build/a.yaml")


def found(world: World, *arguments: str) -> list[tuple[str, str]]:
    document = world.json("scan", *arguments).document
    return [(item["file"], item["reference"]) for item in document["references"]]


def test_a_tracked_file_is_read_although_it_is_ignored(world: World) -> None:
    prepare(world)
    assert found(world) == [("build/a.yaml", A)]


def test_an_excluded_file_stays_out_although_it_is_tracked(world: World) -> None:
    prepare(world)
    world.configure('[scan]\nexclude = ["build/**"]\n')
    assert found(world) == []


def test_what_is_left_out_is_counted(world: World) -> None:
    prepare(world)
    world.configure('[scan]\nexclude = ["vendor/**"]\n')
    world.write("vendor/x.yaml", deployment(B))
    summary = world.json("scan").document["summary"]
    assert summary["ignored"] == 2
    assert summary["excluded"] == 1


def test_without_git_the_rules_alone_count(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare(world)
    monkeypatch.setenv("PATH", str(world.root / "nowhere"))
    assert found(world) == []
