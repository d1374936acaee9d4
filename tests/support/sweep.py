"""Fail a command at each system call of its writing, by strace: killed, disk full, disk broken.

The command is run once to learn which calls its main thread makes from the first temporary file on; then
once for each of them and each fault, with the fault put there.  After every run each file must be what it
was or what it shall be, and the next, undisturbed run must finish the work and leave nothing beside it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

FAULTS = ("SIGKILL", "ENOSPC", "EIO")
CALLS = (
    "openat",
    "write",
    "pwrite64",
    "ftruncate",
    "fsync",
    "fchmod",
    "fchown",
    "flock",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
)
_LINE = re.compile(r"(?P<process>[0-9]+) +(?P<call>[a-z0-9]+)\((?P<rest>.*)")
_MARKS = (".imagelock-tmp", ".held")


@dataclass(frozen=True, slots=True)
class Point:
    """One system call of the main thread: its name and its number among those of that name."""

    call: str
    number: int


@dataclass(slots=True)
class Sums:
    """What a sweep saw, for its line in the report."""

    runs: int = 0
    struck: int = 0
    old: int = 0
    new: int = 0
    mixed: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A command in ``folder``; ``before`` are the files it starts from (None: not there), ``after`` its work.

    ``again`` runs it undisturbed.
    """

    folder: Path
    command: Sequence[str]
    before: Mapping[str, bytes | None]
    after: Mapping[str, bytes]
    again: Callable[[], int]

    def points(self) -> list[Point]:
        """Run the command undisturbed and return every call from its first temporary file on."""
        self._reset()
        # Compile everything once; the runs that are traced read it and write no bytecode themselves.
        subprocess.run(self.command, check=False, capture_output=True, env=self._environ(), cwd=self.folder)
        self._reset()
        code, log = self._trace()
        if code != 0 or self._found() != dict(self.after):
            raise AssertionError(f"the undisturbed run ended with {code}")
        counts: Counter[str] = Counter()
        points, main, begun = [], None, False
        for match in filter(None, map(_LINE.match, log.splitlines())):
            main = main or match["process"]
            if match["process"] != main:
                continue
            counts[match["call"]] += 1
            begun = begun or any(mark in match["rest"] for mark in _MARKS)
            if begun and not self._is_elsewhere(match):
                points.append(Point(match["call"], counts[match["call"]]))
        return points

    def _is_elsewhere(self, match: re.Match[str]) -> bool:
        """Whether this opens a file that is none of ours: a module that is imported late."""
        is_open = match["call"] == "openat" and match["rest"].startswith('AT_FDCWD, "/')
        return is_open and str(self.folder) not in match["rest"]

    def run(self, points: Sequence[Point], fault: str) -> Sums:
        """Put one fault at each of the points, in turn."""
        sums = Sums()
        for point in points:
            self._reset()
            how = f"signal={fault}" if fault.startswith("SIG") else f"error={fault}"
            code, log = self._trace("-e", f"inject={point.call}:{how}:when={point.number}")
            if _struck_a_reading(log):
                continue  # A file that cannot be read is told as such, and is not this sweep's matter.
            sums.runs += 1
            sums.struck += code != 0
            if fault == "SIGKILL" and code != 128 + signal.SIGKILL and code != -signal.SIGKILL:
                sums.failures.append(f"{point.call} {point.number} was not killed: {code}")
            sums.failures += [
                f"{fault} at {point.call} {point.number}: {one}" for one in self._judge(code, sums)
            ]
        return sums

    def _judge(self, code: int, sums: Sums) -> Iterator[str]:
        found = self._found()
        states = {self._state(name, content) for name, content in found.items()}
        if "damaged" in states:
            yield "a file is neither old nor new"
        if code == 0 and states != {"new"}:
            yield "it said that all is well"
        sums.mixed += len(states) == 2
        sums.new += states == {"new"}
        sums.old += states == {"old"}
        if (again := self.again()) != 0:
            yield f"the next run ended with {again}"
        if self._found() != dict(self.after):
            yield "the next run did not finish the work"
        if strays := self._strays():
            yield f"left behind: {', '.join(strays)}"

    def _state(self, name: str, content: bytes | None) -> str:
        if content == self.after[name]:
            return "new"
        return "old" if content == self.before[name] else "damaged"

    def _found(self) -> dict[str, bytes | None]:
        paths = {name: self.folder / name for name in self.after}
        return {name: path.read_bytes() if path.exists() else None for name, path in paths.items()}

    def _strays(self) -> list[str]:
        names = (path.name for path in self.folder.rglob("*"))
        return sorted(name for name in names if any(name.endswith(mark) for mark in _MARKS))

    def _reset(self) -> None:
        for name, content in self.before.items():
            path = self.folder / name
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)

    def _environ(self) -> dict[str, str]:
        cache = self.folder.with_name(f"{self.folder.name}.bytecode")
        environ = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": str(cache)}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        return environ

    def _trace(self, *inject: str) -> tuple[int, str]:
        log = self.folder.with_name(f"{self.folder.name}.strace")
        # Stopping only at these calls is ten times as fast, but injects errors alone and no signals.
        fast = [] if any("signal=" in one for one in inject) else ["--seccomp-bpf"]
        strace = ["strace", "-f", "-qq", *fast, "-o", str(log), "-e", f"trace={','.join(CALLS)}"]
        environ = self._environ() | {"PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [*strace, *inject, *self.command], check=False, capture_output=True, env=environ, cwd=self.folder
        )
        return done.returncode, log.read_text("utf-8", "replace")


def _struck_a_reading(log: str) -> bool:
    """Whether the fault met the opening of a file for reading: numbers shift a little from run to run."""
    struck = [line for line in log.splitlines() if "(INJECTED)" in line and "openat(" in line]
    return any("O_CREAT" not in line and "O_DIRECTORY" not in line for line in struck)


WRITER = """
import sys
from pathlib import Path
from imagelock.files import Write, write_all
paths = [Path(name) for name in sys.argv[1:]]
write_all([Write(path, path.read_bytes(), b"new content\\n") for path in paths])
"""


def several_files(folder: Path, count: int) -> Sweep:
    """Return the sweep of ``write_all`` alone, over ``count`` files."""
    folder.mkdir()
    names = [f"file-{number}.yaml" for number in range(count)]
    command = [sys.executable, "-c", WRITER, *names]

    def again() -> int:
        return subprocess.run(command, check=False, capture_output=True, cwd=folder).returncode

    return Sweep(
        folder=folder,
        command=command,
        before=dict.fromkeys(names, b"old\n"),
        after=dict.fromkeys(names, b"new content\n"),
        again=again,
    )


def verb(
    folder: Path, arguments: Sequence[str], run: Callable[[Sequence[str]], int], names: Sequence[str]
) -> Sweep:
    """Return the sweep of one of imagelock's commands, which ``run`` carries out undisturbed.

    ``names`` are the files it writes; what they hold now is what it starts from.
    """
    paths = {name: folder / name for name in names}
    before = {name: path.read_bytes() if path.exists() else None for name, path in paths.items()}
    if run(arguments) != 0:
        raise AssertionError(f"{arguments} failed undisturbed")
    return Sweep(
        folder=folder,
        command=[sys.executable, "-m", "imagelock", *arguments],
        before=before,
        after={name: path.read_bytes() for name, path in paths.items()},
        again=lambda: run(arguments),
    )
