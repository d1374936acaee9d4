"""Deltas say what they build on; two deliveries are compared entry by entry and byte by byte."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from imagelock.lockfile.reader import parse
from imagelock.lockfile.writer import render_lock
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore

if TYPE_CHECKING:
    from support.world import Result, World

NAMES = ("quay.io/team/app:1", "quay.io/team/gone:1", "quay.io/team/moved:1")


@pytest.fixture
def project(world: World) -> World:
    """Give two releases: one image stays, one goes, one moves, one comes; and the bundle of each."""
    first = {name: world.push(name) for name in NAMES}
    world.write("release-1.lock", "".join(f"{name}@{digest}\n" for name, digest in first.items()))
    second = {
        NAMES[0]: first[NAMES[0]],
        NAMES[2]: world.push(NAMES[2], "later"),
        "quay.io/team/new:1": world.push_as("quay.io/team/new:1", f"{NAMES[0]} "),
    }
    world.write("images.lock", "".join(f"{name}@{digest}\n" for name, digest in second.items()))
    world.configure()
    return world


def bundle(world: World, verb: str, *arguments: str) -> Result:
    return world.run_plain("bundle", verb, "-C", str(world.root), *arguments)


def lock_digest(world: World, name: str) -> str:
    text = render_lock(parse(world.read(name), name))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@pytest.mark.parametrize("earlier", ["release-1.lock", "release-1.tar"])
def test_a_delta_names_the_delivery_it_needs(project: World, earlier: str) -> None:
    assert bundle(project, "create", "release-1.tar", "--lock-file", "release-1.lock").code == 0
    made = bundle(project, "create", "delta.tar", "--since", earlier)
    assert (made.code, f"needs the delivery of {earlier}: load that first" in made.err) == (0, True)
    need = f"needs the delivery of {earlier}, whose lock is {lock_digest(project, 'release-1.lock')}"
    assert need in bundle(project, "verify", "delta.tar").err
    assert need in bundle(project, "list", "delta.tar").err
    whole = bundle(project, "verify", "release-1.tar").err
    assert "needs" not in whole
    assert f"its lock: {lock_digest(project, 'release-1.lock')}" in whole


def test_loaded_too_early_it_says_what_to_load_first(project: World) -> None:
    bundle(project, "create", "release-1.tar", "--lock-file", "release-1.lock")
    bundle(project, "create", "delta.tar", "--since", "release-1.tar")
    with EmbeddedRegistry(MemoryStore()) as target:
        early = bundle(project, "load", "delta.tar", "--to", target.address, "-o", "json")
        assert early.code == 1
        hints = {one.get("hint") for one in early.document["findings"]}
        wanted = lock_digest(project, "release-1.lock")
        assert hints == {f"load the delivery of release-1.tar first: its lock is {wanted}"}
    with EmbeddedRegistry(MemoryStore()) as target:
        assert bundle(project, "load", "release-1.tar", "--to", target.address).code == 0
        move = ("--move", "quay.io/team/moved:1")
        assert bundle(project, "load", "delta.tar", "--to", target.address, *move).code == 0


def test_two_bundles_are_compared_by_entries_and_bytes(project: World) -> None:
    bundle(project, "create", "release-1.tar", "--lock-file", "release-1.lock")
    bundle(project, "create", "release-2")
    result = bundle(project, "diff", "release-1.tar", "release-2", "-o", "json")
    assert result.code == 0
    changes = {
        one["reference"]: (one["before"] is None, one["after"] is None) for one in result.document["changes"]
    }
    assert changes == {
        "quay.io/team/gone:1": (False, True),
        "quay.io/team/moved:1": (False, False),
        "quay.io/team/new:1": (True, False),
    }
    summary = result.document["summary"]
    assert (summary["added"], summary["removed"], summary["moved"]) == (1, 1, 1)
    # `new` is `app` under another name, so only what moved brings blobs.
    single = bundle(project, "create", "delta.tar", "--since", "release-1.tar", "-o", "json")
    assert single.code == 0
    assert 0 < summary["new_blobs"] < summary["blobs"]
    same = bundle(project, "diff", "release-2", "release-2", "-o", "json").document
    assert (same["changes"], same["summary"]["new_bytes"]) == ([], 0)


def test_a_bundle_is_compared_with_a_lock_too(project: World) -> None:
    bundle(project, "create", "release-1.tar", "--lock-file", "release-1.lock")
    result = bundle(project, "diff", "release-1.tar", "images.lock")
    assert (result.code, "quay.io/team/new:1" in result.out) == (0, True)
    assert (
        "new_bytes"
        not in bundle(project, "diff", "release-1.tar", "images.lock", "-o", "json").document["summary"]
    )


@pytest.mark.parametrize("names", [("none.tar", "images.lock"), ("images.lock", "none.lock")])
def test_what_cannot_be_read_is_exit_2(project: World, names: tuple[str, str]) -> None:
    assert bundle(project, "diff", *names).code == 2
