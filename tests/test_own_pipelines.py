"""The pipelines of this repository: what they run, and that nothing in them can be exchanged underneath."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GITLAB = ROOT / ".gitlab-ci.yml"
PYTHONS = [
    name.rpartition(" ")[2]
    for name in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    if re.search(r":: 3\.\d+$", name)
]


def problems(document: object, name: str) -> list[str]:
    """Return what a schema that check-jsonschema carries says against a document."""
    path = files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json"
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return [error.message for error in Draft7Validator(schema).iter_errors(document)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_what_github_reads(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    document["on"] = document.pop(True)  # YAML 1.1 reads the key as a boolean, GitHub does not
    for job in document["jobs"].values():
        assert job["runs-on"] == "ubuntu-24.04"
        # The schema is older than this runner and this right.
        job["runs-on"] = "ubuntu-latest"
        assert job.get("permissions", {}).pop("attestations", "write") == "write"
    assert problems(document, "github-workflows") == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_named_by_its_commit_and_every_job_by_its_rights(path: Path) -> None:
    text = path.read_text()
    used = re.findall(r"uses: (.+)", text)
    assert used
    for action in used:
        assert re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
    document = yaml.safe_load(text)
    for job in document["jobs"].values():
        assert "permissions" in document
        assert "timeout-minutes" in job
        # What others wrote reaches the shell as a variable, and no command can be read in it.
        assert all("${{" not in step.get("run", "") for step in job["steps"])


def test_the_pipelines_run_what_a_developer_runs_on_every_python_that_is_promised() -> None:
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    matrix = ci["jobs"]["run"]["strategy"]["matrix"]
    assert (matrix["python"], matrix["verb"]) == (PYTHONS, ["bash .ci/run"])
    gitlab = yaml.safe_load(GITLAB.read_text())
    assert gitlab[".ci"]["script"] == ["bash .ci/run"]
    images = {job["image"] for name, job in gitlab.items() if name.startswith("python-")}
    assert images == {f"docker.io/library/python:{python}-bookworm" for python in PYTHONS}
    assert problems(gitlab, "gitlab-ci") == []


def test_every_verb_of_a_pipeline_is_one_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for path in (*WORKFLOWS, GITLAB, ROOT / ".ci" / "run"):
        text = path.read_text()
        verbs = re.findall(r"^\s*(?:- |(?:- \{.*)?verb: |run: )?make ([a-z][a-z-]+)\b", text, re.MULTILINE)
        assert all(re.search(rf"^{verb}:", makefile, re.MULTILINE) for verb in verbs), (path.name, verbs)
        assert verbs or "bash .ci/run" in text


def test_the_image_installs_nothing_without_its_hash() -> None:
    installs = re.findall(r"pip install (.+?)(?: \\)?$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps --no-index /dist/" in install
