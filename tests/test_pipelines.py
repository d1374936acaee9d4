"""The example pipelines and the components of their jobs: what GitLab and GitHub read, and every script run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft7Validator

from support.apiserver import ApiServer
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples" / "pipelines"
TEMPLATES = ROOT / "templates"
JOBS = ("record", "lock", "pin", "cluster", "nightly")
A = "quay.io/acme/app:1.0"
_INPUT = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]")


def problems(document: object, name: str) -> list[str]:
    """Return what a schema that check-jsonschema carries says against a document."""
    path = files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json"
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return [error.message for error in Draft7Validator(schema).iter_errors(document)]


def test_the_gitlab_pipeline_is_what_gitlab_reads() -> None:
    document = yaml.safe_load((EXAMPLES / "gitlab" / ".gitlab-ci.yml").read_text())
    assert problems(document, "gitlab-ci") == []
    jobs = {name: job for name, job in document.items() if isinstance(job, dict) and "script" in job}
    assert {job["stage"] for job in jobs.values()} == set(document["stages"])
    assert list(jobs) == ["build", "record", "lock", "pin", "check", "deploy", "cluster-check", "nightly"]


def test_the_workflow_is_what_github_reads_and_reads_no_expression_as_a_command() -> None:
    text = (EXAMPLES / "github" / "images.yml").read_text()
    document = yaml.safe_load(text)
    document["on"] = document.pop(True)  # YAML 1.1 reads the key as a boolean, GitHub does not
    for job in document["jobs"].values():
        assert job["runs-on"] == "ubuntu-24.04"
        job["runs-on"] = "ubuntu-latest"  # the schema is older than this runner
        assert all("${{" not in step.get("run", "") for step in job["steps"])
    assert problems(document, "github-workflows") == []
    for action in re.findall(r"uses: (.+)", text):
        assert re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


@pytest.mark.parametrize("name", ["gitlab", "github", "tekton"])
def test_every_script_of_a_pipeline_runs_and_fails_as_the_guide_says(alone: Path, name: str) -> None:
    script = EXAMPLES / "try_jobs.py"
    done = subprocess.run((sys.executable, str(script), name), check=False, capture_output=True, cwd=alone)
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode() + said
    assert "lock: 57 entries, 57 added" in said
    assert "122 references, 121 pinned" in said
    assert ": NO" not in said


def component(name: str, **given: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the declared inputs of a component, and the job that GitLab makes with the given ones."""
    head, body = (TEMPLATES / name / "template.yml").read_text().split("\n---\n")
    inputs = yaml.safe_load(head)["spec"]["inputs"]
    values = {key: given.get(key.replace("-", "_"), spec.get("default")) for key, spec in inputs.items()}
    assert set(_INPUT.findall(body)) == set(values)

    def value(match: re.Match[str]) -> str:
        found = values[match[1]]
        return str(found).lower() if isinstance(found, bool) else str(found)

    (job,) = (document := yaml.safe_load(_INPUT.sub(value, body))).values()
    assert problems(document, "gitlab-ci") == []
    return inputs, job


def run_job(name: str, world: World, environ: dict[str, str] | None = None, **given: str) -> int:
    """Run the script of a component's job as the runner does: its lines in one shell that ends at the first failure."""
    job = component(name, image="x", **given)[1]
    programs = world.root.parent / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "imagelock").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m imagelock "$@"\n')
    (programs / "imagelock").chmod(0o755)
    variables = {key: str(value) for key, value in job["variables"].items()}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    script = "\n".join(("set -eo pipefail", *job["script"]))
    return subprocess.run(
        ("bash", "-c", script),
        cwd=world.root,
        env={**os.environ, **variables, **(environ or {}), "PATH": path, "IMAGELOCK_RETRY_TIME": "4"},
        check=False,
        capture_output=True,
    ).returncode


def pod(image: str) -> dict[str, Any]:
    """Return a pod that runs an image."""
    status = {"name": "c", "image": image, "imageID": image, "state": {"running": {}}, "ready": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod", "namespace": "shop", "uid": "u"},
        "spec": {"containers": [{"name": "c", "image": image}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


@pytest.mark.parametrize("name", JOBS)
def test_a_component_is_what_gitlab_takes(name: str) -> None:
    inputs, job = component(name, image="registry.corp/imagelock:1")
    assert all(spec["description"] for spec in inputs.values())
    assert "default" not in inputs["image"]
    assert job["image"]["entrypoint"] == [""]


def test_the_components_are_a_release_in_their_order(world: World) -> None:
    digest = world.push(A)
    world.configure("[pin]\nexisting = 'keep'\n")
    world.write("app.yaml", deployment(A))
    metadata = {"image.name": A, "containerimage.digest": digest}
    world.write("metadata/app.json", json.dumps(metadata))
    assert run_job("record", world) == 0
    assert len(list((world.root / "image_references").iterdir())) == 1
    (world.root / "metadata" / "app.json").unlink()
    assert run_job("lock", world) == 0
    assert run_job("pin", world, output_dir="out put") == 0
    assert f"{A}@{digest}" in world.read("out put/app.yaml")
    assert world.read("app.yaml") == deployment(A)


def test_the_component_of_the_night_ends_with_the_worse_of_two(world: World, tmp_path: Path) -> None:
    digest = world.push(A)
    world.write("app.yaml", deployment(A))
    world.run("lock")
    with ApiServer(pod(f"{A}@{digest}")) as server:
        environ = {"KUBECONFIG": server.kubeconfig(tmp_path / "kubeconfig")}
        assert run_job("cluster", world, environ) == 0
        assert run_job("nightly", world, environ) == 0
        world.push(A, "moved")
        assert run_job("nightly", world, environ) == 1
        assert run_job("nightly", world, environ, cluster="false") == 1
    assert run_job("cluster", world, environ) == 3
    assert run_job("nightly", world, environ) == 3
    assert (world.root / "imagelock-reports" / "drift.xml").is_file()


@pytest.mark.parametrize("name", JOBS)
def test_inputs_of_a_component_are_no_commands(world: World, name: str) -> None:
    world.write("app.yaml", deployment(A))
    world.write("metadata/a.json", "{}")
    assert run_job(name, world, arguments="--no-such$IFS'x' ;touch owned $(touch owned) `touch owned`") != 0
    assert not (world.root / "owned").exists()
