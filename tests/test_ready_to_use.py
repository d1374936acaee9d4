"""What others take into their pipelines: the GitLab component, the GitHub Action, pre-commit hooks, the image.

Their shell parts run for real, on a project of the test; what only a forge can do is held against its schema.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft7Validator

from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

ROOT = Path(__file__).resolve().parent.parent
COMPONENT = ROOT / "templates" / "check" / "template.yml"
ACTION = ROOT / "action.yml"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
CONTAINERFILE = ROOT / "Containerfile"
A = "quay.io/acme/app:1.0"
UNUSED = "quay.io/acme/unused:1.0"
_INPUT = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]")


@pytest.fixture
def locked(world: World) -> World:
    """Give a locked project whose one reference is not pinned."""
    world.push(A)
    world.write("deploy/a.yaml", deployment(A))
    assert world.run("lock").code == 0
    return world


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Give a PATH on which imagelock is this one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    launcher = folder / "imagelock"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m imagelock "$@"\n')
    launcher.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def schema(name: str) -> dict[str, Any]:
    """Return a schema that check-jsonschema carries."""
    text = (files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def problems(document: object, name: str) -> list[str]:
    """Return what a schema says against a document."""
    return [error.message for error in Draft7Validator(schema(name)).iter_errors(document)]


# --- GitLab ----------------------------------------------------------------------------------------


def component(**given: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the declared inputs, and the job that GitLab makes with the given ones."""
    head, body = COMPONENT.read_text().split("\n---\n")
    inputs = yaml.safe_load(head)["spec"]["inputs"]
    values = {name: given.get(name, spec.get("default")) for name, spec in inputs.items()}
    assert set(_INPUT.findall(body)) == set(values)

    def value(match: re.Match[str]) -> str:
        found = values[match[1]]
        return str(found).lower() if isinstance(found, bool) else str(found)

    return inputs, yaml.safe_load(_INPUT.sub(value, body))


def run_job(job: dict[str, Any], directory: Path, path: str) -> int:
    """Run the script of a job as the runner does: its lines in one shell that ends at the first failure."""
    script = "\n".join(("set -eo pipefail", *job["script"]))
    environ = {**os.environ, **{name: str(value) for name, value in job["variables"].items()}, "PATH": path}
    return subprocess.run(("bash", "-c", script), cwd=directory, env=environ, check=False).returncode


def test_the_component_is_what_gitlab_takes() -> None:
    inputs, document = component(image="registry.corp/imagelock:1")
    assert problems(document, "gitlab-ci") == []
    assert all(spec["description"] for spec in inputs.values())
    assert "default" not in inputs["image"]
    (job,) = document.values()
    assert job["image"]["entrypoint"] == [""]


def test_the_component_gates_and_leaves_its_reports(locked: World, path: str) -> None:
    (job,) = component(image="x")[1].values()
    assert run_job(job, locked.root, path) == 1
    for report in job["artifacts"]["reports"].values():
        assert (locked.root / report).is_file()
    issues = json.loads(locked.read("imagelock-reports/codequality.json"))
    assert [issue["location"]["path"] for issue in issues] == ["deploy/a.yaml"]
    assert locked.run("pin").code == 0
    assert run_job(job, locked.root, path) == 0
    locked.push(UNUSED)
    locked.write("deploy/b.yaml", deployment(UNUSED))
    assert locked.run("lock").code == 0
    (locked.root / "deploy" / "b.yaml").unlink()
    (strict,) = component(image="x", strict="true")[1].values()
    assert run_job(job, locked.root, path) == 0, "an entry that no file uses is a warning"
    assert run_job(strict, locked.root, path) == 1
    (deploy,) = component(image="x", sources="deploy")[1].values()
    locked.write("deploy/b.yaml", deployment(f"quay.io/acme/other:1@sha256:{'0' * 64}"))
    assert run_job(deploy, locked.root, path) == 1, "a digest that the lock does not know is an error"
    (other,) = component(image="x", arguments="--lock-file nowhere.lock")[1].values()
    assert run_job(other, locked.root, path) == 2


def test_inputs_of_the_component_are_no_commands(locked: World, path: str) -> None:
    (job,) = component(image="x", sources="deploy;touch$IFS'owned' * $(touch owned)")[1].values()
    assert run_job(job, locked.root, path) == 2
    assert not (locked.root / "owned").exists()


# --- GitHub ----------------------------------------------------------------------------------------


def run_action(
    tmp_path: Path, directory: Path, path: str, **inputs: str
) -> tuple[int, str, dict[str, str], str]:
    """Run the check of the Action; return its exit code, what it printed, its outputs and its summary."""
    step = yaml.safe_load(ACTION.read_text())["runs"]["steps"][1]
    runner = tmp_path / "runner"
    programs = runner / "imagelock" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    (programs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python").chmod(0o755)
    out, summary = runner / "output", runner / "summary"
    for file in (out, summary):
        file.write_text("")
    environ = {
        **os.environ,
        "RUNNER_TEMP": str(runner),
        "GITHUB_OUTPUT": str(out),
        "GITHUB_STEP_SUMMARY": str(summary),
        "CHECK_SOURCES": inputs.get("sources", ""),
        "CHECK_ARGUMENTS": inputs.get("arguments", ""),
    }
    # The command line of GitHub's runner for `shell: bash`.
    command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"])
    done = subprocess.run(command, cwd=directory, env=environ, check=False, stdout=subprocess.PIPE)
    outputs = dict(line.split("=", 1) for line in out.read_text().splitlines())
    return done.returncode, done.stdout.decode(), outputs, summary.read_text()


def test_the_action_is_what_github_takes() -> None:
    document = yaml.safe_load(ACTION.read_text())
    assert problems(document, "github-actions") == []
    for step in document["runs"]["steps"]:
        assert "${{" not in step["run"], "an input in a script is a command"
        assert subprocess.run(("bash", "-n", "-c", step["run"]), check=False).returncode == 0


def test_the_action_annotates_sums_up_and_gates(locked: World, tmp_path: Path, path: str) -> None:
    code, printed, outputs, summary = run_action(tmp_path, locked.root, path)
    assert (code, outputs["exit-code"]) == (1, "1")
    assert "\n::error file=deploy/a.yaml,line=10," in printed
    assert "IL101" in summary
    assert json.loads(Path(outputs["sarif"]).read_text())["version"] == "2.1.0"
    locked.run("pin")
    assert run_action(tmp_path, locked.root, path, sources="deploy")[0] == 0
    assert run_action(tmp_path, locked.root, path, arguments="--lock-file nowhere.lock")[0] == 2
    assert run_action(tmp_path, locked.root, path, sources="x;touch$IFS'owned' $(touch owned)")[0] == 2
    assert not (locked.root / "owned").exists()


def test_the_runner_reads_no_commands_in_what_files_say(locked: World, tmp_path: Path, path: str) -> None:
    locked.write("deploy/evil.yaml", deployment("quay.io/acme/evil:1  # ::error::owned ##[error]owned"))
    code, printed, _, _ = run_action(tmp_path, locked.root, path)
    assert code == 1
    begin = re.search(r"^::stop-commands::([0-9a-f]{32})$", printed, re.MULTILINE)
    assert begin
    inside, _, after = printed[begin.end() :].partition(f"\n::{begin[1]}::\n")
    assert "owned" in inside
    assert "##[" not in after
    assert all(line.startswith(("::error file=", "::warning file=")) for line in after.splitlines())


MODULES = ("venv", "secrets", "imagelock", "pip", "contextlib", "sitecustomize", "click", "re2", "yaml")
"""Names that an interpreter started in a workspace would import from there."""


def plant(directory: Path) -> Path:
    """Write modules of a branch that leave a mark when they are run, and return where the mark would be."""
    mark = directory.parent / "executed"
    for name in MODULES:
        (directory / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r})\n")
    return mark


def test_the_action_runs_no_python_of_the_branch(
    locked: World, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = plant(locked.root)
    monkeypatch.setenv("PYTHONPATH", str(locked.root))
    code, _, _, summary = run_action(tmp_path, locked.root, path)
    assert (code, "IL101" in summary) == (1, True)
    assert not mark.exists()


def test_every_interpreter_of_the_action_is_isolated() -> None:
    steps = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    commands = [
        line for step in steps for line in step["run"].splitlines() if not line.lstrip().startswith("#")
    ]
    started = [line for line in commands if re.search(r"python3?[\"' ]", line)]
    assert len(started) >= 4
    assert all(re.search(r"python3?\"? -I ", line) for line in started)
    assert 'cd "$RUNNER_TEMP"' in steps[0]["run"]


def test_a_module_of_the_tree_is_not_imported_by_python_m(locked: World) -> None:
    mark = plant(locked.root)
    # Python itself imports these before a line of ours runs: whoever is not at home in a tree uses -P or -I.
    for name in ("imagelock", "sitecustomize", "contextlib"):
        (locked.root / f"{name}.py").unlink()
    command = (sys.executable, "-m", "imagelock", "check")
    done = subprocess.run(command, cwd=locked.root, check=False, capture_output=True)
    assert done.returncode == 1, done.stderr
    assert not mark.exists()


# --- pre-commit ------------------------------------------------------------------------------------


def git(directory: Path, *arguments: str) -> str:
    """Run git in a directory."""
    who = ("-c", "user.name=team", "-c", "user.email=team@example.com")
    done = subprocess.run(("git", *who, *arguments), cwd=directory, check=True, capture_output=True)
    return done.stdout.decode().strip()


def test_the_hooks_run_in_pre_commit(locked: World, tmp_path: Path, path: str) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    shutil.copy2(HOOKS, hooks / HOOKS.name)
    for directory in (hooks, locked.root):
        git(directory, "init", "-q")
        git(directory, "add", "-A")
        git(directory, "commit", "-q", "-m", "first")
    # The environment is this one: what pre-commit would install is what the tests run.
    wanted = "".join(
        f"      - id: {name}\n        language: system\n" for name in ("imagelock-pin", "imagelock-check")
    )
    revision = git(hooks, "rev-parse", "HEAD")
    locked.write(
        ".pre-commit-config.yaml", f"repos:\n  - repo: {hooks}\n    rev: {revision}\n    hooks:\n{wanted}"
    )
    environ = {**os.environ, "PATH": path, "PRE_COMMIT_HOME": str(tmp_path / "cache")}
    environ = {name: value for name, value in environ.items() if not name.startswith("GIT_")}

    def run(*arguments: str) -> tuple[int, str]:
        command = (sys.executable, "-m", "pre_commit", "run", "--all-files", *arguments)
        done = subprocess.run(command, cwd=locked.root, env=environ, check=False, capture_output=True)
        return done.returncode, done.stdout.decode() + done.stderr.decode()

    git(locked.root, "add", "-A")
    code, said = run("imagelock-check")
    assert (code, "IL101" in said) == (1, True), said
    code, said = run("imagelock-pin")
    assert (code, "files were modified by this hook" in said) == (1, True), said
    git(locked.root, "add", "-A")
    code, said = run()
    assert (code, said.count("Passed")) == (0, 2), said


# --- the image -------------------------------------------------------------------------------------


def test_the_image_is_for_any_user_and_its_base_can_be_pinned() -> None:
    text = CONTAINERFILE.read_text()
    found = [item for item in find(Text("Containerfile", text)) if isinstance(item, Place)]
    assert [str(place.reference) for place in found if place.pinnable] == [
        "docker.io/library/python:3.13-slim"
    ]
    user = re.findall(r"^USER (\S+)$", text, re.MULTILINE)[-1]
    assert re.fullmatch(r"[1-9][0-9]*:0", user), "a number, so that platforms see that it is not root"
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in copied.split())


AS_ANYBODY = """
import os, sys
from imagelock.cli.main import run
steps = [["lock", "--offline", "--from", "list.txt"], ["pin"], ["check", "--report", "sarif=out.sarif"], []]
home, project = sys.argv[1:]
# Everything is imported once: this machine's Python may be where others cannot read.
os.chdir(home)
for step in steps:
    run(step)
os.chdir(project)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(0)
    os.setuid(1_000_650_000)
sys.exit(max(run(step) for step in steps))
"""


def test_a_user_without_a_name_can_work_where_group_0_may_write(tmp_path: Path, alone: Path) -> None:
    for folder in (tmp_path / "warm", tmp_path / "work"):
        folder.mkdir()
        (folder / "list.txt").write_text(f"{A}@sha256:{'0' * 64}\n")
        (folder / "a.yaml").write_text(deployment(A))
    subprocess.run(("chmod", "-R", "g=u", str(tmp_path / "work")), check=True)
    base = Path(tempfile.gettempdir())
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(base) and folder != base and folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o011)
    # The image's home, which nobody has made for this user.
    environ = {**os.environ, "HOME": "/work/.home"}
    environ.pop("XDG_CONFIG_HOME")
    command = (sys.executable, "-c", AS_ANYBODY, str(tmp_path / "warm"), str(tmp_path / "work"))
    done = subprocess.run(command, env=environ, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert "@sha256:" in (tmp_path / "work" / "a.yaml").read_text()
    assert (tmp_path / "work" / "out.sarif").is_file()
