"""Print every package whose version in `.venv-latest` is not the locked one: where to look when a test breaks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "dev.txt"
PYTHON = ROOT / ".venv-latest" / "bin" / "python"


def normal(name: str) -> str:
    """Return a package's name as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    """Return the version of each package in a lock file's text."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))


def differences(locked: dict[str, str], installed: dict[str, str]) -> list[str]:
    """Return a line for each package that differs, and for each that the lock does not know."""
    return [
        f"  {name}: {locked.get(name, 'not locked')} -> {version}"
        for name, version in sorted(installed.items())
        if locked.get(name) != version
    ]


def main() -> int:
    """Print the differences and return the exit code."""
    command = [str(PYTHON), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    listed = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    ours = {"imagelock", "pip", "setuptools"}
    installed = {normal(item["name"]): item["version"] for item in listed}
    installed = {name: version for name, version in installed.items() if name not in ours}
    lines = differences(pins(LOCK.read_text(encoding="utf-8")), installed)
    print("\n".join(["newer than the locks:", *lines]) if lines else "the locks are the newest there is")
    return 0


if __name__ == "__main__":
    sys.exit(main())
