"""Pin 1,000 Argo CD applications: time, MB/s and memory, beside two loops of sed over the same files.

    python benchmarks/bench_argocd.py [APPLICATIONS]

The loops are what pipelines do without a tool: one sed a file with a script of all images, and one sed an image over
all files.  Only places that sed can do are in the files (a reference in one text); all three must give the same bytes.
Medians of runs that take turns.  Nothing is asserted of the times.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

APPLICATIONS = 1000
IMAGES = 120
RUNS = 3
MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory; the folder below it is made for this run

APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: app-{number}
  namespace: argocd
  labels: {{team: "{number}", part-of: shop}}
spec:
  project: shop
  destination: {{server: https://kubernetes.default.svc, namespace: app-{number}}}
  source:
    repoURL: https://charts.example
    chart: service
    targetRevision: 4.2.0
    helm:
      parameters:
        - name: sidecar.image
          value: "{0}"
        - name: replicas
          value: "3"
      values: |
        # what this application runs
        web:
          image: {1}
          resources: {{requests: {{cpu: 100m, memory: 128Mi}}}}
        init:
          image: "{2}"
        jobs:
          - name: report
            image: {3}   # every night
    kustomize:
      images:
        - {4}
"""


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else APPLICATIONS
    images = {
        f"quay.io/acme/app-{number:03}:1.{number}.0": f"sha256:{number:064x}" for number in range(IMAGES)
    }
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        base = Path(name)
        size = write_project(base / "project", count, images)
        ways: dict[str, Callable[[Path], None]] = {
            "imagelock pin": pin,
            "sed, one a file": sed_files,
            "sed, one an image": sed_images,
        }
        write_scripts(base, images)
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(RUNS):
            results = {way: once(base, act, times[way]) for way, act in ways.items()}
            if len(set(map(repr, results.values()))) != 1:
                raise SystemExit("the three do not give the same bytes")
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{count} applications, {size / 1e6:.2f} MB, {IMAGES} images, {5 * count} places; median of {RUNS}")
    own = statistics.median(times["imagelock pin"])
    for way, found in times.items():
        median = statistics.median(found)
        print(f"{way:<18} {median:6.2f} s  {size / 1e6 / median:6.1f} MB/s  {median / own:5.2f} x imagelock")
    print(f"memory of the largest process: {memory:.0f} MB")


def write_project(root: Path, count: int, images: dict[str, str]) -> int:
    """Write the applications and the lock; return the bytes of the applications."""
    dice = random.Random(7)
    (root / "apps").mkdir(parents=True)
    names = list(images)
    for number in range(count):
        text = APPLICATION.format(*dice.sample(names, 5), number=number)
        (root / "apps" / f"app-{number:04}.yaml").write_text(text)
    entries = (
        f'\n[[image]]\nname = "{name.rpartition(":")[0]}"\ntag = "{name.rpartition(":")[2]}"\ndigest = "{digest}"\n'
        for name, digest in images.items()
    )
    (root / "images.lock").write_text("version = 1\n" + "".join(entries))
    return sum(path.stat().st_size for path in (root / "apps").iterdir())


def write_scripts(base: Path, images: dict[str, str]) -> None:
    """Write one script of sed, a line for each image; the loop over images takes its lines one by one."""
    # The end of the tag is asked for, or app:1.1 would be found in app:1.10.
    lines = [
        rf"s,{name.replace('.', '[.]')}\([^0-9A-Za-z._@-]\|$\),{name}@{digest}\1,"
        for name, digest in images.items()
    ]
    (base / "all.sed").write_text("\n".join(lines) + "\n")


def once(base: Path, act: Callable[[Path], None], times: list[float]) -> list[bytes]:
    """Let one way work on a fresh copy; return the bytes it made."""
    copy = base / "copy"
    shutil.copytree(base / "project", copy)
    begin = time.perf_counter()
    act(copy)
    times.append(time.perf_counter() - begin)
    result = [path.read_bytes() for path in sorted((copy / "apps").iterdir())]
    shutil.rmtree(copy)
    return result


def pin(root: Path) -> None:
    """Pin with imagelock, as a process."""
    environ = {**os.environ, "HOME": str(root), "XDG_CONFIG_HOME": str(root)}
    subprocess.run((sys.executable, "-m", "imagelock", "pin", "-q"), cwd=root, env=environ, check=True)


def sed_files(root: Path) -> None:
    """Run one sed a file."""
    loop = 'for file in apps/*.yaml; do sed -i -f ../all.sed "$file"; done'
    subprocess.run(("sh", "-c", loop), cwd=root, check=True)


def sed_images(root: Path) -> None:
    """Run one sed an image."""
    loop = 'while IFS= read -r line; do sed -i -e "$line" apps/*.yaml; done < ../all.sed'
    subprocess.run(("sh", "-c", loop), cwd=root, check=True)


if __name__ == "__main__":
    main()
