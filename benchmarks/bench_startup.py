"""Start-up: `--version`, `--help` and an offline `check` of one file as multiples of a bare Python start.

    python benchmarks/bench_startup.py

Medians of runs that take turns, so that a noisy machine slows all of them alike.  Nothing is asserted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 25
SHA = "sha256:" + "0123456789abcdef" * 4
POD = f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: quay.io/acme/app:1@{SHA}\n"
LOCK = f'version = 1\n\n[[image]]\nname = "quay.io/acme/app"\ntag = "1"\ndigest = "{SHA}"\n'

BARE = ("-c", "pass")
SCRIPT = "from imagelock.__main__ import main; main()"
"""What the installed console script does; `python -m` would pay for runpy as well."""
COMMANDS = {
    "--version": (("-c", SCRIPT, "--version"), 6.0),
    "--help": (("-c", SCRIPT, "--help"), None),
    "check pod.yaml": (("-c", SCRIPT, "check", "pod.yaml"), 12.0),
}
"""Each command and its budget (design: section 11), as a multiple of a bare start."""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pod.yaml").write_text(POD)
        (folder / "images.lock").write_text(LOCK)
        cases = {"bare Python": BARE, **{shown: arguments for shown, (arguments, _) in COMMANDS.items()}}
        times: dict[str, list[float]] = {shown: [] for shown in cases}
        for turn in range(RUNS + 2):
            for shown, arguments in cases.items():
                took = once(arguments, folder)
                # The first turns only warm up the disk's cache and Python's compiled files.
                if turn >= 2:
                    times[shown].append(took)
    bare = statistics.median(times["bare Python"])
    print(f"bare Python {sys.version.split()[0]}: {bare * 1000:.1f} ms, median of {RUNS}")
    for shown, (_, budget) in COMMANDS.items():
        ratio = statistics.median(times[shown]) / bare
        limit = "" if budget is None else f"   budget {budget:g} x{'' if ratio <= budget else '   OVER'}"
        print(f"{shown:<16} {ratio:5.1f} x{limit}")


def once(arguments: tuple[str, ...], folder: Path) -> float:
    """Return the seconds one process takes; it must end with 0."""
    environ = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    # An installed program has its bytecode beside it; without it every start would compile the sources.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environ, check=True, capture_output=True, timeout=60
    )
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
