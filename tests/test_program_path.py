"""Programs come from folders that PATH names absolutely, never from the folder a command runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.program_path import find_program

if TYPE_CHECKING:
    from pathlib import Path


def _program(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "helm"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("entry", ["", ".", "bin", "./bin", "bin:"])
def test_a_program_of_the_tree_is_not_found_through_a_relative_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    _program(tmp_path)
    _program(tmp_path / "bin")
    monkeypatch.chdir(tmp_path)
    assert find_program("helm", f"{entry}:/nowhere") is None


def test_a_program_is_found_where_path_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _program(tmp_path / "tools")
    monkeypatch.setenv("PATH", f":{path.parent}")
    assert find_program("helm") == str(path)
    assert find_program("not-there") is None
