"""The options every command has, and the environment they are read from as well."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from imagelock.cli.progress import progress
from support.world import deployment

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

A = "quay.io/acme/app:1.0"


@pytest.fixture
def locked(world: World) -> World:
    """Give a locked project whose one reference is not pinned."""
    world.push(A)
    world.write("a.yaml", deployment(A))
    assert world.run("lock").code == 0
    return world


def test_relative_sources_locks_reports_and_copies_are_relative_to_the_directory(
    locked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = locked.root.parent / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (locked.root / "images.lock").rename(locked.root / "other.lock")
    arguments = ("a.yaml", "--lock-file", "other.lock", "--report", "json=r.json", "--output-dir", "out")
    assert locked.run_plain("pin", "-C", "../project", *arguments).code == 0
    assert list(elsewhere.iterdir()) == []
    assert (locked.root / "r.json").is_file()
    assert "@sha256:" in locked.read("out/a.yaml")


def test_a_subdirectory_finds_the_configuration_and_the_lock_above(
    locked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked.write("deep/down/b.yaml", deployment(A))
    monkeypatch.chdir(locked.root / "deep/down")
    result = locked.run_plain("check", "-o", "json")
    assert [item["file"] for item in result.document["findings"]] == ["../../a.yaml", "b.yaml"]
    assert [item["file"] for item in locked.run_plain("check", ".", "-o", "json").document["findings"]] == [
        "b.yaml"
    ]
    assert locked.run_plain("pin").code == 0
    assert locked.run_plain("check").code == 0


def test_a_directory_written_with_dots_is_the_same_project(locked: World) -> None:
    locked.write("sub/x.txt", "")
    listed = f"{A}@sha256:{'0' * 64}\n"
    locked.write("my-images.txt", listed)
    dotted = str(locked.root / "sub" / "..")
    result = locked.run_plain("scan", "-C", dotted, "--lock-file", "my-images.txt", "-o", "list")
    assert result.out == f"{A}\n"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("STRICT", "1", 1),
        ("EXIT_ZERO", "true", 0),
        ("LOCK_FILE", "nowhere.lock", 2),
        ("CONFIG", "no.toml", 2),
    ],
)
def test_common_options_are_read_from_the_environment(
    locked: World, monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: int
) -> None:
    locked.run("pin")
    locked.write("a.yaml", "")
    assert locked.run("check").code == 0
    monkeypatch.setenv(f"IMAGELOCK_{name}", value)
    assert locked.run("check").code == code


def test_output_report_directory_quiet_and_offline_come_from_the_environment_too(
    locked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DIRECTORY": str(locked.root),
        "OUTPUT": "json",
        "REPORT": "json=r.json",
        "QUIET": "1",
        "OFFLINE": "1",
    }.items():
        monkeypatch.setenv(f"IMAGELOCK_{name}", value)
    result = locked.run_plain("drift")
    assert (result.code, result.codes, result.err) == (3, ["IL302"], "")
    assert json.loads(locked.read("r.json"))["schema"] == "imagelock/drift/v1"


@pytest.mark.parametrize("name", ["UPGRADE", "KEEP_GOING", "DRY_RUN", "ADOPT", "FULL", "CHECK", "FROM"])
def test_no_other_option_is_read_from_the_environment(
    locked: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    locked.push(A, "moved")
    before = locked.read("images.lock")
    monkeypatch.setenv(f"IMAGELOCK_{name}", "1")
    locked.write("b.yaml", deployment("quay.io/acme/new:1"))
    locked.push("quay.io/acme/new:1")
    assert locked.run("lock").code == 0
    assert locked.read("images.lock").startswith(before)


def test_the_command_line_speaks_louder_than_the_environment(
    locked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGELOCK_LOCK_FILE", "nowhere.lock")
    assert locked.run("check", "--lock-file", "images.lock").code == 1


def test_exit_zero_forgives_findings_and_nothing_else(locked: World) -> None:
    assert locked.run("check").code == 1
    assert locked.run("check", "--exit-zero").code == 0
    assert locked.run("pin", "--check", "--exit-zero").code == 0
    assert locked.run("check", "nowhere", "--exit-zero").code == 2
    assert locked.run("drift", "--offline", "--exit-zero").code == 3


def test_reports_are_written_before_a_non_zero_exit(locked: World) -> None:
    result = locked.run("check", "--report", "json=one.json", "--report", "json=two.json")
    assert result.code == 1
    document = json.loads(locked.read("one.json"))
    assert [item["code"] for item in document["findings"]] == ["IL101"]
    assert locked.read("one.json") == locked.read("two.json")


def test_a_report_says_what_json_on_stdout_says(locked: World) -> None:
    result = locked.run("scan", "-o", "json", "--report", "json=r.json")
    assert result.out == locked.read("r.json")


def test_a_report_that_cannot_be_written_is_exit_2(locked: World) -> None:
    (locked.root / "r.json").mkdir()
    assert locked.run("check", "--report", "json=r.json").code == 2


def test_quiet_keeps_findings_and_data_and_drops_the_words(locked: World) -> None:
    result = locked.run("check", "-q")
    assert (result.code, result.err) == (1, "")
    assert "IL101" in result.out
    assert locked.run("scan", "-q", "-o", "list").out == f"{A}\n"


def test_json_is_the_only_thing_on_stdout_and_words_are_on_stderr(locked: World) -> None:
    for command in ("scan", "check", "drift", "lock", "pin", "unpin", "explain"):
        document = locked.json(command).document
        assert document["schema"] == f"imagelock/{command}/v1"


@pytest.mark.parametrize(
    ("arguments", "environ", "coloured"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        ((), {"IMAGELOCK_COLOR": "always"}, True),
    ],
)
def test_colour_follows_option_then_environment_and_never_shows_in_a_pipe_by_itself(
    locked: World,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    environ: dict[str, str],
    *,
    coloured: bool,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in locked.run("check", *arguments).out) is coloured


def test_a_configuration_from_the_tree_is_not_believed_where_it_weakens_trust(locked: World) -> None:
    locked.configure('[registries."registry.corp"]\ninsecure = true\n')
    assert "insecure = true" in locked.run("check").err
    assert "insecure = true" not in locked.run("check", "--trust-config").err
    assert "insecure = true" not in locked.run("check", "--config", "imagelock.toml").err


def test_a_given_configuration_makes_the_directory_the_project(
    locked: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked.write("sub/b.yaml", deployment("redis:7"))
    other = tmp_path / "other.toml"
    other.write_text("")
    monkeypatch.chdir(locked.root / "sub")
    result = locked.run_plain("scan", "--config", str(other), "-o", "list")
    assert result.out == "redis:7\n"


def test_data_written_while_progress_shows_stays_on_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    before = sys.stdout
    with progress("asking", quiet=False) as shown:
        assert (shown is not None, sys.stdout is before) == (True, True)
