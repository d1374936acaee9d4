"""The pages that come with the package: every one is a topic, and its links name topics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imagelock.manual import ROOMS, page, topics

if TYPE_CHECKING:
    from support.world import World

DOCS = Path(__file__).parent.parent / "docs"
PAGES = [path for room in ROOMS for path in sorted((DOCS / room).glob("*.md"))]


def test_every_page_is_a_topic_with_its_title() -> None:
    known = topics()
    assert list(known) == [path.stem for path in PAGES]
    assert known["lock"] == "The lock"
    assert all(known.values())


@pytest.mark.parametrize("topic", [path.stem for path in PAGES])
def test_a_page_has_no_link_that_a_terminal_cannot_follow(topic: str) -> None:
    links = re.findall(r"\]\(([^)]+)\)", re.sub(r"```.*?```|`[^`]*`", "", page(topic), flags=re.DOTALL))
    assert [link for link in links if "://" not in link] == []
    assert set(re.findall(r"`imagelock help ([a-z-]+)`", page(topic))) <= set(topics())


def test_a_topic_is_shown_and_a_list_without_one(world: World) -> None:
    listed = world.run_plain("help")
    assert (listed.code, "first-steps" in listed.out) == (0, True)
    shown = world.run_plain("help", "renovate")
    assert shown.out.startswith("# Renovate and Dependabot\n")
    assert "Merging (`imagelock help lock`)" in shown.out


def test_a_command_that_is_no_topic_shows_its_help(world: World) -> None:
    shown = world.run_plain("help", "pin")
    assert shown.out == world.run_plain("pin", "--help").out


def test_a_mistyped_topic_is_answered_with_the_nearest(world: World) -> None:
    for typed, meant in (("trsut", "trust"), ("chek", "check")):
        result = world.run_plain("help", typed)
        assert result.code == 2
        assert f"did you mean {meant}?" in result.err
