"""`imagelock init` writes what is missing and leaves the rest alone; what it writes is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.config import Config
from imagelock.config_reader import parse_config

if TYPE_CHECKING:
    from support.world import World


@pytest.fixture
def empty(world: World) -> World:
    """Give a project without a configuration."""
    (world.root / "imagelock.toml").unlink()
    return world


def test_what_init_writes_changes_nothing_until_it_is_edited(empty: World) -> None:
    assert empty.run("init").code == 0
    assert parse_config(empty.read("imagelock.toml"), "imagelock.toml", trusted=False) == Config()


def test_every_commented_setting_is_valid_once_the_comment_mark_is_gone(empty: World) -> None:
    empty.run("init")
    lines = empty.read("imagelock.toml").splitlines()
    settings = [
        line.removeprefix("# ") if " = " in line or line.startswith("# [") else line for line in lines
    ]
    config = parse_config("\n".join(settings), "imagelock.toml", trusted=True)
    assert config.exemptions
    assert config.hosts
    assert config.platforms


def test_a_second_init_changes_nothing_and_says_so(empty: World) -> None:
    empty.run("init")
    before = empty.tree()
    result = empty.run("init")
    assert (result.code, empty.tree() == before) == (0, True)
    assert "left unchanged" in result.err


def test_the_lock_is_merged_by_image_and_git_must_be_told_once(empty: World) -> None:
    (empty.root / ".git").mkdir()
    result = empty.run("init")
    assert "merge=imagelock" in empty.read(".gitattributes")
    assert "git config merge.imagelock.driver 'imagelock merge-driver %O %A %B %P'" in result.err


def test_a_line_of_an_earlier_release_is_left_alone_and_told(empty: World) -> None:
    empty.write(".gitattributes", "images.lock text eol=lf\n")
    result = empty.run("init")
    assert empty.read(".gitattributes") == "images.lock text eol=lf\n"
    assert "add merge=imagelock" in result.err


def test_the_attributes_of_others_are_kept(empty: World) -> None:
    empty.write(".gitattributes", "*.png binary")
    empty.run("init")
    text = empty.read(".gitattributes")
    assert text.startswith("*.png binary\nimages.lock ")
    assert "eol=lf" in text
