"""Signatures, attestations and SBOMs travel with their images, and are proved there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagelock.model.digest import Digest
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from imagelock.stores.oci_index import CONTAINERD_NAME
from support.signed import COSIGN, NAME, SBOM, Signed

if TYPE_CHECKING:
    from conftest import AnyRegistry
    from support.world import World


@pytest.fixture
def signed(world: World) -> Signed:
    """Give the world a signed image, locked."""
    return Signed(world)


def test_mirror_carries_what_refers_to_an_image(
    world: World, signed: Signed, peer_registry: AnyRegistry
) -> None:
    first = world.json("mirror", "--to", peer_registry.address)
    assert (first.code, first.document["summary"]["images"]) == (0, 1)
    assert first.document["summary"]["referrers"] == 3
    signed.assert_at(peer_registry)
    again = world.json("mirror", "--to", peer_registry.address)
    assert (again.code, again.document["changes"], again.document["summary"]["referrers"]) == (0, [], 3)


@pytest.mark.parametrize("name", ["b.tar", "b"])
def test_a_bundle_carries_and_proves_them(
    world: World, signed: Signed, peer_registry: AnyRegistry, name: str
) -> None:
    assert world.run_plain("bundle", "create", "-C", str(world.root), name).code == 0
    verified = world.run_plain("bundle", "verify", "-C", str(world.root), "-o", "json", name)
    assert (verified.code, verified.document["findings"]) == (0, [])
    assert (verified.document["summary"]["images"], verified.document["summary"]["referrers"]) == (1, 3)
    loaded = world.run_plain("bundle", "load", "-C", str(world.root), name, "--to", peer_registry.address)
    assert loaded.code == 0
    signed.assert_at(peer_registry)


def test_what_is_not_an_image_has_no_name_that_a_node_would_unpack(world: World, signed: Signed) -> None:
    assert world.run_plain("bundle", "create", "-C", str(world.root), "b").code == 0
    index = json.loads((world.root / "b" / "index.json").read_bytes())
    named = {one["digest"] for one in index["manifests"] if CONTAINERD_NAME in one["annotations"]}
    assert named == {str(signed.image)}


@pytest.mark.parametrize(
    ("options", "count"),
    [((), 3), (("--no-referrers",), 0), (("--referrers", SBOM), 1), (("--referrers", COSIGN), 1)],
)
def test_which_of_them_are_carried_is_chosen(
    world: World, signed: Signed, options: tuple[str, ...], count: int
) -> None:
    with EmbeddedRegistry(MemoryStore()) as target:
        done = world.json("mirror", "--to", target.address, *options)
        assert (done.code, done.document["summary"].get("referrers", 0)) == (0, count)
        manifests = [one for one in target.store.untagged(f"{NAME}") if one in {signed.sbom, signed.nested}]
        assert len(manifests) == (2 if count == 3 else int(SBOM in options))


def test_a_damaged_signature_is_found(world: World, signed: Signed) -> None:
    assert world.run_plain("bundle", "create", "-C", str(world.root), "b").code == 0
    blob = world.root / "b/blobs/sha256" / Digest.of(b"signed bom").hex
    blob.write_bytes(b"forged bom")
    verified = world.run_plain("bundle", "verify", "-C", str(world.root), "-o", "json", "b")
    assert (verified.code, verified.codes) == (1, ["IL305"])
