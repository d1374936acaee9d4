"""`imagelock demo` and the bare command: a new user sees the whole line, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.world import deployment

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from support.world import World

A = "quay.io/acme/app:1.0"


def test_the_demo_runs_the_whole_line_and_keeps_nothing(world: World) -> None:
    result = world.run_plain("demo")
    assert result.code == 0, result.err
    for command in ("scan", "lock", "pin", "check", "drift", "update", "unpin"):
        assert f"$ imagelock {command}" in result.out


def test_the_demo_can_be_kept_to_look_at(world: World, tmp_path: Path) -> None:
    assert world.run_plain("demo", "--keep", str(tmp_path / "shop")).code == 0
    assert (tmp_path / "shop" / "images.lock").is_file()


def test_the_bare_command_leads_from_nothing_to_pinned(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.root)
    world.push(A)
    steps = []
    for command in ("", "", "lock", "pin"):
        if command:
            assert world.run(command).code == 0
        result = world.run_plain()
        assert result.code == 0
        steps.append(result.out.splitlines()[-1].split()[2])
        world.write("a.yaml", world.read("a.yaml") if command else deployment(A))
    assert steps == ["scan", "lock", "pin", "drift"]
    assert [one.method for one in world.asked()] == ["GET"]


def test_the_bare_command_with_a_damaged_lock_is_exit_2(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.root)
    world.write("images.lock", "version = 1\n[[image]]\n")
    assert world.run_plain().code == 2
