"""`imagelock explain`: every finding by code and by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.model.finding_codes import FINDING_CODES

if TYPE_CHECKING:
    from support.world import World


@pytest.mark.parametrize("code", list(FINDING_CODES))
def test_every_finding_is_explained_by_code_and_name(world: World, code: str) -> None:
    by_code = world.run("explain", code.lower())
    assert by_code.code == 0
    assert FINDING_CODES[code].name in by_code.out
    assert "help: " in by_code.out
    assert world.run("explain", FINDING_CODES[code].name).out == by_code.out


def test_without_a_code_all_are_listed(world: World) -> None:
    lines = world.run("explain").out.splitlines()
    assert [line.split()[0] for line in lines] == list(FINDING_CODES)


def test_json_carries_what_a_finding_costs(world: World) -> None:
    (item,) = world.json("explain", "IL302").document["explained"]
    assert (item["name"], item["level"], item["exit_code"]) == ("could-not-tell", "error", 3)


def test_a_mistyped_finding_is_answered_with_the_nearest(world: World) -> None:
    result = world.run("explain", "tag-movd")
    assert (result.code, "did you mean tag-moved?" in result.err) == (2, True)
    assert "did you mean" not in world.run("explain", "zzz").err
