"""Sample images are valid, distinct, and the same on every run."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.model.manifest import Index, Manifest, parse_config_platform, parse_manifest
from imagelock.model.platform import Platform
from imagelock.stores.memory import MemoryStore


@pytest.mark.parametrize("docker", [True, False])
def test_the_same_seed_gives_the_same_image_and_another_seed_another(docker: bool) -> None:  # noqa: FBT001 - a parameter
    assert sample_image("a", docker=docker) == sample_image("a", docker=docker)
    assert sample_image("a", docker=docker).digest != sample_image("b", docker=docker).digest


@pytest.mark.parametrize("docker", [True, False])
def test_an_image_parses_and_its_layer_is_a_gzip_tar(docker: bool) -> None:  # noqa: FBT001 - a parameter
    image = sample_image("a", LINUX_ARM64, docker=docker)
    parsed = parse_manifest(image.content.body, image.content.media_type)
    assert isinstance(parsed, Manifest)
    (config, config_body), (layer, layer_body) = image.blobs
    assert parsed.blobs == (config, layer)
    assert parse_config_platform(config_body) == LINUX_ARM64
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer_body))) as archive:
        assert archive.getnames() == ["etc/sample"]


@pytest.mark.parametrize("docker", [True, False])
def test_several_platforms_give_an_index(docker: bool) -> None:  # noqa: FBT001 - a parameter
    image = sample_image("a", [LINUX_AMD64, LINUX_ARM64], docker=docker)
    parsed = parse_manifest(image.content.body, image.content.media_type)
    assert isinstance(parsed, Index)
    assert tuple((child.platform, child.digest) for child in parsed.images) == image.platforms


def test_an_attestation_is_a_child_and_no_platform() -> None:
    image = sample_image("a", [LINUX_AMD64], attestation=True)
    parsed = parse_manifest(image.content.body)
    assert isinstance(parsed, Index)
    assert [child.platform for child in parsed.manifests] == [LINUX_AMD64, Platform("unknown", "unknown")]
    assert [platform for platform, _ in image.platforms] == [LINUX_AMD64]
    push_sample(MemoryStore(), "app", "1", image)
