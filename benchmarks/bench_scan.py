"""`scan` and `pin` of a generated tree beside a PyYAML walk, grep, and plain writing of the same files.

    python benchmarks/bench_scan.py [MEGABYTES]

Everything runs in this one run, as processes of their own; ratios are printed with their budgets.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from imagelock.files import decode
from imagelock.formats.all import find
from imagelock.formats.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Place
from tree import Tree

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
    """Run every contender over one tree."""
    imagelock = [sys.executable, "-m", "imagelock"]
    size = tree.bytes / 1e6
    print(f"{tree.files} files, {size:.0f} MB, {tree.references} references")
    scan, listed = timed([*imagelock, "scan", "-q", "-o", "list", "-C", str(folder)])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    found = len(listed.splitlines())
    walk, _ = timed([sys.executable, "-c", _WALK, str(folder)])
    grep, _ = timed(["grep", "-rE", "image:", str(folder)])
    print(f"scan               {size / scan:6.1f} MB/s, peak {peak} MB   budget 100 MB")
    print(f"found              {found} of {tree.references}, {found - tree.references:+} against the truth")
    print(f"PyYAML event walk  {size / walk:6.1f} MB/s   scan is {walk / scan:.2f} x   budget 3 x")
    print(f"grep -rE           {size / grep:6.1f} MB/s   scan is {grep / scan:.2f} x")
    images = temporary / "images.txt"
    images.write_text(locked(folder), encoding="utf-8")
    pin, printed = timed([*imagelock, "pin", "--lock-file", str(images), "-C", str(folder), "-o", "json"])
    changed = sorted({line.split('"')[3] for line in printed.splitlines() if '"file"' in line})
    names = "\n".join(str(folder / name) for name in changed)
    plain, _ = timed([sys.executable, "-c", _REWRITE], names)
    over = (pin - scan) / plain
    print(
        f"pin                {pin:6.2f} s, {len(changed)} files changed; beyond scan {over:.1f} x plain writing   budget 1.5 x"
    )
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
