"""A renderer is stopped at its limits and finds no network, whatever a chart makes it do."""

from __future__ import annotations

import shutil
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from imagelock import render_process
from imagelock.errors import FileError
from imagelock.render_process import run_limited

if TYPE_CHECKING:
    from pathlib import Path


def program(*lines: str) -> list[str]:
    """Return a command that runs Python."""
    return [sys.executable, "-c", "\n".join(lines)]


def test_output_beyond_the_limit_is_refused_and_not_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render_process, "RENDER_OUTPUT_BYTES", 1_000_000)
    endless = program("import sys", "while True: sys.stdout.write('x' * 65536)")
    with pytest.raises(FileError, match="wrote more than 1000000 bytes"):
        run_limited(endless, tmp_path)


def test_memory_beyond_the_limit_ends_the_child_and_not_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render_process, "RENDER_MEMORY_BYTES", 300_000_000)
    done = run_limited(program("import time", "time.sleep(0.3)", "x = bytearray(10 ** 9)"), tmp_path)
    assert done.returncode != 0
    assert b"MemoryError" in done.stderr


def test_a_child_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(2); pathlib.Path({str(mark)!r}).touch()"
    lines = (
        "import subprocess, sys, time",
        f"subprocess.Popen([sys.executable, '-c', {child!r}])",
        "time.sleep(60)",
    )
    with pytest.raises(FileError, match="took longer than 1 s"):
        run_limited(program(*lines), tmp_path, seconds=1)
    import time  # noqa: PLC0415 - only here

    time.sleep(1.5)
    assert not mark.exists()


def test_processor_time_beyond_the_limit_ends_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render_process, "RENDER_CPU_SECONDS", 1)
    with pytest.raises(FileError, match="processor time"):
        run_limited(program("while True: pass"), tmp_path)


def test_a_child_reaches_no_listener_of_this_machine_and_sees_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELM_PLUGINS", "/plugins")
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        lines = (
            "import os, socket",
            "print(sorted(name for name in os.environ if 'TOKEN' in name), os.listdir(os.environ['HOME']))",
            "print(os.environ['HELM_PLUGINS'].startswith('/plugins'), os.environ['HTTPS_PROXY'])",
            f"print(socket.socket().connect_ex(('127.0.0.1', {port})))",
        )
        done = run_limited(program(*lines), tmp_path)
    said = done.stdout.decode().splitlines()
    assert said[:2] == ["[] []", "False http://127.0.0.1:9"]
    if render_process._without_network():
        assert said[2] != "0"
    else:
        assert shutil.which("unshare") is None or said[2] == "0"
