"""A missing tag is answered with those that are there, and a lock with the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

APP = "quay.io/acme/app"


def test_a_missing_tag_is_reported_with_the_nearest_that_are_there(world: World) -> None:
    for tag in ("1.26.0", "1.27.1", "nightly"):
        world.push(f"{APP}:{tag}")
    world.write("a.yaml", deployment(f"{APP}:1.27"))
    result = world.run("lock", "-o", "json")
    (item,) = result.document["findings"]
    assert item["code"] == "IL301"
    (note,) = [note for note in item["notes"] if note.startswith("tags there: ")]
    assert note.startswith("tags there: 1.27.1, ")
    assert "nightly" not in note


def test_a_repository_that_is_not_there_names_no_tags(world: World) -> None:
    world.push(f"{APP}:1")
    world.write("a.yaml", deployment("quay.io/acme/nothing:1"))
    result = world.run("lock")
    assert result.code == 3
    assert "tags there" not in result.out


def test_lock_ends_with_the_next_step_while_places_have_no_digest(world: World) -> None:
    world.push(f"{APP}:1")
    world.write("a.yaml", deployment(f"{APP}:1"))
    assert "next: `imagelock pin` writes the digests into 1 place\n" in world.run("lock").err
    assert "next:" not in world.run("lock").err
    assert world.run("pin").code == 0
    assert "next:" not in world.run("lock").err
