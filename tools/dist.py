"""Build what would be published into `dist/`, and try it where nothing else is installed.

    python tools/dist.py [--sbom]

The wheel and the source distribution are built by the locked backend from `.venv`.  The wheel is installed
with the locked run-time dependencies into an empty environment outside the tree, and `imagelock --version`
and `imagelock demo` run there.  `--sbom` writes `dist/imagelock-VERSION.cdx.json`, the list of the parts of
that environment in CycloneDX 1.6.  Builds are reproducible: the same commit gives the same bytes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
LOCKS = ROOT / "requirements"


class DistError(Exception):
    """What was built is not what should be published; the message is all there is to say."""


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a program and return what it printed; its own words explain a failure."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise DistError(f"{' '.join(words)} ended with exit code {done.returncode}")
    return done.stdout


def commit_time() -> str:
    """Return when the commit was made, the time of every file in the archives; 1980 outside a repository."""
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "315532800"
    return done.stdout.strip() or "315532800"


def build() -> tuple[Path, Path]:
    """Build both archives into an emptied `dist/` and return the wheel and the source distribution."""
    DIST.mkdir(exist_ok=True)
    for old in DIST.glob("imagelock-*"):
        old.unlink()
    environ = {**os.environ, "SOURCE_DATE_EPOCH": commit_time()}
    run(sys.executable, "-m", "hatchling", "build", "-d", DIST, env=environ)
    (wheel,) = DIST.glob("*.whl")
    (source,) = DIST.glob("*.tar.gz")
    return wheel, source


def environment(folder: Path, lock: str) -> Path:
    """Make an environment with what a lock names and return its Python."""
    run(sys.executable, "-I", "-m", "venv", folder)
    python = folder / "bin" / "python"
    run(*pip(python), "--require-hashes", "-r", LOCKS / f"{lock}.txt")
    return python


def pip(python: Path) -> list[str | Path]:
    """Return the beginning of a quiet `pip install`."""
    return [python, "-I", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]


def missing(names: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return which of the wanted ends no name has."""
    held = list(names)
    return [end for end in wanted if not any(name.endswith(end) for name in held)]


_WHEEL = (
    "imagelock/__main__.py",
    "imagelock/py.typed",
    "imagelock/docs/guides/first-steps.md",
    "licenses/LICENSE",
)


def inspect(wheel: Path, source: Path) -> None:
    """Refuse archives without what they must hold, and a wheel with what is none of its business."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    strays = [name for name in names if not name.startswith("imagelock")]
    lacking = missing(names, _WHEEL)
    if strays or lacking:
        raise DistError(f"{wheel.name} holds {strays or 'nothing strange'} and lacks {lacking or 'nothing'}")
    with tarfile.open(source) as archive:
        names = archive.getnames()
    if lacking := missing(names, ("/pyproject.toml", "/LICENSE", "/README.md", "/src/imagelock/__main__.py")):
        raise DistError(f"{source.name} lacks {lacking}")


def try_out(wheel: Path, folder: Path) -> Path:
    """Install the wheel where nothing else is, run it there, and return that environment's Python."""
    python = environment(folder / "empty", "runtime")
    run(*pip(python), "--no-deps", "--no-index", wheel)
    run(python, "-I", "-m", "pip", "check", "--disable-pip-version-check")
    program = folder / "empty" / "bin" / "imagelock"
    version = run(program, "--version", cwd=folder).strip()
    if version.split()[-1] != wheel.name.split("-")[1]:
        raise DistError(f"{wheel.name} says that it is {version}")
    run(program, "demo", cwd=folder)
    if "# The lock" not in run(program, "help", "lock", cwd=folder):
        raise DistError(f"{wheel.name} does not show its pages")
    print(f"{wheel.name}: installs into an empty environment; --version, help and demo run there")
    return python


def write_sbom(python: Path, folder: Path, wheel: Path) -> Path:
    """List the parts of an environment beside the archives: imagelock and what it imports."""
    tool = environment(folder / "sbom", "sbom").parent / "cyclonedx-py"
    # The installer is no part of what it installed.
    run(python, "-I", "-m", "pip", "uninstall", "-qq", "-y", "setuptools", "pip")
    file = DIST / f"{'-'.join(wheel.name.split('-')[:2])}.cdx.json"
    options = ["--output-reproducible", "--spec-version", "1.6", "--output-format", "JSON"]
    run(tool, "environment", *options, "--pyproject", ROOT / "pyproject.toml", "-o", file, python)
    return file


def main() -> int:
    """Build, look into, try, and return the exit code."""
    parser = argparse.ArgumentParser(description="Build what would be published, and try it.")
    parser.add_argument("--sbom", action="store_true", help="write the list of parts, too")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            wheel, source = build()
            inspect(wheel, source)
            made = [wheel, source]
            python = try_out(wheel, folder)
            if options.sbom:
                made.append(write_sbom(python, folder, wheel))
    except DistError as error:
        print(f"dist: {error}", file=sys.stderr)
        return 1
    print("\n".join(str(path.relative_to(ROOT)) for path in made))
    return 0


if __name__ == "__main__":
    sys.exit(main())
