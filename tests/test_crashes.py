"""Crashes of the real commands, and many runs at once: nothing lost, nothing half, nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from imagelock.errors import LockError
from imagelock.files import Write, file_lock, write_all
from support import peers, sweep
from support.world import deployment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.world import World

A, B = "quay.io/acme/a:1", "ghcr.io/acme/b:2"


if peers.has("strace"):

    @pytest.mark.parametrize("fault", ["ENOSPC", "EIO"])
    def test_a_disk_that_fails_at_any_call_leaves_each_file_old_or_new(tmp_path: Path, fault: str) -> None:
        swept = sweep.several_files(tmp_path / "files", 2)
        points = swept.points()
        assert len(points) >= 2 * 6
        sums = swept.run(points, fault)
        assert sums.failures == []
        assert (sums.old > 0, sums.new + sums.mixed > 0) == (True, True)

    @pytest.mark.parametrize("fault", ["SIGKILL", "ENOSPC"])
    @pytest.mark.parametrize("command", ["lock", "pin"])
    def test_a_command_that_fails_at_any_call_is_finished_by_the_next(
        world: World, command: str, fault: str
    ) -> None:
        world.push(A)
        world.push(B)
        world.write("a.yaml", deployment(A))
        world.write("b.yaml", deployment(B))

        def run(arguments: Sequence[str]) -> int:
            return world.run(*arguments).code

        if command == "pin":
            assert run(["lock"]) == 0
        names = ["images.lock"] if command == "lock" else ["a.yaml", "b.yaml"]
        swept = sweep.verb(world.root, [command], run, names)
        writing = ("write", "fsync", "rename", "unlink")
        points = [point for point in swept.points() if point.call in writing]
        sums = swept.run(points, fault)
        assert sums.failures == []
        assert sums.runs >= 3


_UPDATER = """
import sys, time
from pathlib import Path
from imagelock.errors import LockError
from imagelock.files import Write, file_lock, read_bytes, write_all
path, worker, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
refused = 0
for number in range(count):
    while True:
        try:
            with file_lock(path, wait=10):
                before = read_bytes(path)
                write_all([Write(path, before, before + f"{worker} {number}\\n".encode())])
            break
        except LockError as error:
            assert "held by another run" in str(error)
            refused += 1
"""


def test_no_update_of_twenty_processes_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "images.lock"
    path.write_bytes(b"")
    workers = [
        subprocess.Popen([sys.executable, "-c", _UPDATER, str(path), str(number), "50"])
        for number in range(20)
    ]
    assert [worker.wait(120) for worker in workers] == [0] * 20
    wanted = {f"{worker} {number}" for worker in range(20) for number in range(50)}
    assert sorted(path.read_text().split("\n")[:-1]) == sorted(wanted)
    assert [one.name for one in tmp_path.iterdir()] == ["images.lock"]


_HOLDER = """
import sys
from pathlib import Path
from imagelock.files import file_lock
with file_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_run_waits_for_another_one_and_says_so_once(tmp_path: Path) -> None:
    path = tmp_path / "images.lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        told: list[str] = []

        def let_go(words: str) -> None:
            told.append(words)
            assert process.stdin is not None
            process.stdin.close()

        with file_lock(path, wait=60, notify=let_go):
            write_all([Write(path, None, b"mine")])
    assert len(told) == 1
    assert f"process {process.pid}" in told[0]
    assert path.read_bytes() == b"mine"


def test_a_run_that_waited_long_enough_names_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "images.lock"
    told: list[str] = []
    with (
        file_lock(path),
        pytest.raises(LockError, match="process"),
        file_lock(path, wait=0.1, notify=told.append),
    ):
        pass
    assert len(told) == 1
