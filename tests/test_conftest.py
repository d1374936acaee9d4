"""What a run of the tests says at its end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("processes", ["0", "1"])
def test_peers_that_were_not_there_are_named_wherever_the_tests_ran(tmp_path: Path, processes: str) -> None:
    (tmp_path / "empty").mkdir()
    options = ["-p", "no:cacheprovider", "-n", processes, f"--basetemp={tmp_path / 'temp'}"]
    # Options that this run was given by the environment are not meant for the one inside.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests/test_errors.py"],
        cwd=ROOT,
        env={**environ, "PATH": str(tmp_path / "empty")},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stdout
    assert "NOT COMPARED with docker-registry: it is not installed" in done.stdout
