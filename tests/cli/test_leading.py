"""Common options before the command, and the values that a shell completes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.shell_completion import ShellComplete

from imagelock.cli.common import common_options
from imagelock.cli.leading import behind_command
from imagelock.cli.main import cli
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"


@pytest.mark.parametrize(
    ("given", "moved"),
    [
        ("-C dir check x", "check -C dir x"),
        ("-Cdir -qv --jobs=3 check", "check -Cdir -qv --jobs=3"),
        ("-qj 3 check", "check -qj 3"),
        ("check -C dir", "check -C dir"),
        ("-q -C dir", "-q -C dir"),
    ],
)
def test_options_move_with_their_values(given: str, moved: str) -> None:
    assert behind_command(given.split(), common_options()) == moved.split()


@pytest.mark.parametrize("given", ["--nonsense check", "-q --upgrade lock", "-qX check"])
def test_other_options_are_left_to_the_parser(given: str) -> None:
    assert behind_command(given.split(), common_options()) is None


def test_a_command_means_the_same_with_its_options_before_and_behind(world: World) -> None:
    world.write("a.yaml", deployment(A))
    world.push(A)
    root = str(world.root)
    assert world.run_plain("-C", root, "-q", "lock").code == 0
    assert world.run_plain("-C", root, "check", "-o", "json").codes == ["IL101"]
    assert world.run_plain("-o", "json", "-C", root, "check").codes == ["IL101"]
    assert "images.lock" in world.run_plain("-C", root).out
    assert world.run_plain("--nonsense", "check").code == 2


def test_a_group_of_commands_takes_them_too(world: World) -> None:
    result = world.run_plain("bundle", "-C", str(world.root), "list", "nothing.tar")
    assert (result.code, "nothing.tar" in result.err) == (2, True)


def test_shells_complete_images_codes_formats_and_reports(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write("a.yaml", deployment(A))
    world.push(A)
    assert world.run("lock").code == 0
    monkeypatch.chdir(world.root)
    shell = ShellComplete(cli, {}, "imagelock", "_IMAGELOCK_COMPLETE")

    def complete(*words: str) -> list[str]:
        return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]

    assert complete("why", "quay") == ["quay.io/acme/app"]
    assert complete("lock", "-P", "") == ["quay.io/acme/app"]
    assert complete("explain", "il101") == ["IL101"]
    assert complete("explain", "tag-m") == ["tag-moved"]
    assert complete("check", "--report", "sa") == ["sarif="]
    assert complete("scan", "--format", "dockerf") == ["dockerfile"]
    (world.root / "images.lock").write_text("<<<<<<<")
    assert complete("why", "quay") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_script_of_a_shell(world: World, shell: str) -> None:
    result = world.run_plain("completion", shell)
    assert result.code == 0
    assert f"_IMAGELOCK_COMPLETE={shell}_complete" in result.out
