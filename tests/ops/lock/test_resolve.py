"""From names to digests: odd images are described, and what a registry gets wrong is never believed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, sample_image
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor
from imagelock.model.platform import Platform
from imagelock.stores.base import Content
from support.lying import Lying, Reply, oci_error
from support.world import deployment

if TYPE_CHECKING:
    from imagelock.demo.sample_image import SampleImage
    from support.world import World

A = "quay.io/acme/app:1.0"
NAME = "quay.io/acme/app"


def lock(world: World) -> list[str]:
    """Lock the one image; return its platforms."""
    world.write("a.yaml", deployment(A))
    assert world.run("lock").code == 0
    (entry,) = world.lock.images
    assert world.run("lock").code == 0
    assert world.run("pin").code == 0
    assert world.run("check").code == 0
    return [str(part.platform) for part in entry.platforms]


def test_attestations_are_no_platforms(world: World) -> None:
    world.push_image(A, sample_image("x", (LINUX_AMD64, LINUX_ARM64), attestation=True))
    assert lock(world) == ["linux/amd64", "linux/arm64/v8"]


def test_docker_media_types_are_read_like_ocis(world: World) -> None:
    world.push_image(A, sample_image("x", (LINUX_AMD64,), docker=True))
    assert lock(world) == ["linux/amd64"]


def test_windows_platforms_keep_their_versions_apart(world: World) -> None:
    windows = [Platform("windows", "amd64", "", version) for version in ("10.0.17763.1", "10.0.20348.2")]
    world.push_image(A, sample_image("x", (LINUX_AMD64, *windows)))
    assert lock(world) == ["linux/amd64", "windows(10.0.17763.1)/amd64", "windows(10.0.20348.2)/amd64"]


def put(world: World, kind: str, document: dict[str, object], *, tag: str | None = None) -> Descriptor:
    """Store a manifest made by hand."""
    body = json.dumps({"schemaVersion": 2, "mediaType": kind, **document}).encode()
    content = Content(body=body, digest=Digest.of(body), media_type=kind, host="made up")
    world.store.put_manifest(NAME, content, tag)
    return Descriptor(media_type=kind, digest=content.digest, size=len(body))


def wire(part: Descriptor, **more: object) -> dict[str, object]:
    """Return a descriptor as JSON has it."""
    return {"mediaType": part.media_type, "digest": str(part.digest), "size": part.size, **more}


def push_children(world: World, image: SampleImage) -> Descriptor:
    """Store an image without a tag and describe it."""
    for part, data in image.blobs:
        world.store.put_blob(NAME, part, iter((data,)))
    for child in image.children:
        world.store.put_manifest(NAME, child)
    world.store.put_manifest(NAME, image.content)
    return Descriptor(media_type=image.content.media_type, digest=image.digest, size=len(image.content.body))


def test_an_index_inside_an_index_gives_its_platforms(world: World) -> None:
    inner = push_children(world, sample_image("x", (LINUX_ARM64,)))
    single = push_children(world, sample_image("y"))
    amd64 = {"os": "linux", "architecture": "amd64"}
    put(world, OCI_INDEX, {"manifests": [wire(inner), wire(single, platform=amd64)]}, tag="1.0")
    assert lock(world) == ["linux/amd64", "linux/arm64/v8"]


def test_an_artifact_that_is_no_image_is_locked_without_platforms(world: World) -> None:
    config = b"{}"
    kind = "application/vnd.cncf.helm.config.v1+json"
    part = Descriptor(media_type=kind, digest=Digest.of(config), size=len(config))
    world.store.put_blob(NAME, part, iter((config,)))
    put(world, OCI_MANIFEST, {"config": wire(part), "layers": []}, tag="1.0")
    assert lock(world) == []


def test_a_sha512_digest_is_proved_and_kept(world: World) -> None:
    image = sample_image("x")
    push_children(world, image)
    digest = Digest.of(image.content.body, "sha512")
    content = Content(
        body=image.content.body, digest=digest, media_type=image.content.media_type, host="made up"
    )
    world.store.put_manifest(NAME, content)
    world.write("a.yaml", deployment(f"{NAME}@{digest}"))
    assert world.run("lock").code == 0
    assert [image.digest for image in world.lock.images] == [digest]
    assert world.run("check").code == 0
    assert world.run("drift").code == 0


HTML = Reply(body=b"<html>sign in</html>", headers=(("Content-Type", "text/html"),))
GARBAGE = Reply(body=b"{", headers=(("Content-Type", OCI_MANIFEST),))
OTHER_KIND = Reply(body=b'{"schemaVersion": 1}', headers=(("Content-Type", OCI_MANIFEST),))


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (oci_error(401, "UNAUTHORIZED"), "login"),
        (oci_error(403, "DENIED"), "login"),
        (oci_error(404, "MANIFEST_UNKNOWN"), "correct the reference"),
        (oci_error(429, "TOOMANYREQUESTS", Retry_After="3600"), ""),
        (oci_error(500, "UNKNOWN"), ""),
        (HTML, ""),
        (GARBAGE, ""),
        (OTHER_KIND, ""),
        (Reply(reset=True), ""),
        (Reply(body=b"{}", cut=1, headers=(("Content-Length", "2"),)), ""),
    ],
    ids=["401", "403", "404", "429", "500", "html", "garbage", "schema 1", "reset", "cut"],
)
def test_what_a_registry_refuses_or_gets_wrong_is_il301_with_a_way_out(
    world: World, reply: Reply, word: str
) -> None:
    world.write("a.yaml", deployment(A))
    with Lying() as server:
        server.default = reply
        world.write(
            "imagelock.toml", f'[registries."quay.io"]\nmirrors = ["{server.url}"]\nfallback = false\n'
        )
        result = world.json("lock", "--retry-time", "0")
        before = world.tree()
        assert world.run("lock", "--retry-time", "0").code == 3
    (item,) = result.document["findings"]
    assert (result.code, item["code"], item["file"]) == (3, "IL301", "a.yaml")
    assert any(server.address in note for note in item["notes"])
    assert item["hint"]
    assert word in item["hint"]
    assert world.tree() == before
    assert "images.lock" not in before


def test_several_failures_are_told_together(world: World) -> None:
    world.write("a.yaml", deployment(*(f"quay.io/acme/nobody{number}:1" for number in range(3))))
    assert world.json("lock").codes == ["IL301"] * 3
