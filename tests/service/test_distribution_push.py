"""Pushing, as the OCI distribution specification 1.1 asks ("Pushing blobs", "Pushing manifests")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.limits import MANIFEST_BYTES
from imagelock.model.digest import Digest
from imagelock.model.manifest import DOCKER_MANIFEST, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from imagelock.stores.local import LocalStore
    from support.wire import Reply, Wire

IMAGE = sample_image("push")
DATA = bytes(range(256)) * 40
DIGEST = Digest.of(DATA)
UPLOADS = "/v2/team/app/blobs/uploads/"


def _open(wire: Wire) -> str:
    reply = wire.ask("POST", UPLOADS)
    assert reply.status == 202
    return reply.headers["location"]


def _chunk(wire: Wire, location: str, start: int, stop: int, method: str = "PATCH") -> Reply:
    span = {"Content-Range": f"{start}-{stop - 1}", "Content-Type": "application/octet-stream"}
    return wire.ask(method, location, DATA[start:stop], span)


def _stored(wire: Wire, digest: Digest = DIGEST) -> bytes | None:
    reply = wire.ask("GET", f"/v2/team/app/blobs/{digest}")
    return reply.body if reply.status == 200 else None


def _assert_created(reply: Reply, digest: Digest = DIGEST) -> None:
    assert reply.status == 201
    assert reply.headers["location"] == f"/v2/team/app/blobs/{digest}"
    assert reply.headers["docker-content-digest"] == str(digest)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_post_with_a_digest_takes_the_blob_at_once(wire: Wire, algorithm: str) -> None:
    digest = Digest.of(DATA, algorithm)
    _assert_created(wire.ask("POST", f"{UPLOADS}?digest={digest}", DATA), digest)
    assert _stored(wire, digest) == DATA


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_post_then_put_takes_the_blob(wire: Wire, algorithm: str) -> None:
    digest = Digest.of(DATA, algorithm)
    _assert_created(wire.ask("PUT", f"{_open(wire)}?digest={digest}", DATA), digest)
    assert _stored(wire, digest) == DATA


def test_an_empty_blob_can_be_pushed_and_pulled(wire: Wire) -> None:
    _assert_created(wire.ask("POST", f"{UPLOADS}?digest={Digest.of(b'')}", b""), Digest.of(b""))
    assert _stored(wire, Digest.of(b"")) == b""


def test_chunks_in_order_make_the_blob(wire: Wire) -> None:
    location = _open(wire)
    for start in (0, 4000, 8000):
        reply = _chunk(wire, location, start, min(start + 4000, len(DATA)))
        assert (reply.status, reply.headers["range"]) == (202, f"0-{min(start + 4000, len(DATA)) - 1}")
        location = reply.headers["location"]
    assert _stored(wire) is None
    _assert_created(wire.ask("PUT", f"{location}?digest={DIGEST}"))
    assert _stored(wire) == DATA


def test_the_last_chunk_may_come_with_the_put(wire: Wire) -> None:
    location = _open(wire)
    assert _chunk(wire, location, 0, 6000).status == 202
    _assert_created(_chunk(wire, f"{location}?digest={DIGEST}", 6000, len(DATA), "PUT"))


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_chunk_out_of_order_is_a_416_that_says_where_to_go_on(wire: Wire, method: str) -> None:
    location = _open(wire)
    _chunk(wire, location, 0, 4000)
    reply = _chunk(wire, f"{location}?digest={DIGEST}", 6000, len(DATA), method)
    assert (reply.status, reply.headers["range"]) == (416, "0-3999")
    status = wire.ask("GET", reply.headers["location"])
    assert (status.status, status.headers["range"], status.body) == (204, "0-3999", b"")
    assert _chunk(wire, status.headers["location"], 4000, len(DATA)).status == 202
    _assert_created(wire.ask("PUT", f"{location}?digest={DIGEST}"))


def test_a_content_range_that_is_not_what_is_sent_is_refused(wire: Wire) -> None:
    location = _open(wire)
    for span in ("0-5", "x", "5-0"):
        reply = wire.ask("PATCH", location, DATA, {"Content-Range": span})
        assert (reply.status, reply.code) == (400, "SIZE_INVALID")


def test_a_stream_without_a_length_is_taken(wire: Wire) -> None:
    location = _open(wire)
    pieces = (DATA[start : start + 1000] for start in range(0, len(DATA), 1000))
    assert wire.ask("PATCH", location, pieces).headers["range"] == f"0-{len(DATA) - 1}"
    _assert_created(wire.ask("PUT", f"{location}?digest={DIGEST}"))
    assert _stored(wire) == DATA


def test_a_put_may_be_chunked(wire: Wire) -> None:
    _assert_created(wire.ask("PUT", f"{_open(wire)}?digest={DIGEST}", iter([DATA[:10], DATA[10:]])))


def test_a_blob_that_does_not_hash_to_its_digest_is_refused_and_forgotten(wire: Wire) -> None:
    location = _open(wire)
    reply = wire.ask("PUT", f"{location}?digest={DIGEST}", DATA[:-1])
    assert (reply.status, reply.code) == (400, "DIGEST_INVALID")
    assert _stored(wire) is None
    assert wire.ask("GET", location).status == 404


@pytest.mark.parametrize("digest", ["", "sha256:xyz", "md5:d41d8cd98f00b204e9800998ecf8427e"])
def test_finishing_needs_a_digest(wire: Wire, digest: str) -> None:
    reply = wire.ask("PUT", f"{_open(wire)}?digest={digest}", DATA)
    assert (reply.status, reply.code) == (400, "DIGEST_INVALID")


def test_a_cancelled_upload_is_gone(wire: Wire) -> None:
    location = _open(wire)
    assert wire.ask("DELETE", location).status == 204
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        reply = wire.ask(method, location)
        assert (reply.status, reply.code) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_an_upload_belongs_to_its_repository(wire: Wire) -> None:
    assert wire.ask("GET", _open(wire).replace("team/app", "team/other")).status == 404


@pytest.mark.parametrize("query", ["&from=team/other", ""])
def test_a_blob_can_be_mounted(wire: Wire, query: str) -> None:
    wire.get_blob("team/other", DIGEST, DATA)
    _assert_created(wire.ask("POST", f"{UPLOADS}?mount={DIGEST}{query}"))


def test_mounting_what_is_not_there_opens_an_upload(wire: Wire) -> None:
    reply = wire.ask("POST", f"{UPLOADS}?mount={DIGEST}&from=team/other")
    assert reply.status == 202
    _assert_created(wire.ask("PUT", f"{reply.headers['location']}?digest={DIGEST}", DATA))


# Manifests.


def _push_blobs(wire: Wire) -> None:
    for descriptor, data in IMAGE.blobs:
        wire.get_blob("team/app", descriptor.digest, data)


def _put(wire: Wire, target: str, body: bytes, media_type: str = OCI_MANIFEST) -> Reply:
    return wire.ask("PUT", f"/v2/team/app/manifests/{target}", body, {"Content-Type": media_type})


@pytest.mark.parametrize("target", ["1.0", str(IMAGE.digest)])
def test_a_manifest_is_taken_by_tag_or_digest(wire: Wire, target: str) -> None:
    _push_blobs(wire)
    reply = _put(wire, target, IMAGE.content.body)
    assert reply.status == 201
    assert reply.headers["location"] == f"/v2/team/app/manifests/{IMAGE.digest}"
    assert reply.headers["docker-content-digest"] == str(IMAGE.digest)
    assert wire.ask("GET", f"/v2/team/app/manifests/{target}").body == IMAGE.content.body


def test_a_manifest_is_taken_under_sha512(wire: Wire) -> None:
    _push_blobs(wire)
    digest = Digest.of(IMAGE.content.body, "sha512")
    assert _put(wire, str(digest), IMAGE.content.body).headers["docker-content-digest"] == str(digest)
    assert wire.ask("GET", f"/v2/team/app/manifests/{digest}").body == IMAGE.content.body


def test_a_manifest_pushed_by_tag_may_say_its_digest(wire: Wire) -> None:
    _push_blobs(wire)
    digest = Digest.of(IMAGE.content.body, "sha512")
    reply = _put(wire, f"1.0?digest={digest}", IMAGE.content.body)
    assert (reply.status, reply.headers["docker-content-digest"]) == (201, str(digest))
    assert wire.ask("GET", "/v2/team/app/manifests/1.0").headers["docker-content-digest"] == str(digest)
    assert wire.ask("GET", reply.headers["location"]).body == IMAGE.content.body


@pytest.mark.parametrize(
    "target", [str(Digest.of(b"else")), f"1.0?digest={Digest.of(b'else')}", "1?digest=x"]
)
def test_a_manifest_that_does_not_hash_to_its_digest_is_refused(wire: Wire, target: str) -> None:
    _push_blobs(wire)
    reply = _put(wire, target, IMAGE.content.body)
    assert (reply.status, reply.code) == (400, "DIGEST_INVALID")
    assert wire.ask("GET", "/v2/team/app/manifests/1.0").status == 404


def test_a_manifest_without_its_blobs_is_refused_and_names_them(wire: Wire) -> None:
    config, layer = IMAGE.blobs
    wire.get_blob("team/app", config[0].digest, config[1])
    reply = _put(wire, "1.0", IMAGE.content.body)
    assert (reply.status, reply.code) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert json.loads(reply.body)["errors"][0]["detail"] == [str(layer[0].digest)]
    assert wire.ask("GET", "/v2/team/app/manifests/1.0").status == 404


def test_an_index_without_its_children_is_refused(store: LocalStore, wire: Wire) -> None:
    image = sample_image("index", [LINUX_AMD64, LINUX_ARM64])
    push_sample(store, "team/other", "1.0", image)  # The blobs are here, the children elsewhere.
    reply = _put(wire, "1.0", image.content.body, OCI_INDEX)
    assert (reply.status, reply.code) == (400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", OCI_MANIFEST),
        (b"<html>", OCI_MANIFEST),
        (b'{"schemaVersion":1}', OCI_MANIFEST),
        (IMAGE.content.body, DOCKER_MANIFEST),
        (IMAGE.content.body, OCI_INDEX),
        (IMAGE.content.body[:-1] + b',"layers":[]}', OCI_MANIFEST),
    ],
    ids=["empty", "html", "schema1", "other-type", "index-type", "duplicate-key"],
)
def test_what_is_no_manifest_is_refused(wire: Wire, body: bytes, media_type: str) -> None:
    _push_blobs(wire)
    reply = _put(wire, "1.0", body, media_type)
    assert (reply.status, reply.code) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("tag", [".hidden", "-x", "a" * 129, "a+b"])
def test_a_tag_outside_the_grammar_is_refused(wire: Wire, tag: str) -> None:
    reply = _put(wire, tag, IMAGE.content.body)
    assert (reply.status, reply.code) == (400, "MANIFEST_INVALID")


@pytest.mark.parametrize("chunked", [True, False])
def test_a_manifest_has_a_size_limit(wire: Wire, chunked: bool) -> None:  # noqa: FBT001 - a parameter
    body = b" " * (MANIFEST_BYTES + 1)
    sent = iter([body]) if chunked else body
    reply = wire.ask("PUT", "/v2/team/app/manifests/1.0", sent, {"Content-Type": OCI_MANIFEST})
    assert (reply.status, reply.code) == (413, "SIZE_INVALID")


def test_a_manifest_of_the_largest_size_is_taken(wire: Wire) -> None:
    _push_blobs(wire)
    document = json.loads(IMAGE.content.body) | {"annotations": {"filler": ""}}
    document["annotations"]["filler"] = "x" * (MANIFEST_BYTES - len(json.dumps(document)))
    body = json.dumps(document).encode()
    assert len(body) == MANIFEST_BYTES
    assert _put(wire, "1.0", body).status == 201
    assert wire.ask("GET", "/v2/team/app/manifests/1.0").body == body


def test_layers_that_stay_with_their_vendor_may_be_missing(wire: Wire) -> None:
    _push_blobs(wire)
    document = json.loads(IMAGE.content.body)
    foreign = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": str(Digest.of(b"vendor")),
        "size": 6,
        "urls": ["https://vendor.example/layer"],
    }
    document["layers"].insert(0, foreign)
    assert _put(wire, "1.0", json.dumps(document).encode()).status == 201


def test_an_artifact_whose_subject_is_missing_is_taken_and_the_subject_confirmed(wire: Wire) -> None:
    wire.get_blob("team/app", Digest.of(b"{}"), b"{}")
    empty = {"mediaType": OCI_EMPTY, "digest": str(Digest.of(b"{}")), "size": 2}
    subject = {"mediaType": OCI_MANIFEST, "digest": str(DIGEST), "size": 10}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": empty, "layers": [empty]}
    reply = _put(wire, "signature", json.dumps({**document, "subject": subject}).encode())
    assert (reply.status, reply.headers["oci-subject"]) == (201, str(DIGEST))


def test_moving_a_tag_keeps_the_old_manifest_by_digest(wire: Wire, store: LocalStore) -> None:
    old, new = sample_image("old"), sample_image("new")
    push_sample(store, "team/app", "1.0", old)
    push_sample(store, "team/app", "1.0", new)
    assert wire.ask("GET", "/v2/team/app/manifests/1.0").body == new.content.body
    assert wire.ask("GET", f"/v2/team/app/manifests/{old.digest}").body == old.content.body
