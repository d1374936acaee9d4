"""`imagelock pin` on the command line: the diff that patch takes, and what --check says."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from support.world import deployment, process

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"


@pytest.fixture
def locked(world: World) -> World:
    """Give a locked project of odd files that are not pinned."""
    world.push(A)
    world.write("a.yaml", deployment(A).replace("\n", "\r\n") + "# separated \u2028 # here")
    world.write("Dockerfile", b"# caf\xe9 \x0c and \x0b\nFROM " + A.encode())
    assert world.run("lock").code == 0
    return world


def test_the_diff_is_what_patch_takes_to_the_same_bytes_as_pin(locked: World) -> None:
    running = process("pin", "--diff", cwd=locked.root)
    diff, err = running.communicate(timeout=120)
    assert (running.returncode, b"error" in err) == (0, False)
    done = subprocess.run(
        ["git", "apply", "-p1", "--whitespace=nowarn", "-"],
        input=diff,
        cwd=locked.root,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    patched = locked.tree()
    locked.write("a.yaml", deployment(A).replace("\n", "\r\n") + "# separated \u2028 # here")
    locked.write("Dockerfile", b"# caf\xe9 \x0c and \x0b\nFROM " + A.encode())
    assert locked.run("pin").code == 0
    assert locked.tree() == patched


def test_the_diff_is_alone_on_stdout(locked: World) -> None:
    locked.write("b.yaml", deployment("redis:7"))
    result = locked.run("pin", "--diff", "a.yaml", "b.yaml")
    assert result.code == 1
    assert result.out.startswith("--- a/")
    assert "IL112" in result.err
    assert "IL112" not in result.out


def test_the_changes_show_file_line_and_digest(locked: World) -> None:
    result = locked.json("pin")
    by_file = {change["file"]: change for change in result.document["changes"]}
    assert by_file["a.yaml"]["line"] == 10
    assert by_file["a.yaml"]["before"] == by_file["a.yaml"]["reference"] == A
    assert by_file["a.yaml"]["after"].startswith(f"{A}@sha256:")


def test_pin_check_exits_1_without_writing_and_0_once_pinned(locked: World) -> None:
    assert locked.run("pin", "--check").code == 1
    locked.run("pin")
    assert locked.run("pin", "--check").code == 0


def test_pin_asks_no_registry(locked: World) -> None:
    locked.asked()
    locked.run("pin")
    locked.run("unpin")
    assert locked.asked() == []
