"""skopeo and docker-registry against the embedded registry, over both back ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from support import peers
from support.push import push_image

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import AnyRegistry
    from imagelock.demo.sample_image import SampleImage
    from imagelock.service.embedded import EmbeddedRegistry
    from imagelock.stores.local import LocalStore

BOTH = [LINUX_AMD64, LINUX_ARM64]
IMAGES = {
    "oci": sample_image("peer"),
    "docker": sample_image("peer", docker=True),
    "oci-index": sample_image("peer", BOTH),
    "docker-list": sample_image("peer", BOTH, docker=True),
    "attested": sample_image("peer", BOTH, attestation=True),
}
_PLAIN = ("--src-tls-verify=false", "--dest-tls-verify=false")


def _copy(source: str, target: str) -> None:
    flags = [
        flag for flag, place in zip(_PLAIN, (source, target), strict=True) if place.startswith("docker:")
    ]
    peers.skopeo("copy", "--all", "--preserve-digests", *flags, source, target)


def _raw(registry: AnyRegistry, name: str) -> bytes:
    return peers.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{registry.address}/{name}")


def _assert_whole(store: LocalStore, repository: str, tag: str, image: SampleImage) -> None:
    assert store.get_manifest(repository, tag).body == image.content.body
    for child in image.children:
        assert store.get_manifest(repository, child.digest).body == child.body
    for descriptor, data in image.blobs:
        assert b"".join(store.open_blob(repository, descriptor)) == data


if peers.has("skopeo"):

    @pytest.mark.parametrize("kind", sorted(IMAGES))
    def test_skopeo_copies_out_and_in_again_with_every_byte(
        registry: EmbeddedRegistry, store: LocalStore, tmp_path: Path, kind: str
    ) -> None:
        image = IMAGES[kind]
        push_sample(store, "team/app", "1.0", image)
        if kind.startswith("docker"):  # skopeo cannot keep Docker's digests in an OCI directory.
            _copy(f"docker://{registry.address}/team/app:1.0", f"docker://{registry.address}/copy/app:2.0")
        else:
            _copy(f"docker://{registry.address}/team/app:1.0", f"oci:{tmp_path}/out:1.0")
            _copy(f"oci:{tmp_path}/out:1.0", f"docker://{registry.address}/copy/app:2.0")
        assert _raw(registry, "team/app:1.0") == image.content.body
        _assert_whole(store, "copy/app", "2.0", image)

    @pytest.mark.parametrize("kind", sorted(IMAGES))
    def test_skopeo_copies_between_us_and_docker_registry(
        registry: EmbeddedRegistry, store: LocalStore, peer_registry: AnyRegistry, kind: str
    ) -> None:
        image = IMAGES[kind]
        push_image(peer_registry.url, "theirs/app", "1.0", image)
        _copy(f"docker://{peer_registry.address}/theirs/app:1.0", f"docker://{registry.address}/ours/app:1.0")
        _assert_whole(store, "ours/app", "1.0", image)
        _copy(f"docker://{registry.address}/ours/app:1.0", f"docker://{peer_registry.address}/back/app:1.0")
        assert _raw(peer_registry, "back/app:1.0") == _raw(registry, "ours/app:1.0") == image.content.body

    def test_skopeo_lists_and_deletes(registry: EmbeddedRegistry, store: LocalStore) -> None:
        push_sample(store, "team/app", "1.0", IMAGES["oci"])
        name = f"docker://{registry.address}/team/app"
        assert b'"1.0"' in peers.skopeo("list-tags", "--tls-verify=false", name)
        peers.skopeo("delete", "--tls-verify=false", f"{name}:1.0")
        assert not store.has_manifest("team/app", IMAGES["oci"].digest)


def test_every_image_is_pushed_and_read_back_the_same_everywhere(any_registry: AnyRegistry) -> None:
    for kind, image in IMAGES.items():
        assert push_image(any_registry.url, f"team/{kind}", "1.0", image) == image.digest
