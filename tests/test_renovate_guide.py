"""The commands of docs/guides/renovate.md, run on what a bot leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

APP, NEXT = "quay.io/acme/app:1.0", "quay.io/acme/app:1.1"


@pytest.fixture
def released(world: World) -> World:
    """Give a project that is locked and pinned, with one image in two files."""
    world.push(APP)
    for name in ("a.yaml", "b.yaml"):
        world.write(name, deployment(APP))
    assert [world.run(verb).code for verb in ("lock", "pin", "check")] == [0, 0, 0]
    return world


def bump(world: World, new: str, *names: str) -> None:
    """Write what a bot writes: another reference in place of the pinned one."""
    for name in names:
        world.write(name, deployment(new))


@pytest.mark.parametrize("reference", [APP, NEXT])
def test_a_bump_in_the_files_alone_is_red_until_the_lock_adopts_it(released: World, reference: str) -> None:
    digest = released.push(reference, "bumped")
    bump(released, f"{reference}@{digest}", "a.yaml", "b.yaml")
    gate = released.json("check")
    assert (gate.code, set(gate.codes) - {"IL103"}) == (1, {"IL105"})
    assert released.run("lock", "--adopt").code == 0
    assert {image.reference: str(image.digest) for image in released.lock.images} == {reference: digest}
    for verb in ("pin", "check"):
        assert released.run(verb).code == 0
    assert released.json("check", "--strict").codes == []


def test_a_bump_of_a_tag_without_a_digest_is_locked_and_pinned(released: World) -> None:
    digest = released.push(NEXT)
    bump(released, NEXT, "a.yaml", "b.yaml")
    assert "IL101" in released.json("check").codes
    assert [released.run(verb).code for verb in ("lock", "pin", "check")] == [0, 0, 0]
    assert released.read("a.yaml") == deployment(f"{NEXT}@{digest}")


def test_a_bump_of_some_files_is_reported_as_two_digests(released: World) -> None:
    digest = released.push(APP, "bumped")
    bump(released, f"{APP}@{digest}", "a.yaml")
    assert set(released.json("check").codes) == {"IL105", "IL120"}
    bump(released, f"{APP}@{digest}", "b.yaml")
    assert [released.run(*words).code for words in (("lock", "--adopt"), ("check",))] == [0, 0]


def test_a_digest_that_no_registry_has_is_not_adopted(released: World) -> None:
    before = released.read("images.lock")
    bump(released, f"{NEXT}@sha256:{'1' * 64}", "a.yaml", "b.yaml")
    result = released.json("lock", "--adopt")
    assert (result.code, result.codes, released.read("images.lock")) == (3, ["IL301"], before)
