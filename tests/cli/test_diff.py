"""`imagelock diff`: two locks compared, from files, lists or git revisions."""

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


@pytest.fixture
def history(world: World) -> World:
    """Give a lock whose last commit differs from now: one moved, one removed, one added."""
    for reference in (A, B):
        world.push(reference)
    world.write("a.yaml", deployment(A, B))
    world.run("lock")
    git(world, "init", "-q")
    git(world, "add", "-A")
    git(world, "commit", "-q", "-m", "first")
    world.push(A, "moved")
    world.push("redis")
    world.write("a.yaml", deployment(A, "redis"))
    world.run("lock", "-U")
    return world


def test_a_revision_is_compared_with_the_lock_as_it_is(history: World) -> None:
    document = history.json("diff", "HEAD").document
    assert document["summary"] == {"added": 1, "removed": 1, "moved": 1}
    kinds = {
        change["reference"]: (change["before"] is None, change["after"] is None)
        for change in document["changes"]
    }
    assert kinds == {A: (False, False), B: (False, True), "docker.io/library/redis:latest": (True, False)}


def test_two_files_are_compared_whichever_form_they_have(history: World) -> None:
    listed = history.run_plain("export", "list", "-C", str(history.root)).out
    history.write("now.txt", listed)
    assert history.json("diff", "now.txt", "images.lock").document["summary"] == {
        "added": 0,
        "removed": 0,
        "moved": 0,
    }


def test_a_difference_is_no_failure(history: World) -> None:
    result = history.run("diff", "HEAD")
    assert result.code == 0
    assert result.out.count("\n") == 3


def test_a_release_note_is_markdown(history: World) -> None:
    text = history.run("diff", "HEAD", "-o", "markdown").out
    for title in ("## Images", "### Added", "### Removed", "### Digest moved under the same tag"):
        assert title in text
    assert f"| `{A}` | `sha256:" in text


def test_a_changed_tag_is_one_line_of_the_release_note(history: World) -> None:
    history.push("redis:8")
    history.write("a.yaml", deployment(A, "redis:8"))
    before = history.read("images.lock")
    history.write("before.lock", before)
    history.run("lock")
    text = history.run("diff", "before.lock", "-o", "markdown").out
    assert history.json("diff", "before.lock").document["summary"]["tag_changed"] == 1
    assert "the tag changed: docker.io/library/redis:latest -> " in history.run("diff", "before.lock").err
    assert "### Tag changed" in text
    assert "| `docker.io/library/redis:latest` | `docker.io/library/redis:8` |" in text


def test_a_subdirectory_compares_the_projects_lock(history: World) -> None:
    (history.root / "sub").mkdir()
    result = history.run_plain("diff", "HEAD", "-C", str(history.root / "sub"), "-o", "json")
    assert result.document["summary"]["moved"] == 1


@pytest.mark.parametrize("revision", ["nowhere", "HEAD~9", "--output=stolen"])
def test_what_is_neither_file_nor_revision_is_exit_2(history: World, revision: str) -> None:
    before = history.tree()
    assert history.run("diff", "--", revision).code == 2
    assert history.tree() == before


def test_what_is_neither_file_nor_revision_is_told_without_gits_fatal(world: World) -> None:
    refused = world.run("diff", "nowhere.lock")
    assert (refused.code, "neither a file nor a revision" in refused.err, "fatal" in refused.err) == (
        2,
        True,
        False,
    )


def test_a_renamed_host_is_the_same_content_under_another_name(world: World) -> None:
    digest = world.push_as("quay.io/acme/pause:3.5", "pause")
    assert world.push_as("ghcr.io/mirror/pause:3.5", "pause") == digest
    world.push("quay.io/acme/gone:1")
    world.write("a.yaml", deployment("quay.io/acme/pause:3.5", "quay.io/acme/gone:1"))
    world.run("lock")
    world.write("old.lock", world.read("images.lock"))
    world.write("a.yaml", deployment("ghcr.io/mirror/pause:3.5"))
    world.run("lock")

    words = "the same content under another name: quay.io/acme/pause:3.5 -> ghcr.io/mirror/pause:3.5"
    shown = world.run("diff", "old.lock")
    assert words in shown.err
    assert world.json("diff", "old.lock").document["summary"]["renamed"] == 1
    note = world.run("diff", "old.lock", "-o", "markdown").out
    assert f"| `quay.io/acme/pause:3.5` | `ghcr.io/mirror/pause:3.5` | `{digest[:19]}…` |" in note
    assert "### Removed" in note
    assert "### Added" not in note


def test_other_content_under_another_name_is_no_renaming(world: World) -> None:
    world.push("quay.io/acme/pause:3.5", "a")
    world.push("ghcr.io/mirror/pause:3.5", "b")
    world.write("a.yaml", deployment("quay.io/acme/pause:3.5"))
    world.run("lock")
    world.write("old.lock", world.read("images.lock"))
    world.write("a.yaml", deployment("ghcr.io/mirror/pause:3.5"))
    world.run("lock")
    assert "renamed" not in world.json("diff", "old.lock").document["summary"]


def test_drift_names_where_else_the_lock_has_the_content(world: World) -> None:
    world.push_as("quay.io/acme/pause:3.5", "pause")
    world.push_as("ghcr.io/mirror/pause:3.5", "pause")
    world.write("a.yaml", deployment("quay.io/acme/pause:3.5", "ghcr.io/mirror/pause:3.5"))
    world.run("lock")
    world.push("quay.io/acme/pause:3.5", "other")
    (item,) = world.json("drift").document["findings"]
    assert item["code"] == "IL102"
    assert "it is locked as ghcr.io/mirror/pause:3.5: the same content under another name" in item["notes"]
