"""`imagelock history`: when an image moved, from the git history of the lock."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"
B = "quay.io/acme/base:2.0"


def git(world: World, *arguments: str) -> None:
    """Run git in the project."""
    who = ("-c", "user.name=team", "-c", "user.email=team@example.com")
    subprocess.run(("git", *who, *arguments), cwd=world.root, check=True, capture_output=True)


def commit(world: World, subject: str) -> None:
    """Commit everything."""
    git(world, "add", "-A")
    git(world, "commit", "-q", "-m", subject)


@pytest.fixture
def moved(world: World) -> World:
    """Give a lock that came, moved one image, was in conflict, and lost the other one."""
    for reference in (A, B):
        world.push(reference)
    world.write("a.yaml", deployment(A, B))
    world.run("lock")
    git(world, "init", "-q")
    commit(world, "first")
    world.push(A, "moved")
    world.run("lock", "-U")
    commit(world, "take the\tnew app")
    good = world.read("images.lock")
    world.write("images.lock", "<<<<<<< ours\n")
    commit(world, "broken")
    world.write("images.lock", good)
    world.write("a.yaml", deployment(A))
    world.run("lock")
    commit(world, "drop base")
    return world


def test_every_move_is_listed_newest_first_with_its_commit(moved: World) -> None:
    document = moved.json("history", "quay.io/acme/app").document
    assert [(one["subject"], one["reference"]) for one in document["history"]] == [
        ("take the\tnew app", A),
        ("first", A),
    ]
    newest, oldest = document["history"]
    assert (oldest["before"], oldest["after"]) == (None, newest["before"])
    assert newest["after"] != newest["before"]
    assert document["summary"] == {"changes": 2, "revisions": 4}


def test_what_went_is_listed_and_a_broken_lock_is_reported(moved: World) -> None:
    result = moved.run("history", B)
    assert [line.split()[-1] for line in result.out.splitlines()] == ["SUBJECT", "base", "first"]
    assert "holds no lock that can be read" in result.err


def test_a_glob_means_several_and_an_unknown_image_nothing(moved: World) -> None:
    assert moved.json("history", "quay.io/acme/*").document["summary"]["changes"] == 4
    assert (moved.run("history", "redis").code, moved.run("history", "redis").out) == (0, "")


def test_without_git_or_a_commit_of_the_lock_it_is_an_error(world: World) -> None:
    assert world.run("history", "redis").code == 2
    git(world, "init", "-q")
    world.write("a.yaml", "")
    commit(world, "no lock")
    result = world.run("history", "redis")
    assert (result.code, "no revision of the lock" in result.err) == (2, True)
    assert world.run("history", "UPPER CASE").code == 2
