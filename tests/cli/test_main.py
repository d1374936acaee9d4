"""How every command ends: exit codes, signals, closed pipes, help and completion; never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelock.cli.main import COMMANDS
from imagelock.model.finding_codes import FINDING_CODES
from imagelock.model.outcome import Outcome, finding
from support.lying import Lying, Reply
from support.world import deployment, mirrors, process

if TYPE_CHECKING:
    from support.world import World

pytestmark = pytest.mark.usefixtures("alone")


def test_could_not_tell_weighs_more_than_a_finding_and_a_finding_more_than_none() -> None:
    cannot, moved, unused = finding("IL302", "x"), finding("IL102", "x"), finding("IL103", "x")
    assert Outcome(command="x").exit_code() == 0
    assert Outcome(command="x", findings=(unused,)).exit_code() == 0
    assert Outcome(command="x", findings=(unused,)).exit_code(strict=True) == 1
    assert Outcome(command="x", findings=(unused, moved)).exit_code() == 1
    assert Outcome(command="x", findings=(cannot, moved)).exit_code() == 3


def test_only_registries_and_clusters_that_could_not_be_asked_cost_3() -> None:
    assert {code for code, kind in FINDING_CODES.items() if kind.exit_code == 3} >= {"IL301", "IL302"}
    assert {kind.exit_code for kind in FINDING_CODES.values()} == {1, 3}


def test_a_file_that_cannot_be_read_weighs_more_than_all(world: World) -> None:
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    assert world.run("lock").code == 3
    assert world.run("lock", "a.yaml", "nowhere.yaml").code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("lokc",),
        ("scan", "--no-such-option"),
        ("scan", "nowhere.yaml"),
        ("scan", "-C", "nowhere"),
        ("scan", "--config", "nowhere.toml"),
        ("scan", "--format", "nonsense"),
        ("scan", "--report", "nonsense=x"),
        ("scan", "--report", "json"),
        ("check",),
        ("pin",),
        ("drift",),
        ("why", "nginx"),
        ("explain", "IL999"),
        ("diff", "nowhere"),
        ("update",),
        ("scan", "-j", "0"),
        ("scan", "image://x/y"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_exit_2_with_words_and_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    result = world.run_plain(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err


def test_a_mistyped_command_is_answered_with_the_nearest(world: World) -> None:
    assert "Did you mean 'drift'?" in world.run_plain("drfit").err


def test_an_error_says_what_where_and_help(world: World) -> None:
    result = world.run("drift")
    assert result.err == (
        "error: there is no lock\n  --> images.lock\n  = help: run `imagelock lock` to create it\n"
    )


@pytest.mark.parametrize("command", [*COMMANDS, ""])
def test_help_has_examples_and_exits_0(world: World, command: str) -> None:
    result = world.run_plain(*([command] if command else []), "--help")
    assert result.code == 0
    assert "Examples:" in result.out
    assert f"imagelock {command}".strip() in result.out
    assert max(len(line) for line in result.out.splitlines()) <= 100


def test_version_is_told_by_both_ways_in(world: World, tmp_path: Path) -> None:
    quick = process("--version", cwd=tmp_path)
    out, _ = quick.communicate(timeout=120)
    assert out.decode() == world.run_plain("--version").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_made_and_complete_every_command(tmp_path: Path, shell: str) -> None:
    script = process(cwd=tmp_path, environ={"_IMAGELOCK_COMPLETE": f"{shell}_source"})
    out, err = script.communicate(timeout=120)
    assert (script.returncode, err) == (0, b"")
    assert f"_IMAGELOCK_COMPLETE={shell}_complete" in out.decode()
    words = {"COMP_WORDS": "imagelock ", "COMP_CWORD": "" if shell == "fish" else "1"}
    asked = process(cwd=tmp_path, environ={"_IMAGELOCK_COMPLETE": f"{shell}_complete", **words})
    out, _ = asked.communicate(timeout=120)
    assert asked.returncode == 0
    assert all(command in out.decode() for command in COMMANDS)


def _silent(root: Path, server: Lying) -> None:
    root.mkdir()
    (root / "a.yaml").write_text(deployment("quay.io/acme/app:1", "quay.io/acme/base:1"))
    (root / "imagelock.toml").write_text(mirrors(server.url))


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated")]
)
def test_a_signal_ends_a_run_at_once_with_its_code_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, code: int, word: bytes
) -> None:
    with Lying() as server:
        asked = _Told()
        server.default = asked.answer
        _silent(tmp_path / "p", server)
        running = process("lock", cwd=tmp_path / "p")
        asked.wait()
        running.send_signal(number)
        out, err = running.communicate(timeout=120)
        asked.release()
    assert (running.returncode, out) == (code, b"")
    assert word in err
    assert b"Traceback" not in err
    assert {path.name for path in (tmp_path / "p").iterdir()} == {"a.yaml", "imagelock.toml"}


class _Told:
    """An answer that never comes, and the news that somebody waits for it."""

    def __init__(self) -> None:
        self._asked, self._over = threading.Event(), threading.Event()

    def answer(self, _: object) -> Reply:
        self._asked.set()
        return Reply(status=500, wait=self._over)

    def wait(self) -> None:
        assert self._asked.wait(120)

    def release(self) -> None:
        self._over.set()


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan",),
        ("scan", "-o", "json"),
        ("scan", "-o", "list"),
        ("explain",),
        ("--help",),
        ("scan", "-h"),
        (),
    ],
    ids=lambda arguments: " ".join(arguments) or "bare",
)
def test_a_reader_that_has_gone_is_141_and_no_word(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "a.yaml").write_text(deployment("quay.io/acme/app:1"))
    reading, writing = os.pipe()
    os.close(reading)
    try:
        running = process(*arguments, cwd=tmp_path, stdout=writing)
        _, err = running.communicate(timeout=120)
    finally:
        os.close(writing)
    assert running.returncode == 141
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err


def test_a_terminal_of_another_encoding_gets_escapes_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "ä.yaml").write_text(deployment("quay.io/acme/app:1@sha256:" + "0" * 64))
    (tmp_path / "images.lock").write_text("version = 1\n")
    running = process("pin", cwd=tmp_path, environ={"PYTHONIOENCODING": "ascii"})
    out, err = running.communicate(timeout=120)
    assert running.returncode == 1
    assert b"\\xe4.yaml" in out
    assert b"internal error" not in err


def test_an_unforeseen_error_is_told_in_a_line_and_in_full_only_with_vv(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault put in by the test")

    monkeypatch.setattr("imagelock.ops.scan.collect.collect", fail)
    from imagelock.cli.main import run  # noqa: PLC0415 - next to the fault

    assert run(["scan", "-C", str(world.root)]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert run(["scan", "-C", str(world.root), "-vv"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_the_module_runs_as_the_script_does(tmp_path: Path) -> None:
    running = process("explain", "IL101", cwd=tmp_path)
    out, _ = running.communicate(timeout=120)
    assert running.returncode == 0
    assert b"unpinned-reference" in out


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_changes_no_exit_code(closed: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(deployment("quay.io/acme/app:1"))
    script = f'exec "$0" -m imagelock scan -C "$1" {closed}'
    command = ["sh", "-c", script, sys.executable, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, "error" in done.stderr) == (0, False)
    assert ("quay.io/acme/app:1" in done.stdout) == ((">&-" not in closed) or closed == "2>&-")


@pytest.mark.parametrize(
    "arguments", [("scan",), ("scan", "-o", "json"), ("lock", "--offline", "--dry-run"), ("check",)]
)
def test_a_full_standard_output_is_an_error_with_words(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "images.txt").write_text(f"quay.io/acme/app:1@sha256:{'0' * 64}\n" * 2)
    (tmp_path / "images.lock").write_text(
        "# Written by imagelock. Do not edit: run `imagelock lock`.\nversion = 1\n"
    )
    with Path("/dev/full").open("wb") as full:
        command = (sys.executable, "-m", "imagelock", *arguments)
        done = subprocess.run(
            command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode in {1, 2}
    assert "internal error" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1 or "no space left on device" in done.stderr
