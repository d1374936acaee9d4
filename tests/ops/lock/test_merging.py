"""Two locks merged by image: nothing conflicts that need not, and nobody's digest wins by accident."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from imagelock.lockfile.reader import parse_lock
from imagelock.lockfile.writer import render_conflicts, render_lock
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage, PlatformImage
from imagelock.model.platform import Platform
from imagelock.ops.lock.merge import merge, settle
from support.merging import Repository, judged, random_pair
from support.world import deployment

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

A = "quay.io/acme/app:1"


def image(name: str, seed: str, tag: str | None = "1") -> LockedImage:
    """Make an entry."""
    return LockedImage(name=f"quay.io/acme/{name}", tag=tag, digest=Digest.of(seed.encode()))


def test_a_thousand_random_merges_are_right() -> None:
    seen = set()
    for seed in range(1000):
        pair = random_pair(seed)
        merged = merge(pair.base, pair.ours, pair.theirs)
        text = render_conflicts(merged.lock, [(item.ours, item.theirs) for item in merged.conflicts])
        assert judged(pair, text, stopped=bool(merged.conflicts)) is None
        seen.add(bool(merged.conflicts))
        if merged.conflicts:
            assert settle(text, "images.lock").lock == merged.lock
    assert seen == {True, False}


def test_the_sides_are_equal() -> None:
    for seed in range(200):
        pair = random_pair(seed)
        one, other = merge(pair.base, pair.ours, pair.theirs), merge(pair.base, pair.theirs, pair.ours)
        assert one.lock == other.lock
        assert {(item.theirs, item.ours) for item in other.conflicts} == {
            (item.ours, item.theirs) for item in one.conflicts
        }


def test_git_merges_with_the_driver(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    kinds = {bool(random_pair(seed).contested): seed for seed in range(40)}
    seeds = (*kinds.values(), 41, 42)
    verdicts = [repository.merge(random_pair(seed), f"pair{seed}") for seed in seeds]
    assert [verdict.wrong for verdict in verdicts] == [None] * len(seeds)
    assert {verdict.stopped for verdict in verdicts} == {True, False}


def test_of_two_entries_with_one_digest_the_fuller_is_kept() -> None:
    bare = image("a", "1")
    part = PlatformImage(platform=Platform.parse("linux/amd64"), digest=bare.digest)
    full = replace(bare, media_type="x/y", platforms=(part,))
    for ours, theirs in ((bare, full), (full, bare)):
        merged = merge(Lock(), Lock((ours,)), Lock((theirs,)))
        assert (merged.lock, merged.conflicts) == (Lock((full,)), ())


def test_what_one_side_dropped_and_the_other_moved_is_kept_and_told() -> None:
    old, new = image("a", "1"), image("a", "2")
    merged = merge(Lock((old,)), Lock(), Lock((new,)))
    assert (merged.lock, merged.conflicts, merged.kept) == (Lock((new,)), (), (new,))
    assert merge(Lock((old,)), Lock(), Lock((old,))).lock == Lock()


def test_an_image_without_a_tag_that_went_to_two_digests_is_a_conflict() -> None:
    old, one, two = (image("a", seed, None) for seed in "123")
    merged = merge(Lock((old,)), Lock((one,)), Lock((two,)))
    assert merged.lock == Lock()
    assert [(item.ours, item.theirs) for item in merged.conflicts] == [((one,), (two,))]
    assert merge(Lock((old,)), Lock((one,)), Lock((one,))).lock == Lock((one,))
    assert merge(Lock((old,)), Lock((old, one)), Lock((old, two))).conflicts == ()
    assert merge(Lock((old,)), Lock((one,)), Lock((old,))).lock == Lock((one,))


def merged_files(world: World, base: str, ours: str, theirs: str) -> tuple[int, str, str]:
    """Run the driver on three texts; return exit code, what it said, and the result."""
    for name, text in (("base", base), ("ours", ours), ("theirs", theirs)):
        world.write(name, text)
    result = world.run("merge-driver", "base", "ours", "theirs", "deploy/images.lock")
    return result.code, result.out + result.err, world.read("ours")


def test_a_conflict_is_exit_1_and_names_both_digests(world: World) -> None:
    one, two, other = image("a", "1"), image("a", "2"), image("b", "1")
    code, said, text = merged_files(
        world, render_lock(Lock()), render_lock(Lock((one, other))), render_lock(Lock((two,)))
    )
    assert code == 1
    assert "quay.io/acme/a:1 was updated to two different digests" in said
    for entry in (one, two):
        assert str(entry.digest) in said
        assert str(entry.digest) in text
    assert text.count("<<<<<<<") == 1
    assert "deploy/images.lock" in said


def test_both_sides_may_be_new_and_a_base_in_conflict_is_understood(world: World) -> None:
    one, two = image("a", "1"), image("b", "1")
    wanted = render_lock(Lock((one, two)))
    assert merged_files(world, "", render_lock(Lock((one,))), render_lock(Lock((two,))))[::2] == (0, wanted)
    base = render_conflicts(Lock((one,)), [((image("c", "1"),), (image("c", "2"),))])
    assert merged_files(world, base, wanted, render_lock(Lock((one,))))[::2] == (0, wanted)


@pytest.mark.parametrize("damaged", ["not = [a lock", "version = 2\n", "version = 1\n<<<<<<< x\n"])
def test_a_side_that_is_no_lock_leaves_both_to_be_seen(world: World, damaged: str) -> None:
    fine = render_lock(Lock((image("a", "1"),)))
    for ours, theirs in ((fine, damaged), (damaged, fine)):
        code, _, text = merged_files(world, fine, ours, theirs)
        assert code == 2
        assert damaged in text
        assert fine in text
        assert text.startswith("<<<<<<< ours\n")
        assert text.endswith(">>>>>>> theirs\n")


def test_a_conflict_of_the_driver_is_settled_by_the_registry(world: World) -> None:
    now = world.push(A)
    world.write("a.yaml", deployment(A))
    world.run("lock")
    (entry,) = world.lock.images
    moved = [Lock((replace(entry, digest=Digest.of(seed)),)) for seed in (b"1", b"2")]
    text = merged_files(world, world.read("images.lock"), *map(render_lock, moved))[2]
    world.write("images.lock", text)
    assert world.run("check").code == 2
    assert world.run("lock", "--resolve").code == 0
    assert [str(image.digest) for image in parse_lock(world.read("images.lock"), "x").images] == [now]
