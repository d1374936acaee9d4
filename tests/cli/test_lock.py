"""`imagelock lock` on the command line: locks that cannot be read or written, and several runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.world import deployment, process

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"
CONFLICT = "version = 1\n<<<<<<< ours\n=======\n>>>>>>> theirs\n"


@pytest.mark.parametrize(
    "text",
    [
        CONFLICT,
        "version = 2\n",
        "version = 1\nwhat = 1\n",
        "version = 1\n[[image]]\n",
        "\0",
        "version = 1\n\xff",
    ],
    ids=["conflict", "newer", "unknown key", "incomplete", "binary", "no UTF-8"],
)
@pytest.mark.parametrize("command", ["lock", "pin", "check", "drift", "unpin"])
def test_a_lock_that_cannot_be_read_is_exit_2_and_stays_as_it_is(
    world: World, command: str, text: str
) -> None:
    data = text.encode("latin-1")
    world.write("a.yaml", deployment(A))
    world.write("images.lock", data)
    result = world.run(command)
    assert result.code == 2
    assert "images.lock" in result.err
    assert "help:" in result.err
    assert (world.root / "images.lock").read_bytes() == data


@pytest.mark.parametrize("command", ["lock", "pin", "check", "drift"])
def test_a_directory_in_the_locks_place_is_exit_2(world: World, command: str) -> None:
    (world.root / "images.lock").mkdir()
    world.write("a.yaml", deployment(A))
    assert world.run(command).code == 2


def test_a_lock_file_in_a_folder_that_is_not_there_is_exit_2(world: World) -> None:
    assert world.run("lock", "--lock-file", "no/where/images.lock").code == 2


def test_runs_at_the_same_time_end_as_done_or_as_held_and_the_lock_is_whole(world: World) -> None:
    names = [f"quay.io/acme/i{number}:1" for number in range(20)]
    for name in names:
        world.push(name)
    world.write("a.yaml", deployment(*names))
    running = [process("lock", cwd=world.root) for _ in range(4)]
    ended = [(one.communicate(timeout=120)[1].decode(), one.returncode) for one in running]
    assert {code for _, code in ended} <= {0, 2}
    assert all("held by another run" in words for words, code in ended if code == 2)
    assert any(code == 0 for _, code in ended)
    assert sorted(image.reference for image in world.lock.images) == sorted(names)
    assert sorted(world.tree()) == ["a.yaml", "imagelock.toml", "images.lock"]


def test_a_dry_run_shows_what_would_change(world: World) -> None:
    world.push(A)
    world.write("a.yaml", deployment(A))
    result = world.json("lock", "--dry-run")
    assert [change["reference"] for change in result.document["changes"]] == [A]
    assert not (world.root / "images.lock").exists()


def test_the_counts_of_a_run_add_up(world: World) -> None:
    for number in range(3):
        world.push(f"quay.io/acme/i{number}:1")
    world.write("a.yaml", deployment(*(f"quay.io/acme/i{number}:1" for number in range(3))))
    world.run("lock")
    world.push("quay.io/acme/i1:1", "moved")
    world.push("redis")
    world.write("a.yaml", deployment("quay.io/acme/i1:1", "quay.io/acme/i2:1", "redis"))
    summary = world.json("lock", "-U").document["summary"]
    assert {name: summary[name] for name in ("entries", "added", "moved", "removed", "kept", "failed")} == {
        "entries": 3,
        "added": 1,
        "moved": 1,
        "removed": 1,
        "kept": 1,
        "failed": 0,
    }
