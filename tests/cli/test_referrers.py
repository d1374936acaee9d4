"""Signatures, attestations and SBOMs travel with their images, and are proved there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_CONFIG, OCI_EMPTY, OCI_MANIFEST, Descriptor
from imagelock.registry.client import RegistryClient
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.base import Content
from imagelock.stores.memory import MemoryStore
from imagelock.stores.oci_index import CONTAINERD_NAME

if TYPE_CHECKING:
    from conftest import AnyRegistry
    from support.world import World

NAME = "quay.io/team/app"
SBOM = "application/spdx+json"
SIGNATURE = "application/vnd.dev.sigstore.bundle.v0.3+json"
COSIGN = "application/vnd.dev.cosign.simplesigning.v1+json"


def artifact(
    world: World,
    subject: Digest | None,
    kind: str,
    text: str,
    tag: str | None = None,
    *,
    cosign: bool = False,
) -> Digest:
    """Give the registry an artifact, that refers to ``subject`` by itself or by its tag alone."""
    parts = []
    for media_type, data in ((OCI_CONFIG if cosign else OCI_EMPTY, b"{}"), (kind, text.encode())):
        one = Descriptor(media_type=media_type, digest=Digest.of(data), size=len(data))
        world.store.put_blob(NAME, one, (data,))
        parts.append({"mediaType": media_type, "digest": str(one.digest), "size": one.size})
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": parts[0],
        "layers": parts[1:],
    }
    if not cosign:
        document["artifactType"] = kind
    if subject is not None:
        size = len(world.store.get_manifest(NAME, subject).body)
        document["subject"] = {"mediaType": OCI_MANIFEST, "digest": str(subject), "size": size}
    body = json.dumps(document).encode()
    content = Content(body=body, digest=Digest.of(body), media_type=OCI_MANIFEST, host="test")
    world.store.put_manifest(NAME, content, tag)
    return content.digest


class Signed:
    """An image with a cosign signature, an SBOM of one platform, and a signature on the SBOM."""

    def __init__(self, world: World) -> None:
        self.image = Digest.parse(world.push(f"{NAME}:1"))
        index = json.loads(world.store.get_manifest(NAME, self.image).body)
        child = Digest.parse(index["manifests"][0]["digest"])
        self.tag = f"sha256-{self.image.hex}.sig"
        self.cosign = artifact(world, None, COSIGN, "signed", self.tag, cosign=True)
        self.sbom = artifact(world, child, SBOM, "bom")
        self.nested = artifact(world, self.sbom, SIGNATURE, "signed bom")
        self.child = child
        world.write("images.lock", f"{NAME}:1@{self.image}\n")

    def assert_at(self, registry: AnyRegistry) -> None:
        """Require everything at a registry, as a client finds it there."""
        place = f"{registry.address}/{NAME}"
        with RegistryClient() as client:
            assert client.get_manifest(place, self.tag).digest == self.cosign
            assert [one.digest for one in client.referrers(place, self.child)] == [self.sbom]
            found = client.referrers(place, self.sbom)
            assert [(one.digest, one.artifact_type) for one in found] == [(self.nested, SIGNATURE)]
            assert client.get_manifest(place, self.nested).digest == self.nested


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
