"""`scan` and `pin` of a generated tree beside a PyYAML walk, grep, and plain writing of the same files.

    python benchmarks/bench_scan.py [MEGABYTES]

Everything runs in this one run, in turns, as processes of their own; ratios are printed with their budgets.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from imagelock.files import decode
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Place
from tree import Tree

_ROUNDS = 3
_IMAGELOCK = [sys.executable, "-m", "imagelock"]
_WALK = """
import os, sys, yaml
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        if name.endswith((".yaml", ".json")):
            with open(os.path.join(folder, name), "rb") as stream:
                try:
                    for event in yaml.parse(stream, Loader=yaml.CSafeLoader):
                        pass
                except yaml.YAMLError:
                    pass
"""
_REWRITE = """
import os, sys
for name in sys.stdin.read().split("\\n"):
    if name:
        with open(name, "rb") as stream:
            data = stream.read()
        with open(name + ".new", "wb") as stream:
            stream.write(data)
        os.replace(name + ".new", name)
"""


def timed(command: list[str], given: str | None = None) -> tuple[float, str]:
    """Run a process; return its wall time in seconds and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, input=given, check=False)
    return time.perf_counter() - started, done.stdout


def memory_of(command: list[str]) -> float:
    """Return the most memory that a command and its processes had together, in MB (proportional set size)."""
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_memory, _group(process.pid))))
            time.sleep(0.02)
    return peak / 1024


def _group(group: int) -> list[Path]:
    folders = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[2]) == group:
                folders.append(stat.parent)
    return folders


def _memory(process: Path) -> int:
    """Return a process's memory in KiB, pages that others share counted by their share."""
    with contextlib.suppress(OSError):
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def locked(tree: Path) -> str:
    """Return a plain list that has a digest for every reference of the tree."""
    images = set()
    for path in tree.rglob("*"):
        if path.is_file():
            found = find(Text(path.name, decode(path.read_bytes())))
            images |= {item.reference.canonical for item in found if isinstance(item, Place)}
    return "".join(f"{image}@{Digest.of(image.encode())}\n" for image in sorted(images))


def main() -> None:
    """Measure and print."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 100
    memory = Path("/dev/shm")  # noqa: S108 - a tmpfs: the budget is not about the disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as temporary:
        folder = Path(temporary) / "tree"
        tree = Tree(folder)
        tree.write(megabytes)
        measure(folder, tree, Path(temporary))


def measure(folder: Path, tree: Tree, temporary: Path) -> None:
    """Run every contender over one tree, in turns."""
    size = tree.bytes / 1e6
    print(f"{tree.files} files, {size:.0f} MB, {tree.references} references; medians of {_ROUNDS} turns")
    scan_command = [*_IMAGELOCK, "scan", "-q", "-o", "list", "-C", str(folder)]
    contenders = {
        "scan": scan_command,
        "walk": [sys.executable, "-c", _WALK, str(folder)],
        "grep": ["grep", "-rE", "image:", str(folder)],
    }
    turns = [{name: timed(command) for name, command in contenders.items()} for _ in range(_ROUNDS)]
    scan, walk, grep = (median(turn[name][0] for turn in turns) for name in contenders)
    found = len(turns[0]["scan"][1].splitlines())
    print(
        f"scan               {size / scan:6.1f} MB/s, memory {memory_of(scan_command):.0f} MB   budget 100 MB"
    )
    print(f"found              {found} of {tree.references}, {found - tree.references:+} against the truth")
    ratios = sorted(turn["walk"][0] / turn["scan"][0] for turn in turns)
    print(
        f"PyYAML event walk  {size / walk:6.1f} MB/s   scan is {median(ratios):.2f} x"
        f" ({ratios[0]:.2f} to {ratios[-1]:.2f})   budget 3 x"
    )
    print(f"grep -rE           {size / grep:6.1f} MB/s   scan is {grep / scan:.2f} x")
    images = temporary / "images.txt"
    images.write_text(locked(folder), encoding="utf-8")
    pins = [pinned(folder, temporary / "copy", images) for _ in range(_ROUNDS)]
    over = median((pin - scan) / plain for pin, plain, _ in pins)
    print(
        f"pin                {median(pin for pin, _, _ in pins):6.2f} s, {pins[0][2]} files changed;"
        f" beyond scan {over:.1f} x plain writing   budget 1.5 x"
    )


def pinned(folder: Path, copy: Path, images: Path) -> tuple[float, float, int]:
    """Pin a copy of the tree; return the seconds of that, of writing as many files plainly, and how many."""
    shutil.copytree(folder, copy)
    before = {path: path.stat().st_ino for path in copy.rglob("*") if path.is_file()}
    pin, _ = timed([*_IMAGELOCK, "pin", "-q", "--lock-file", str(images), "-C", str(copy)])
    changed = [path for path, number in before.items() if path.stat().st_ino != number]
    plain, _ = timed([sys.executable, "-c", _REWRITE], "\n".join(map(str, changed)))
    shutil.rmtree(copy)
    return pin, plain, len(changed)


if __name__ == "__main__":
    main()
