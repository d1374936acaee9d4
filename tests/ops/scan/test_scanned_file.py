"""Bytes of scanned files: kept up to a budget, read again beyond it, and never another file's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.errors import FileChangedError, FileError
from imagelock.files import read_bytes
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.ops.scan import reader as reading
from imagelock.ops.scan import scanned_file as scanned
from imagelock.ops.scan.scanned_file import ByteBudget, FileContent, ScannedFile
from support.world import deployment

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

A = "quay.io/acme/app:1.0"


def _file(path: Path, memory: ByteBudget | None) -> ScannedFile:
    data = path.read_bytes()
    text = Text(path.name, data.decode())
    return ScannedFile.of(text, str(path), data, tuple(find(text)), memory=memory)


def test_the_budget_is_taken_once_and_never_exceeded() -> None:
    memory = ByteBudget(10)
    assert memory.has_room(b"x" * 6)
    assert not memory.has_room(b"x" * 6)
    assert memory.has_room(b"x" * 4)
    assert not memory.has_room(b"x")


@pytest.mark.parametrize("budget", [0, 1 << 20])
def test_a_file_gives_the_bytes_that_were_looked_at(tmp_path: Path, budget: int) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(deployment(A))
    file = _file(path, ByteBudget(budget))
    assert file.data == path.read_bytes()
    assert file.text.content == path.read_text()
    assert file.path == path


@pytest.mark.parametrize("change", ["other", "gone", "folder"])
def test_bytes_read_again_must_be_the_same(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(deployment(A))
    file = _file(path, ByteBudget(0))
    path.unlink()
    if change == "other":
        path.write_text(deployment("quay.io/acme/app:1.1"))
    elif change == "folder":
        path.mkdir()
    with pytest.raises(FileChangedError if change == "other" else FileError) as refusal:
        file.content.read()
    assert refusal.value.where == "a.yaml"


def test_a_file_without_places_leaves_the_budget_to_others(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("web:\n  image: quay.io/acme/app:1.0\n")
    memory = ByteBudget(100)
    assert _file(path, memory).found
    assert memory.has_room(b"x" * 100)


def test_what_is_no_file_is_always_kept() -> None:
    assert FileContent.of(None, b"words", ByteBudget(0)).read() == b"words"


def test_comments_for_imagelock_are_read_only_where_there_are_some(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(deployment(A))
    file = _file(path, ByteBudget(0))
    path.unlink()
    assert not file.ignores.silences("IL101", 1)
    path.write_text(deployment(A) + "# imagelock: ignore[IL101] why\n")
    lines = path.read_text().count("\n")
    assert _file(path, ByteBudget(0)).ignores.silences("IL101", lines)


def test_a_tree_beyond_the_budget_is_pinned_and_unpinned_like_any_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "ByteBudget", lambda *_: ByteBudget(0))
    world.push(A)
    world.write("a.yaml", deployment(A))
    world.write("b/b.yaml", deployment(A))
    before = world.tree()
    world.run("lock")
    assert world.run("pin").code == 0
    assert world.run("check").code == 0
    assert world.run("unpin").code == 0
    assert {name: data for name, data in world.tree().items() if name != "images.lock"} == before


def test_a_file_changed_between_the_scan_and_its_edit_stops_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "ByteBudget", lambda *_: ByteBudget(0))
    world.push(A)
    world.write("a.yaml", deployment(A))
    world.write("b.yaml", deployment(A))
    world.run("lock")
    before = world.tree()

    def changed(path: str, limit: int) -> bytes:
        data = read_bytes(path, limit)
        return data + b"# more\n" if path.endswith("b.yaml") else data

    monkeypatch.setattr(scanned, "read_bytes", changed)
    result = world.run("pin")
    assert result.code == 2
    assert "this file changed" in result.err
    assert world.tree() == before
