"""The examples run as their guides tell: every command ends as it is shown to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_pipeline_of_the_guide_runs(alone: Path) -> None:
    script = ROOT / "examples" / "gitlab-argocd" / "run.py"
    done = subprocess.run((sys.executable, str(script)), check=False, capture_output=True, cwd=alone)
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode() + said
    assert "lock: 57 entries, 57 added" in said
    assert "122 references, 121 pinned" in said
    assert "lost: none" in said
    assert ": NO" not in said
    assert {f"(exit {code})" for code in range(4)} <= set(said.splitlines())


def test_the_example_has_what_its_guide_says() -> None:
    project = ROOT / "examples" / "gitlab-argocd" / "project"
    assert len(list((project / "apps").glob("*.yaml"))) == 20
    for name, count in (("external_images", 47), ("eurodat-images", 10)):
        lines = (project / name).read_text().splitlines()
        assert len({line for line in lines if line and not line.startswith("#")}) == count
