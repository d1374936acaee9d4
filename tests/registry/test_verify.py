"""What comes from the wire is proved by our own hash, or refused with its cause."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from imagelock import limits
from imagelock.errors import IntegrityError, UnreachableError
from imagelock.model.digest import Digest
from imagelock.model.hosts import HostSettings, Mirror
from imagelock.model.manifest import DOCKER_SCHEMA1, OCI_INDEX, OCI_MANIFEST
from support.images import manifest_body, manifest_reply
from support.lying import Reply, document

if TYPE_CHECKING:
    from support.lying import Lying

    from .conftest import NewClient

GOOD = manifest_body("good")
BAD = manifest_body("bad")
DIGEST = Digest.of(GOOD)
BY_DIGEST = f"/v2/app/manifests/{DIGEST}"
BY_TAG = "/v2/app/manifests/1"


def test_other_bytes_than_the_digest_are_refused_after_a_fresh_connection(
    lying: Lying, new_client: NewClient
) -> None:
    lying.on(BY_DIGEST, manifest_reply(BAD))
    with pytest.raises(IntegrityError) as caught:
        new_client().get_manifest(f"{lying.address}/app", DIGEST)
    for part in (lying.url, str(DIGEST), str(Digest.of(BAD))):
        assert part in caught.value.message
    assert len({seen.connection for seen in lying.seen}) == 2
    assert len(lying.seen) == 2


def test_bytes_damaged_once_are_read_again(lying: Lying, new_client: NewClient) -> None:
    lying.on(BY_DIGEST, manifest_reply(BAD), manifest_reply(GOOD))
    assert new_client().get_manifest(f"{lying.address}/app", DIGEST).body == GOOD


def test_a_mirror_that_lies_is_not_healed_by_the_next_one(
    lying: Lying, other: Lying, new_client: NewClient
) -> None:
    lying.on(BY_DIGEST, manifest_reply(BAD))
    other.on(BY_DIGEST, manifest_reply(GOOD))
    mirrors = (Mirror(url=lying.url), Mirror(url=other.url))
    with pytest.raises(IntegrityError):
        new_client({"quay.io": HostSettings(mirrors=mirrors, fallback=False)}).get_manifest(
            "quay.io/app", DIGEST
        )
    assert other.seen == []


def test_a_digest_header_that_contradicts_the_bytes_of_a_tag_is_refused(
    lying: Lying, new_client: NewClient
) -> None:
    lying.on(BY_TAG, manifest_reply(GOOD, digest=str(Digest.of(BAD))))
    with pytest.raises(IntegrityError, match="expected"):
        new_client().get_manifest(f"{lying.address}/app", "1")


def test_a_sha512_header_is_proved_and_the_digest_stays_sha256(lying: Lying, new_client: NewClient) -> None:
    lying.on(BY_TAG, manifest_reply(GOOD, digest=f"sha512:{hashlib.sha512(GOOD).hexdigest()}"))
    lying.on("/v2/app/manifests/2", manifest_reply(GOOD, digest=f"sha512:{hashlib.sha512(BAD).hexdigest()}"))
    client = new_client()
    assert client.get_manifest(f"{lying.address}/app", "1").digest == DIGEST
    with pytest.raises(IntegrityError):
        client.get_manifest(f"{lying.address}/app", "2")


def test_a_digest_header_that_is_none_is_ignored(lying: Lying, new_client: NewClient) -> None:
    lying.on(BY_TAG, manifest_reply(GOOD, digest="md5:0"))
    assert new_client().get_manifest(f"{lying.address}/app", "1").digest == DIGEST


def test_a_media_type_with_parameters_is_read(lying: Lying, new_client: NewClient) -> None:
    lying.on(BY_TAG, manifest_reply(GOOD, media_type=f"{OCI_MANIFEST}; charset=utf-8"))
    assert new_client().get_manifest(f"{lying.address}/app", "1").media_type == OCI_MANIFEST


def test_a_media_type_that_contradicts_the_body_is_refused(lying: Lying, new_client: NewClient) -> None:
    lying.on(BY_TAG, manifest_reply(GOOD, media_type=OCI_INDEX))
    with pytest.raises(IntegrityError, match="the registry says"):
        new_client().get_manifest(f"{lying.address}/app", "1")


def test_schema_1_is_refused_for_what_it_is(lying: Lying, new_client: NewClient) -> None:
    body = json.dumps({"schemaVersion": 1, "name": "app"}).encode()
    lying.on(BY_TAG, manifest_reply(body, media_type=DOCKER_SCHEMA1[1], digest=str(DIGEST)))
    with pytest.raises(IntegrityError, match="schema 1") as caught:
        new_client().get_manifest(f"{lying.address}/app", "1")
    assert caught.value.hint is not None
    assert "push the image again" in caught.value.hint


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html>log in</html>", headers=(("Content-Type", "text/html"),)),
        document({"hello": "world"}),
        document([]),
        Reply(body=b""),
        Reply(body=GOOD[:-1] + b', "schemaVersion": 2}'),
    ],
    ids=["page", "no-manifest", "no-object", "empty", "duplicate-key"],
)
def test_a_body_that_is_no_manifest_is_refused(lying: Lying, new_client: NewClient, reply: Reply) -> None:
    lying.on(BY_TAG, reply)
    with pytest.raises(IntegrityError):
        new_client().get_manifest(f"{lying.address}/app", "1")


def test_a_compressed_answer_is_refused_with_its_cause(lying: Lying, new_client: NewClient) -> None:
    reply = Reply(
        body=gzip.compress(GOOD), headers=(("Content-Type", OCI_MANIFEST), ("Content-Encoding", "gzip"))
    )
    lying.on(BY_TAG, reply)
    with pytest.raises(IntegrityError, match="compressed"):
        new_client().get_manifest(f"{lying.address}/app", "1")


@pytest.mark.parametrize("unsized", [False, True])
def test_an_endless_manifest_is_cut_off_at_the_cap(
    lying: Lying,
    new_client: NewClient,
    unsized: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    lying.on(BY_TAG, Reply(body=b" " * (limits.MANIFEST_BYTES + 100_000), unsized=unsized))
    with pytest.raises(IntegrityError, match="larger than"):
        new_client().get_manifest(f"{lying.address}/app", "1")


def test_a_body_cut_short_is_asked_again(lying: Lying, new_client: NewClient) -> None:
    cut = manifest_reply(GOOD)
    lying.on(BY_TAG, Reply(headers=cut.headers, body=GOOD, cut=20), manifest_reply(GOOD))
    assert new_client(retry_time=5).get_manifest(f"{lying.address}/app", "1").body == GOOD


def test_a_body_that_is_always_cut_short_is_could_not_tell(lying: Lying, new_client: NewClient) -> None:
    lying.on(BY_TAG, Reply(headers=manifest_reply(GOOD).headers, body=GOOD, cut=20))
    with pytest.raises(UnreachableError, match="cut short"):
        new_client().get_manifest(f"{lying.address}/app", "1")


def test_a_cut_body_without_a_length_is_no_manifest(lying: Lying, new_client: NewClient) -> None:
    lying.on(BY_TAG, Reply(body=GOOD[:50], unsized=True))
    with pytest.raises(IntegrityError):
        new_client().get_manifest(f"{lying.address}/app", "1")


def test_a_blob_of_other_bytes_is_refused(lying: Lying, new_client: NewClient) -> None:
    lying.on(f"/v2/app/blobs/{DIGEST}", Reply(body=BAD))
    with pytest.raises(IntegrityError):
        new_client().get_blob(f"{lying.address}/app", DIGEST, 10_000)
