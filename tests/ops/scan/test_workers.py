"""A large tree read by several processes: the same answer as from one, whatever becomes of the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from formats.samples import SAMPLES
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.limits import SHARED_FILES, SHARING_PROCESSES
from imagelock.model.place import Place
from imagelock.ops.scan import workers
from imagelock.ops.scan.scanned_file import FileContent, ScannedFile
from imagelock.ops.scan.serialize import pack, unpack
from imagelock.ops.scan.walk import Visited
from support.world import deployment

if TYPE_CHECKING:
    from formats.samples import Sample
    from imagelock.model.place import Found

FILES = SHARED_FILES + 100
RUN = """
import os, signal, sys, time
from imagelock.__main__ import main
from imagelock.ops.scan import reader, workers
workers._processes = lambda files: {processes}
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = ["imagelock", *sys.argv[1:]]
{patch}
main()
"""
DIES = "workers.pack = lambda file: os._exit(9)"
BREAKS = "workers.pack = lambda file: 1 / 0"
SLOW = "reader.FileReader.read = lambda self, file: time.sleep({}) or []"
MUCH = f"workers.pack = lambda file: bytes(1000); {SLOW.replace('[]', '[file]')}"
"""More is sent than a pipe holds."""
NO_FORK = """
def no_fork():
    raise BlockingIOError(11, "no process is left")
os.fork = no_fork
"""
NO_PIPE = """
from multiprocessing.context import BaseContext
def no_pipe(self, duplex):
    raise OSError(24, "too many open files")
BaseContext.Pipe = no_pipe
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("large")
    for i in range(FILES):
        folder = top / f"part-{i // 50}"
        folder.mkdir(exist_ok=True)
        if i % 7 == 0:
            content = "image: x\n- {" if i % 2 else "kind: {\n"
        elif i % 5 == 0:
            content = f"FROM quay.io/acme/base:{i}\n"
        else:
            content = deployment(f"quay.io/acme/app:{i}") + "# imagelock: ignore[IL101] why\n"
        (folder / (f"Dockerfile.{i}" if i % 5 == 0 else f"file-{i}.yaml")).write_text(content)
    return top


def _command(tree: Path, processes: int, patch: str = "") -> list[str]:
    code = RUN.format(processes=processes, patch=patch)
    return [sys.executable, "-c", code, "scan", "-o", "json", "-C", str(tree)]


def _scan(tree: Path, processes: int, patch: str = "") -> tuple[int, Any]:
    command = _command(tree, processes, patch)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def test_several_processes_find_what_one_finds_in_its_order(tree: Path) -> None:
    code, alone = _scan(tree, 1)
    assert code == 1
    assert len(alone["references"]) > FILES // 2
    assert alone["findings"]
    assert _scan(tree, 2) == (code, alone)
    assert _scan(tree, 5) == (code, alone)


@pytest.mark.parametrize("patch", [DIES, BREAKS, NO_FORK, NO_PIPE])
def test_what_a_process_does_not_finish_is_read_by_the_first(tree: Path, patch: str) -> None:
    assert _scan(tree, 3, patch) == _scan(tree, 1)


def test_only_a_large_tree_is_worth_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    file = Visited("a", "a", is_named=False)
    assert workers._processes([file] * (SHARED_FILES - 1)) == 1
    assert workers._processes([file] * SHARED_FILES) == 2
    assert workers._processes([file] * SHARED_FILES * 100) == SHARING_PROCESSES
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert workers._processes([file] * SHARED_FILES) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("patch", [SLOW.format(0.05), MUCH.format(0.0005)])
def test_control_c_and_sigterm_end_all_of_them_without_a_traceback(
    tree: Path, patch: str, number: signal.Signals
) -> None:
    with subprocess.Popen(
        _command(tree, 3, patch),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        _wait_for(lambda: len(_group(process.pid)) == 3)
        os.killpg(process.pid, number)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 128 + number
        assert "Traceback" not in err
        _wait_for(lambda: not _group(process.pid))


@pytest.mark.parametrize("patch", [SLOW.format(0.001), MUCH.format(0.001)])
def test_a_process_whose_parent_was_killed_ends_by_itself(tree: Path, patch: str) -> None:
    with subprocess.Popen(
        _command(tree, 3, patch),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        _wait_for(lambda: len(_group(process.pid)) == 3)
        process.kill()
        process.wait()
        _wait_for(lambda: not _group(process.pid))


def _group(group: int) -> list[int]:
    """Return the living processes of a group."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, own = entry.read_text(errors="replace").rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(own) == group and state != "Z":
            found.append(int(entry.parent.name))
    return found


def _wait_for(is_true: Any) -> None:
    deadline = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_what_was_found_is_the_same_behind_a_pipe(sample: Sample) -> None:
    text = Text(sample.path, sample.content)
    found: tuple[Found, ...] = tuple(find(text))
    file = ScannedFile(text.path, None, FileContent(None, b""), found)
    again = unpack(pack(file), lambda _: (), lambda _: None)
    assert again.found == found
    assert all(isinstance(item, Place) for item in again.places)
