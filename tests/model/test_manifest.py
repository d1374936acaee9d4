"""Manifests and indexes: read strictly, so that two readers never understand one body differently."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelock.errors import InvalidValueError
from imagelock.limits import INDEX_CHILDREN
from imagelock.model.digest import Digest
from imagelock.model.manifest import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Index,
    Manifest,
    parse_config_platform,
    parse_descriptor,
    parse_manifest,
)
from imagelock.model.platform import Platform

DIGEST = Digest.of(b"content")
PART: dict[str, Any] = {"mediaType": OCI_CONFIG, "digest": str(DIGEST), "size": 7}
MANIFEST: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "config": PART,
    "layers": [PART, PART],
}
CHILD: dict[str, Any] = {
    **PART,
    "mediaType": OCI_MANIFEST,
    "platform": {"os": "linux", "architecture": "amd64"},
}
INDEX: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [CHILD]}


def _parse(document: object, media_type: str | None = None) -> Manifest | Index:
    return parse_manifest(json.dumps(document).encode(), media_type)


def test_a_manifest_is_read() -> None:
    manifest = _parse({**MANIFEST, "annotations": {"a": "b"}, "artifactType": "x/y", "subject": PART})
    assert isinstance(manifest, Manifest)
    assert manifest.config.digest == DIGEST
    assert len(manifest.blobs) == 3
    assert manifest.download_size == 21
    assert manifest.annotations == (("a", "b"),)
    assert manifest.artifact_type == "x/y"
    assert manifest.subject is not None


def test_an_index_is_read_and_attestations_are_no_images() -> None:
    unknown = {**CHILD, "platform": {"os": "unknown", "architecture": "unknown"}}
    bare = {key: value for key, value in CHILD.items() if key != "platform"}
    windows = {
        **CHILD,
        "platform": {"os": "windows", "architecture": "amd64", "os.version": "10.0.1", "variant": "x"},
    }
    index = _parse({**INDEX, "manifests": [CHILD, unknown, bare, windows]})
    assert isinstance(index, Index)
    assert [str(child.platform) for child in index.images] == ["linux/amd64", "windows(10.0.1)/amd64/x"]
    assert all(child.is_manifest and not child.is_index for child in index.manifests)


@pytest.mark.parametrize(
    ("document", "media_type", "kind"),
    [
        (MANIFEST, None, OCI_MANIFEST),
        (MANIFEST, OCI_MANIFEST, OCI_MANIFEST),
        (MANIFEST, "application/json", OCI_MANIFEST),
        ({**MANIFEST, "mediaType": DOCKER_MANIFEST}, None, DOCKER_MANIFEST),
        (
            {key: value for key, value in MANIFEST.items() if key != "mediaType"},
            DOCKER_MANIFEST,
            DOCKER_MANIFEST,
        ),
        ({key: value for key, value in MANIFEST.items() if key != "mediaType"}, None, OCI_MANIFEST),
        ({**INDEX, "mediaType": DOCKER_INDEX}, DOCKER_INDEX, DOCKER_INDEX),
        ({key: value for key, value in INDEX.items() if key != "mediaType"}, None, OCI_INDEX),
    ],
)
def test_the_kind_is_what_every_sign_agrees_on(document: object, media_type: str | None, kind: str) -> None:
    assert _parse(document, media_type).media_type == kind


@pytest.mark.parametrize(
    ("document", "media_type", "reason"),
    [
        ([], None, "a JSON object"),
        ({**MANIFEST, "schemaVersion": 1}, None, "schema 1"),
        (MANIFEST, DOCKER_SCHEMA1[1], "schema 1"),
        ({**MANIFEST, "schemaVersion": "2"}, None, "schemaVersion is not 2"),
        (MANIFEST, DOCKER_MANIFEST, "the body says"),
        (MANIFEST, OCI_INDEX, "the body says"),
        ({**MANIFEST, "mediaType": OCI_INDEX}, None, "not have the form"),
        ({**INDEX, "mediaType": OCI_MANIFEST}, None, "not have the form"),
        ({**MANIFEST, "manifests": []}, None, "neither a manifest nor an index"),
        ({"schemaVersion": 2}, None, "neither a manifest nor an index"),
        ({**MANIFEST, "mediaType": 1}, None, "not a string"),
        ({**MANIFEST, "mediaType": "x/y"}, None, "unknown manifest type"),
        ({**MANIFEST, "layers": {}}, None, "layers is not a list"),
        ({**MANIFEST, "config": None}, None, "config is not a descriptor"),
        ({**MANIFEST, "layers": [1]}, None, r"layers\[0\] is not a descriptor"),
        ({**MANIFEST, "config": {**PART, "size": -1}}, None, "not a size"),
        ({**MANIFEST, "config": {**PART, "size": True}}, None, "not a size"),
        ({**MANIFEST, "config": {**PART, "size": 1.5}}, None, "not a size"),
        ({**MANIFEST, "config": {**PART, "size": 2**63}}, None, "not a size"),
        ({**MANIFEST, "config": {**PART, "digest": "md5:x"}}, None, "config.digest"),
        ({**MANIFEST, "config": {**PART, "digest": None}}, None, "digest is missing"),
        ({**MANIFEST, "config": {**PART, "mediaType": "x"}}, None, "not a media type"),
        ({**MANIFEST, "annotations": {"a": 1}}, None, "not a string"),
        ({**MANIFEST, "annotations": []}, None, "not an object"),
        ({**INDEX, "manifests": {}}, None, "manifests is not a list"),
        ({**INDEX, "manifests": [{**CHILD, "platform": {"os": "linux"}}]}, None, "no os and architecture"),
        ({**INDEX, "manifests": [{**CHILD, "platform": []}]}, None, "not an object"),
        ({**INDEX, "manifests": [{**CHILD, "platform": {"os": 1, "architecture": "x"}}]}, None, "no os and"),
    ],
)
def test_what_contradicts_itself_is_refused(document: object, media_type: str | None, reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason):
        _parse(document, media_type)


def test_duplicate_keys_are_refused() -> None:
    body = json.dumps(MANIFEST).replace('"layers"', '"config": {}, "layers"').encode()
    with pytest.raises(InvalidValueError, match="duplicate JSON key 'config'"):
        parse_manifest(body)


def test_an_index_has_a_largest_number_of_children() -> None:
    with pytest.raises(InvalidValueError, match="more than"):
        _parse({**INDEX, "manifests": [CHILD] * (INDEX_CHILDREN + 1)})


@given(st.binary(max_size=60))
def test_any_bytes_are_a_manifest_or_a_refusal(body: bytes) -> None:
    for data in (body, b'{"schemaVersion":2,' + body):
        with pytest.raises(InvalidValueError):
            parse_manifest(data)


def test_a_config_tells_its_platform() -> None:
    assert parse_config_platform(b'{"os":"linux","architecture":"arm","variant":"v7"}') == Platform(
        "linux", "arm", "v7"
    )
    for body in (b"[]", b"{}", b'{"os":"linux"}', b"x"):
        with pytest.raises(InvalidValueError):
            parse_config_platform(body)


def test_a_descriptor_by_itself_is_read() -> None:
    assert parse_descriptor(PART, "index.json").digest == DIGEST
    with pytest.raises(InvalidValueError, match="is not a descriptor"):
        parse_descriptor([], "index.json")
