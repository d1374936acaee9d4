"""Where a project is: its configuration nearest upward, its lock beside it, the user's own file below both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelock.errors import ConfigError, FileError, LockError
from imagelock.ops.project import Settings, open_project, read_lock

if TYPE_CHECKING:
    from imagelock.ops.project import Project

FORM = '[pin]\nform = "name@digest"\n'


def opened(directory: Path, **settings: Path) -> Project:
    """Open a project."""
    return open_project(Settings(directory=directory, **settings))  # type: ignore[arg-type] # paths only


@pytest.fixture
def root(tmp_path: Path, alone: Path) -> Path:
    """Give an empty folder, and nobody's own settings."""
    (tmp_path / "root" / "sub").mkdir(parents=True)
    return tmp_path / "root"


def test_without_a_configuration_the_directory_is_the_project(root: Path) -> None:
    project = opened(root / "sub")
    assert (project.root, project.lock_path) == (root / "sub", root / "sub" / "images.lock")


def test_the_nearest_configuration_upward_marks_the_project(root: Path) -> None:
    (root / "imagelock.toml").write_text(FORM)
    project = opened(root / "sub")
    assert (project.root, project.lock_path) == (root, root / "images.lock")
    assert project.config.form == "name@digest"
    (root / "sub" / "imagelock.toml").write_text("")
    assert opened(root / "sub").root == root / "sub"


def test_a_pyproject_counts_only_with_a_table_of_ours(root: Path) -> None:
    (root / "pyproject.toml").write_text("[tool.imagelock.pin]\nform = 'name@digest'\n")
    (root / "sub" / "pyproject.toml").write_text("[tool.other]\n")
    project = opened(root / "sub")
    assert (project.root, project.config.form) == (root, "name@digest")


def test_a_given_lock_is_relative_to_the_directory(root: Path) -> None:
    (root / "imagelock.toml").write_text("")
    assert opened(root / "sub", lock_file=Path("x.lock")).lock_path == root / "sub" / "x.lock"


def test_the_users_own_registries_speak_louder_than_the_projects(root: Path, alone: Path) -> None:
    own = alone / ".config" / "imagelock" / "imagelock.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[registries."quay.io"]\ninsecure = true\nca = "my.pem"\n')
    (root / "imagelock.toml").write_text('[registries."quay.io"]\nfallback = false\n')
    settings = opened(root).config.hosts["quay.io"]
    assert (settings.insecure, settings.fallback) == (True, True)
    assert settings.ca == str(own.parent / "my.pem")


def test_names_are_shown_relative_to_the_directory(root: Path) -> None:
    project = opened(root / "sub")
    assert project.shown(root / "a.yaml") == "../a.yaml"
    assert project.shown(root / "sub" / "x" / "a.yaml") == "x/a.yaml"


def test_what_is_not_there_is_told_by_its_kind(root: Path) -> None:
    with pytest.raises(FileError, match="no such directory"):
        opened(root / "nowhere")
    with pytest.raises(ConfigError, match="no such file"):
        opened(root, config=Path("nowhere.toml"))
    with pytest.raises(LockError, match="there is no lock"):
        read_lock(opened(root))


def test_an_absent_or_empty_lock_can_be_written_and_a_list_cannot(root: Path) -> None:
    project = opened(root)
    assert read_lock(project, for_writing=True).data is None
    project.lock_path.write_text("")
    assert read_lock(project, for_writing=True).lock.images == ()
    project.lock_path.write_text(f"quay.io/a/a@sha256:{'0' * 64}\n")
    assert read_lock(project).is_list
    with pytest.raises(LockError, match="read but not written"):
        read_lock(project, for_writing=True)


def test_a_lock_that_says_nothing_lets_nothing_pass(root: Path) -> None:
    project = opened(root)
    project.lock_path.write_text("# Written by imagelock.\n")
    with pytest.raises(LockError, match="names no image"):
        read_lock(project)
