"""Fail every system call of a write, once each, by strace: killed, disk full, disk broken; print what was found.

    python benchmarks/sweep_crash.py [--files 5]

Swept are `files.write_all` over several files, and whole runs of `imagelock lock`, `pin` and `update` over a
project of as many files, against an embedded registry.  After each run every file must be wholly old or
wholly new, and the next, undisturbed run must finish the work and leave nothing beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from imagelock.cli.main import run as imagelock
from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.model.reference import Reference
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from support import peers, sweep
from support.world import deployment, mirrors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from support.sweep import Sums, Sweep


class Project:
    """Some files with an image each, configured for a registry that has the images."""

    def __init__(self, root: Path, registry: EmbeddedRegistry, store: MemoryStore, count: int) -> None:
        self.root = root
        self.names = [f"file-{number}.yaml" for number in range(count)]
        self._images = [f"quay.io/acme/app{number}:1" for number in range(count)]
        self._store = store
        root.mkdir()
        (root / "imagelock.toml").write_text(mirrors(registry.url))
        self.push("first")
        for name, image in zip(self.names, self._images, strict=True):
            (root / name).write_text(deployment(image))

    def push(self, seed: str) -> None:
        """Give every tag an image of this seed."""
        for image in self._images:
            name = Reference.parse(image).name
            push_sample(self._store, name, "1", sample_image(f"{image} {seed}"))

    def run(self, arguments: Sequence[str]) -> int:
        """Run a command undisturbed, in this process."""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return imagelock([arguments[0], "-C", str(self.root), *arguments[1:]])

    def sweeps(self) -> Iterator[tuple[str, Sweep]]:
        """Yield the sweep of each command; it starts from the state that the one before left."""
        yield "imagelock lock", sweep.verb(self.root, ["lock"], self.run, ["images.lock"])
        yield "imagelock pin", sweep.verb(self.root, ["pin"], self.run, self.names)
        self.push("second")
        names = [*self.names, "images.lock"]
        yield "imagelock update -U", sweep.verb(self.root, ["update", "-U"], self.run, names)


def _print(name: str, fault: str, sums: Sums) -> None:
    print(
        f"{name:22} {fault:8} calls {sums.runs:4}  failed {sums.struck:4}  all old {sums.old:4}  all new {sums.new:4}  "
        f"some of each {sums.mixed:4}  damaged or lost {len(sums.failures):2}",
        flush=True,
    )
    for failure in sums.failures:
        print(f"    {failure}")


def _sweep(name: str, swept: Sweep) -> int:
    points = swept.points()
    failures = 0
    for fault in sweep.FAULTS:
        sums = swept.run(points, fault)
        _print(name, fault, sums)
        failures += len(sums.failures)
    return failures


def main() -> None:
    """Sweep, print a line for each command and fault, and exit 1 if anything was damaged or lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=5)
    options = parser.parse_args()
    if not peers.has("strace"):
        sys.exit("strace is not installed")
    store = MemoryStore()
    with tempfile.TemporaryDirectory(prefix="sweep-crash-") as temporary, EmbeddedRegistry(store) as registry:
        root = Path(temporary)
        failures = _sweep("files.write_all", sweep.several_files(root / "files", options.files))
        project = Project(root / "project", registry, store, options.files)
        for name, swept in project.sweeps():
            failures += _sweep(name, swept)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
