"""An image with all that may refer to it: a cosign signature, an SBOM of one platform, a signature on the SBOM."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_CONFIG, OCI_EMPTY, OCI_MANIFEST, Descriptor
from imagelock.registry.client import RegistryClient
from imagelock.stores.base import Content

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
