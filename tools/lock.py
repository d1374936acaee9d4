"""Write `requirements/*.txt`: every version and every hash of what runs, builds, tests and publishes imagelock.

    python3 tools/lock.py [--upgrade]

What is locked already stays as it is while pyproject.toml still allows it; `--upgrade` takes the newest
of everything.  The resolver is uv, itself installed from `requirements/lock.txt` into a folder that is
removed afterwards.  Why these files and not another form of lock: docs/adr/0010-dependency-lock.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "requirements"
OLDEST_PYTHON = "3.11"

HEADER = "# Written by `make lock` from pyproject.toml; do not edit.\n"

LOCKS: dict[str, tuple[str, ...]] = {
    "dev": ("pyproject.toml", "--group", "dev", "--extra", "cluster", "--extra", "serve"),
    "runtime": ("pyproject.toml", "-c", f"{FOLDER}/dev.txt"),
    "container": ("pyproject.toml", "--extra", "cluster", "--extra", "serve", "-c", f"{FOLDER}/dev.txt"),
    "docs": ("--group", "docs", "-c", f"{FOLDER}/dev.txt"),
    "build": ("--group", "build", "-c", f"{FOLDER}/dev.txt"),
    "sbom": ("--group", "sbom"),
    "lock": ("--group", "lock"),
}
"""Each lock and what it is resolved from.

The first five can share an environment, so the largest is resolved first and the others take its versions.
The last two are installed alone: their needs may contradict the others'.
"""

COMPILE = (
    "pip",
    "compile",
    "--quiet",
    "--universal",
    "--python-version",
    OLDEST_PYTHON,
    "--generate-hashes",
    "--no-header",
    "--only-binary",
    ":all:",
)
"""One file for every platform and every Python from the oldest on; nothing that would run a build script."""

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")
"""What must find a wheel of every package: 2.28 is the C library of the oldest systems that have these Pythons."""


def resolver(folder: Path) -> Path:
    """Install the locked uv into a new environment in ``folder`` and return its path."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", f"{FOLDER}/lock.txt"], cwd=ROOT, check=True)
    return folder / "bin" / "uv"


def write_lock(uv: Path, name: str, *, upgrade: bool) -> None:
    """Resolve one lock and write it, with the line that says how it came to be."""
    file = ROOT / FOLDER / f"{name}.txt"
    options = [*LOCKS[name], *(["--upgrade"] if upgrade else []), "-o", f"{FOLDER}/{name}.txt"]
    subprocess.run([str(uv), *COMPILE, *options], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    text = file.read_text(encoding="utf-8").removeprefix(HEADER)
    file.write_text(HEADER + text, encoding="utf-8")
    print(f"{FOLDER}/{name}.txt: {len(re.findall(r'^[a-z0-9]', text, re.MULTILINE))} packages")


def missing_wheels(uv: Path, folder: Path, name: str) -> list[str]:
    """Return where a lock could not be installed, and why."""
    problems = []
    dry = [str(uv), "pip", "install", "--quiet", "--dry-run", "--require-hashes", "--only-binary", ":all:"]
    for python in PYTHONS:
        for platform in PLATFORMS:
            where = ["--python-version", python, "--python-platform", platform, "--target", str(folder)]
            command = [*dry, *where, "-r", f"{FOLDER}/{name}.txt"]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                problems.append(f"{name}.txt, Python {python}, {platform}:\n{done.stderr}")
    return problems


def main() -> int:
    """Write every lock and return the exit code."""
    parser = argparse.ArgumentParser(description="Write requirements/*.txt.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest version of everything")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            uv = resolver(Path(folder))
            for name in LOCKS:
                write_lock(uv, name, upgrade=options.upgrade)
            problems = [text for name in LOCKS for text in missing_wheels(uv, Path(folder, "target"), name)]
        except subprocess.CalledProcessError as error:
            print(
                f"lock: {Path(error.cmd[0]).name} failed with exit code {error.returncode}", file=sys.stderr
            )
            return 1
    print("\n".join(problems), end="", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
