"""`imagelock scan`: every reference with its place, as table, JSON or list."""

from __future__ import annotations

import os
import pty
import re
import struct
import termios
from fcntl import ioctl
from typing import TYPE_CHECKING

import pytest

from support.world import deployment, process

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

A = "quay.io/acme/app:1.0"
SHA = "sha256:" + "0" * 64


def on_terminal(*arguments: str, cwd: Path, columns: int = 60, **environ: str) -> tuple[int, str]:
    """Run a command on a terminal of its own; return its exit code and what the terminal got."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {"TERM": "xterm", **environ}
    running = process(*arguments, cwd=cwd, environ=environment, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    got = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        got += data
    os.close(ours)
    return running.wait(120), got.decode()


def test_json_has_the_keys_of_the_contract(world: World) -> None:
    world.write("a.yaml", deployment(f"redis:7@{SHA}", extra="      annotations: {image: x/y:1}\n"))
    document = world.json("scan").document
    assert document["schema"] == "imagelock/scan/v1"
    (item,) = document["references"]
    assert item == {
        "reference": f"redis:7@{SHA}",
        "name": "docker.io/library/redis",
        "tag": "7",
        "digest": SHA,
        "file": "a.yaml",
        "line": 10,
        "column": 18,
        "document": 0,
        "path": "spec.template.spec.containers[0].image",
        "format": "kubernetes",
        "pinnable": True,
    }
    (skipped,) = document["skipped"]
    assert sorted(skipped) == ["file", "kind", "line", "reason", "text"]
    assert skipped["kind"] == "image"


def test_a_list_is_references_and_nothing_else_findings_go_to_stderr(world: World) -> None:
    world.write("a.yaml", deployment(A, f"{A}@{SHA}@{SHA}"))
    result = world.run("scan", "-o", "list")
    assert (result.code, result.out) == (1, f"{A}\n")
    assert "IL111" in result.err


def test_scan_exits_1_only_for_damage_and_unreadable_files(world: World) -> None:
    world.write("a.yaml", deployment(A, f"{A}@{SHA}"))
    assert world.run("scan", "--strict").code == 0
    world.write("b.yaml", deployment("${NAME}:1"))
    assert world.json("scan").codes in ([], ["IL111"])
    world.write("b.yaml", "kind: Pod\nspec: {containers: [{image: x/y:1}\n")
    assert (world.run("scan").code, world.json("scan").codes) == (1, ["IL114"])


def test_explain_tells_what_took_a_line_or_why_nothing_did(world: World) -> None:
    world.write("a.yaml", deployment(A))
    assert "found by format kubernetes" in world.run("scan", "--explain", "a.yaml:10").out
    assert "nothing on this line" in world.run("scan", "--explain", "a.yaml:1").out
    assert world.run("scan", "--explain", "a.yaml").code == 2
    assert world.run("scan", "--explain", "nowhere.yaml:1").code == 2


@pytest.mark.usefixtures("alone")
def test_a_table_fits_a_narrow_terminal(tmp_path: Path) -> None:
    name = "a-rather-long-name-of-a-file-that-holds-a-deployment.yaml"
    (tmp_path / name).write_text(deployment(f"quay.io/acme/a-rather-long-name-of-an-image:1.0@{SHA}"))
    code, got = on_terminal("scan", cwd=tmp_path, columns=60)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", got).replace("\r", "")
    assert code == 0
    assert max(len(line) for line in plain.splitlines()) <= 60
    assert SHA in re.sub(r"\s", "", plain.replace("kubernetes", "")) or "0" * 20 in plain


@pytest.mark.usefixtures("alone")
def test_a_terminal_has_colour_unless_it_asks_for_none(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(deployment(f"{A}@{SHA}@{SHA}"))
    assert "\x1b[" in on_terminal("scan", cwd=tmp_path)[1]
    assert "\x1b[" not in on_terminal("scan", cwd=tmp_path, NO_COLOR="1")[1]
    assert "\x1b[" not in on_terminal("scan", cwd=tmp_path, TERM="dumb")[1]
    assert "\x1b[" not in on_terminal("scan", "--color", "never", cwd=tmp_path)[1]


@pytest.mark.parametrize("output", ["text", "list", "json"])
def test_nothing_a_file_holds_or_is_called_steers_the_terminal(world: World, output: str) -> None:
    evil = "\x1b]0;owned\x07\u202e\x9b31m\r"
    world.write("a.yaml", deployment(A).replace("c0", "c0  # x"))
    world.write("e\x1b[2J\nerror[IL999].yaml", deployment(A, f"{A}@{SHA}@{SHA}"))
    world.write("d.yaml", deployment(f'"{A} {SHA}"') + f"# {evil}\n")
    world.write("my-images.txt", f"{evil}\n")
    result = world.run("scan", "-o", output)
    both = result.out + result.err
    assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", both) == []
    assert not any(line.startswith("error[IL999]") for line in both.splitlines())
