"""Verbs that write are one transaction: all of it or nothing, inputs untouched where copies are asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from imagelock.files import file_lock
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"
B = "quay.io/acme/base:2.0"
NAME = "quay.io/acme/app"


@pytest.fixture
def pinned(world: World) -> World:
    """Give a project that is locked and pinned."""
    for reference in (A, B):
        world.push(reference)
    world.write("a.yaml", deployment(A, B))
    world.write("b.yaml", deployment(B))
    assert world.run("lock").code == 0
    assert world.run("pin").code == 0
    world.asked()
    return world


def test_update_moves_one_image_in_the_lock_and_in_every_file_and_nothing_else(pinned: World) -> None:
    before = pinned.tree()
    old = str(pinned.lock.images[1].digest)
    new = pinned.push(B, "moved")
    pinned.push(A, "moved")
    assert pinned.run("update", "quay.io/acme/base").code == 0
    expected = {name: data.replace(old.encode(), new.encode()) for name, data in before.items()}
    after = pinned.tree()
    assert {name: after[name] for name in ("a.yaml", "b.yaml")} == {
        name: expected[name] for name in ("a.yaml", "b.yaml")
    }
    blocks = zip(before["images.lock"].split(b"\n\n"), after["images.lock"].split(b"\n\n"), strict=True)
    assert [one != other for one, other in blocks] == [False, False, True]
    assert pinned.run("check").code == 0


def test_only_update_moves_a_digest_without_a_tag(pinned: World) -> None:
    old = str(pinned.lock.images[0].digest)
    pinned.write("a.yaml", deployment(f"{NAME}@{old}", B))
    new = pinned.push(A, "moved")
    pinned.run("lock")
    pinned.run("pin")
    assert f"{NAME}@{old}" in pinned.read("a.yaml")
    assert pinned.run("update", A).code == 0
    assert f"image: {NAME}@{new}\n" in pinned.read("a.yaml")


def test_update_with_existing_keep_moves_what_it_updates_and_no_other_digest(pinned: World) -> None:
    pinned.configure('[pin]\nexisting = "keep"\n')
    other = "sha256:" + "0" * 64
    pinned.write("b.yaml", deployment(f"{B}@{other}", f"{A}@{other}"))
    new = pinned.push(A, "moved")
    assert pinned.run("update", A).code == 0
    assert f"{A}@{new}" in pinned.read("a.yaml")
    assert pinned.read("b.yaml") == deployment(f"{B}@{other}", f"{A}@{other}")


def twins(world: World, *tags: str, form: str) -> None:
    """Lock several tags of one digest, name it without a tag, and move the tags apart."""
    digests = {world.push_as(f"{NAME}:{tag}", "same") for tag in tags}
    (old,) = digests
    world.write("tags.yaml", deployment(*(f"{NAME}:{tag}" for tag in tags)))
    world.run("lock")
    world.configure(f'[pin]\nform = "{form}"\n')
    world.run("pin")
    world.write("bare.yaml", deployment(f"{NAME}@{old}"))
    for tag in tags:
        world.push(f"{NAME}:{tag}", "moved")


def test_a_digest_whose_tags_moved_apart_is_not_guessed(world: World) -> None:
    twins(world, "1.0", "2.0", form="name:tag@digest")
    before = world.tree()
    result = world.json("update", "-U")
    assert (result.code, result.codes) == (1, ["IL110"])
    assert world.tree() == before


def test_a_bare_digest_follows_latest_where_only_untagged_names_are_pinned_so(world: World) -> None:
    twins(world, "1.0", "latest", form="name:tag@digest")
    assert world.run("update", "-U").code == 0
    latest = next(str(image.digest) for image in world.lock.images if image.tag == "latest")
    assert world.read("bare.yaml") == deployment(f"{NAME}@{latest}")


def test_update_writes_nothing_when_one_place_cannot_follow(pinned: World) -> None:
    pinned.write("c.yaml", deployment("quay.io/acme/nobody:1"))
    pinned.push(A, "moved")
    before = pinned.tree()
    assert pinned.run("update", A).code == 1
    assert pinned.tree() == before


def test_update_names_no_image_and_no_all_is_a_usage_error(pinned: World) -> None:
    assert pinned.run("update").code == 2
    assert pinned.run("update", "-U", A).code == 2


@pytest.mark.parametrize(
    "command",
    [
        ("lock", "--dry-run", "-U"),
        ("lock", "--check", "-U"),
        ("lock", "--check"),
        ("pin", "--check"),
        ("pin", "--diff"),
        ("unpin", "--diff"),
        ("update", "--dry-run", "-U"),
        ("pin", "--check", "--output-dir", "out"),
    ],
    ids=" ".join,
)
def test_what_only_shows_writes_nothing(pinned: World, command: tuple[str, ...]) -> None:
    pinned.push(A, "moved")
    pinned.write("c.yaml", deployment(A))
    before = pinned.tree()
    pinned.run(*command)
    assert pinned.tree() == before


def test_check_of_lock_and_pin_exit_1_when_something_would_change(pinned: World) -> None:
    assert pinned.run("lock", "--check").code == 0
    assert pinned.run("pin", "--check").code == 0
    pinned.write("c.yaml", deployment(A, "quay.io/acme/new:1"))
    pinned.push("quay.io/acme/new:1")
    assert pinned.run("lock", "--check").code == 1
    assert pinned.asked() == []
    pinned.run("lock")
    assert pinned.run("pin", "--check").code == 1
    pinned.push(A, "moved")
    assert pinned.run("lock", "--check").code == 0
    assert pinned.run("lock", "--check", "-U").code == 1


def test_lock_check_counts_an_entry_that_would_go(pinned: World) -> None:
    pinned.write("a.yaml", deployment(A))
    (pinned.root / "b.yaml").unlink()
    result = pinned.json("lock", "--check")
    assert (result.code, result.codes) == (1, ["IL103"])


def test_output_dir_gets_every_visited_file_and_the_inputs_stay(pinned: World) -> None:
    pinned.run("unpin")
    pinned.write("notes.txt", "no image here\n")
    pinned.write("deep/er/data.bin", b"\0\1\2")
    pinned.write(".gitignore", "*.log\n")
    pinned.write("x.log", "ignored\n")
    script = pinned.write("run.sh", "#!/bin/sh\n")
    script.chmod(0o755)
    before = pinned.tree()
    assert pinned.run("pin", "--output-dir", "out").code == 0
    after = pinned.tree()
    copies = {name.removeprefix("out/"): data for name, data in after.items() if name.startswith("out/")}
    assert {name: after[name] for name in before} == before
    visited = set(before) - {"x.log", "images.lock", "imagelock.toml"}
    assert set(copies) == visited
    assert {name for name in visited if copies[name] != before[name]} == {"a.yaml", "b.yaml"}
    assert os.access(pinned.root / "out/run.sh", os.X_OK)


def test_output_dir_inside_the_project_is_not_visited_itself(pinned: World) -> None:
    pinned.run("unpin")
    assert pinned.run("pin", "--output-dir", "out").code == 0
    once = pinned.tree()
    assert pinned.run("pin", "--output-dir", "out").code == 0
    assert pinned.tree() == once


def test_output_dir_is_never_where_the_inputs_are(pinned: World) -> None:
    before = pinned.tree()
    assert pinned.run("pin", "--output-dir", ".").code == 2
    assert pinned.run("pin", "--output-dir", "..").code == 2
    assert pinned.tree() == before


def test_output_dir_writes_nothing_when_a_reference_is_not_in_the_lock(pinned: World) -> None:
    pinned.write("c.yaml", deployment("quay.io/acme/nobody:1"))
    assert pinned.run("pin", "--output-dir", "out").code == 1
    assert not (pinned.root / "out").exists()


def test_two_runs_that_write_the_lock_do_not_meet(pinned: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagelock.ops.lock.run.HOLD_SECONDS", 0.1)
    with file_lock(pinned.root / "images.lock"):
        result = pinned.run("lock")
        assert pinned.run("check").code == 0
    assert result.code == 2
    assert result.err.count(f"process {os.getpid()}") == 2  # The remark while it waits, then the error.
    assert pinned.run("lock").code == 0


def test_what_a_killed_run_left_holds_nothing(pinned: World) -> None:
    pinned.write(".images.lock.held", "4194304\n")
    pinned.write("c.yaml", deployment(A))
    assert pinned.run("lock").code == 0


def test_no_stray_file_stays_after_a_run_that_failed(pinned: World) -> None:
    pinned.write("c.yaml", deployment("quay.io/acme/nobody:1"))
    before = pinned.tree()
    assert pinned.run("lock").code == 3
    assert pinned.tree() == before


def test_a_link_out_of_the_project_is_never_written(pinned: World) -> None:
    outside = pinned.root.parent / "outside.yaml"
    outside.write_text(deployment(A))
    (pinned.root / "link.yaml").symlink_to(outside)
    assert pinned.run("pin").code == 1
    trusting = pinned.run("pin", "--trust-config")
    assert trusting.code == 2
    assert "leads out of the project" in trusting.err
    assert outside.read_text() == deployment(A)


def test_a_link_inside_the_project_stays_a_link(pinned: World) -> None:
    pinned.run("unpin")
    (pinned.root / "link.yaml").symlink_to("a.yaml")
    assert pinned.run("pin").code == 0
    assert (pinned.root / "link.yaml").is_symlink()
    assert pinned.run("check").code == 0


def test_a_file_keeps_its_mode(pinned: World) -> None:
    pinned.run("unpin")
    (pinned.root / "a.yaml").chmod(0o640)
    pinned.run("pin")
    assert (pinned.root / "a.yaml").stat().st_mode & 0o777 == 0o640


def test_what_a_refused_pin_could_have_written_is_held_back_and_not_changed(pinned: World) -> None:
    pinned.write("a.yaml", deployment(A, "quay.io/acme/new:1"))
    refused = pinned.run("pin")
    assert (refused.code, "1 held back" in refused.err, " changed" in refused.err.splitlines()[-1]) == (
        1,
        True,
        False,
    )


def test_an_image_without_a_tag_is_told_not_to_be_asked_for(pinned: World) -> None:
    digest = pinned.push("quay.io/acme/bare:1")
    pinned.write("c.yaml", deployment(f"quay.io/acme/bare@{digest}"))
    pinned.run("lock")
    for command in (("update", "quay.io/acme/bare"), ("lock", "-P", "quay.io/acme/bare")):
        assert "quay.io/acme/bare is locked without a tag" in pinned.run(*command).err


def test_more_detail_of_the_same_digest_is_not_told_as_moved(pinned: World) -> None:
    told = pinned.run("lock", "--full").err
    assert ("2 detailed" in told, " moved" in told) == (True, False)
