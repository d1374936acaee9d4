"""The OCI distribution specification 1.1 line by line, as any registry has to answer: ours and a peer.

Each test is one promise of the specification and runs against the embedded registry over memory and over a
layout, and against docker-registry where it is installed.  What that is known to answer otherwise is listed
in :data:`KNOWN`, and must really fail there.
"""

from __future__ import annotations

import base64
import http.client
import json
from typing import TYPE_CHECKING

import pytest

from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from imagelock.stores.oci_layout import LayoutStore
from support import peers
from support.peers import DockerRegistry
from support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from support.wire import Reply

KNOWN: dict[str, dict[str, object]] = {
    "test_a_digest_that_is_none_is_refused": {},
    "test_post_with_a_digest_and_the_bytes": {},
    "test_sha512_blobs_are_taken_by_every_way": {"way": "post-put"},
    "test_chunks_out_of_order_are_refused_and_the_upload_goes_on": {"last": "PATCH"},
    "test_a_chunk_sent_again_is_refused_and_changes_nothing": {},
    "test_a_blob_is_mounted": {"query": ""},
    "test_ranges_that_cannot_be": {"asked": "500-0"},
    "test_layers_that_stay_elsewhere_need_not_be_pushed": {},
    "test_sha512_images_are_kept_by_their_digest": {},
    "test_a_manifest_pushed_by_digest_takes_tags_along": {},
    "test_tags_go_on_after_last": {},
    "test_a_tag_can_be_deleted_alone": {},
    "test_referrers_of_an_unknown_digest_are_an_empty_index": {},
    "test_referrers_are_found_by_subject_and_filtered_by_type": {},
    "test_an_index_refers_to_its_subject": {},
    "test_a_missing_subject_is_confirmed_and_has_referrers": {},
}
"""What docker-registry 2.8.2 answers otherwise, with arguments that show it."""

A, B = "conformance/repo1", "conformance/repo2"
OCTETS = {"Content-Type": "application/octet-stream"}
ARTIFACT = "application/vnd.example.oci.conformance.v1"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test against both back ends, and against the peer where it is not known to differ."""
    if "wire" in metafunc.fixturenames:
        kinds = ["memory", "layout"]
        if peers.has("docker-registry") and metafunc.function.__name__ not in KNOWN:
            kinds.append("docker-registry")
        metafunc.parametrize("wire", kinds, indirect=True)


@pytest.fixture
def wire(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wire]:
    """Give a connection to an empty writable registry."""
    if request.param == "docker-registry":
        with DockerRegistry(tmp_path) as peer, Wire(peer.address) as connection:
            yield connection
    else:
        store = MemoryStore() if request.param == "memory" else LayoutStore(tmp_path / "layout")
        with EmbeddedRegistry(store) as registry, Wire(registry.address) as connection:
            yield connection


def _path(reply: Reply, wire: Wire) -> str:
    return reply.headers["location"].removeprefix(f"http://{wire.where[0]}:{wire.where[1]}")


def _with(path: str, query: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{query}"


def _open(wire: Wire, repository: str = A) -> str:
    reply = wire.ask("POST", f"/v2/{repository}/blobs/uploads/", b"")
    assert reply.status == 202
    return _path(reply, wire)


def _chunk(wire: Wire, path: str, data: bytes, start: int, stop: int, method: str = "PATCH") -> Reply:
    headers = {**OCTETS, "Content-Range": f"{start}-{stop - 1}"}
    return wire.ask(method, path, data[start:stop], headers)


def _assert_stored(wire: Wire, reply: Reply, data: bytes, digest: Digest) -> None:
    assert reply.status == 201
    assert reply.headers["docker-content-digest"] == str(digest)
    assert wire.ask("GET", _path(reply, wire)).body == data
    head = wire.ask("HEAD", f"/v2/{A}/blobs/{digest}")
    assert (head.status, head.headers["content-length"]) == (200, str(len(data)))


def _blob(wire: Wire, data: bytes, repository: str = A, algorithm: str = "sha256") -> Digest:
    digest = Digest.of(data, algorithm)
    path = _with(_open(wire, repository), f"digest={digest}")
    assert wire.ask("PUT", path, data, OCTETS).status == 201
    return digest


def _describe(body: bytes, kind: str, algorithm: str = "sha256", **more: object) -> dict[str, object]:
    return {"mediaType": kind, "digest": str(Digest.of(body, algorithm)), "size": len(body), **more}


def _manifest(wire: Wire, seed: str, algorithm: str = "sha256", **more: object) -> bytes:
    """Push an image's blobs and return its manifest."""
    config, layer = json.dumps({"os": "linux", "architecture": "amd64", "x": seed}).encode(), seed.encode()
    for data in (config, layer):
        _blob(wire, data, A, algorithm)
    document: dict[str, object] = {"schemaVersion": 2, "mediaType": OCI_MANIFEST}
    document["config"] = _describe(config, OCI_CONFIG, algorithm)
    document["layers"] = [_describe(layer, "application/vnd.oci.image.layer.v1.tar+gzip", algorithm)]
    return json.dumps(document | more).encode()


def _artifact(wire: Wire, subject: dict[str, object], kind: str | None = ARTIFACT, **more: object) -> bytes:
    _blob(wire, b"{}")
    empty = _describe(b"{}", OCI_EMPTY)
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": empty, "layers": [empty]}
    if kind is not None:
        document["artifactType"] = kind
    return json.dumps({**document, "subject": subject, **more}).encode()


def _index(children: Sequence[bytes], kind: str = OCI_MANIFEST, **more: object) -> bytes:
    entries = [_describe(child, kind) for child in children]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries} | more).encode()


def _put(wire: Wire, target: str | Digest, body: bytes, kind: str = OCI_MANIFEST, query: str = "") -> Reply:
    return wire.ask("PUT", f"/v2/{A}/manifests/{target}{query}", body, {"Content-Type": kind})


def _push(wire: Wire, body: bytes, kind: str = OCI_MANIFEST, tag: str | None = None) -> Digest:
    """Push a manifest by digest, then by tag, and read it back from where the answers say."""
    digest = Digest.of(body)
    for target in (str(digest), *([tag] if tag else [])):
        reply = _put(wire, target, body, kind)
        assert reply.status == 201
        for path in (_path(reply, wire), f"/v2/{A}/manifests/{target}"):
            found = wire.ask("GET", path, headers={"Accept": f"{OCI_INDEX}, {OCI_MANIFEST}"})
            assert (found.status, found.body, found.headers["content-type"]) == (200, body, kind)
            assert found.headers["docker-content-digest"] == str(digest)
    return digest


def _referrers(wire: Wire, subject: object, query: str = "") -> list[dict[str, object]]:
    reply = wire.ask("GET", f"/v2/{A}/referrers/{subject}{query}")
    assert (reply.status, reply.headers["content-type"]) == (200, OCI_INDEX)
    document = json.loads(reply.body)
    assert (document["schemaVersion"], document["mediaType"]) == (2, OCI_INDEX)
    found: list[dict[str, object]] = document["manifests"]
    return found


# Support, and what is not there.


def test_the_base_path_answers(wire: Wire) -> None:
    assert wire.ask("GET", "/v2/").status == 200


def test_an_empty_repository_has_no_tags(wire: Wire) -> None:
    reply = wire.ask("GET", f"/v2/{A}/tags/list")
    assert reply.status == 404 or json.loads(reply.body)["tags"] in ([], None)


def test_what_is_not_there_is_a_404(wire: Wire) -> None:
    absent = Digest.of(b"absent")
    for path in (f"blobs/{absent}", f"manifests/{absent}", "manifests/missing"):
        assert wire.ask("GET", f"/v2/{A}/{path}").status == 404
        assert wire.ask("HEAD", f"/v2/{A}/{path}").status == 404


def test_a_digest_that_is_none_is_refused(wire: Wire) -> None:
    body = _manifest(wire, "refused")
    assert _put(wire, "sha256:baddigeststring", body).status == 400
    assert wire.ask("GET", f"/v2/{A}/manifests/sha256:baddigeststring").status in {400, 404}


# Blobs.


def _post(wire: Wire, data: bytes, digest: Digest) -> Reply:
    return wire.ask("POST", f"/v2/{A}/blobs/uploads/?digest={digest}", data, OCTETS)


def _post_put(wire: Wire, data: bytes, digest: Digest) -> Reply:
    return wire.ask("PUT", _with(_open(wire), f"digest={digest}"), data, OCTETS)


def _chunks(wire: Wire, data: bytes, digest: Digest, *, last: str = "PATCH") -> Reply:
    path, size = _open(wire), len(data) // 3 + 1
    for start in range(0, len(data), size):
        stop = min(start + size, len(data))
        if last == "PUT" and stop == len(data):
            return _chunk(wire, _with(path, f"digest={digest}"), data, start, stop, "PUT")
        reply = _chunk(wire, path, data, start, stop)
        assert (reply.status, reply.headers["range"]) == (202, f"0-{stop - 1}")
        path = _path(reply, wire)
    return wire.ask("PUT", _with(path, f"digest={digest}"), b"", OCTETS)


def _chunks_and_put(wire: Wire, data: bytes, digest: Digest) -> Reply:
    return _chunks(wire, data, digest, last="PUT")


def _stream(wire: Wire, data: bytes, digest: Digest) -> Reply:
    pieces = (data[start : start + 100] for start in range(0, len(data), 100))
    reply = wire.ask("PATCH", _open(wire), pieces, OCTETS)
    assert reply.status == 202
    return wire.ask("PUT", _with(_path(reply, wire), f"digest={digest}"), b"", OCTETS)


WAYS: dict[str, Callable[[Wire, bytes, Digest], Reply]] = {
    "post-put": _post_put,
    "chunks": _chunks,
    "chunks-and-put": _chunks_and_put,
    "stream": _stream,
}
DATA = bytes(range(251)) * 13


@pytest.mark.parametrize("way", sorted(WAYS))
@pytest.mark.parametrize("data", [DATA, b"{}"], ids=["bytes", "empty-json"])
def test_blobs_are_taken_by_every_way(wire: Wire, way: str, data: bytes) -> None:
    digest = Digest.of(data)
    _assert_stored(wire, WAYS[way](wire, data, digest), data, digest)


def test_post_with_a_digest_and_the_bytes(wire: Wire) -> None:
    _assert_stored(wire, _post(wire, DATA, Digest.of(DATA)), DATA, Digest.of(DATA))


@pytest.mark.parametrize("way", ["post", *sorted(WAYS)])
def test_sha512_blobs_are_taken_by_every_way(wire: Wire, way: str) -> None:
    digest = Digest.of(DATA, "sha512")
    _assert_stored(wire, {"post": _post, **WAYS}[way](wire, DATA, digest), DATA, digest)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_the_empty_blob_is_a_blob(wire: Wire, way: str) -> None:
    _assert_stored(wire, WAYS[way](wire, b"", Digest.of(b"")), b"", Digest.of(b""))


@pytest.mark.parametrize("way", sorted(WAYS))
def test_bytes_of_another_digest_are_refused(wire: Wire, way: str) -> None:
    digest = Digest.of(b"else")
    assert WAYS[way](wire, DATA, digest).status == 400
    assert wire.ask("HEAD", f"/v2/{A}/blobs/{digest}").status == 404


@pytest.mark.parametrize("last", ["PATCH", "PUT"])
def test_chunks_out_of_order_are_refused_and_the_upload_goes_on(wire: Wire, last: str) -> None:
    path, digest = _open(wire), Digest.of(DATA)
    refused = _chunk(wire, path, DATA, 1000, 2000)
    assert refused.status == 416
    path = _path(_chunk(wire, path, DATA, 0, 1000), wire)
    again = _chunk(wire, _with(path, f"digest={digest}"), DATA, 2000, len(DATA), last)
    assert again.status == 416
    status = wire.ask("GET", path)
    assert (status.status, status.headers["range"]) == (204, "0-999")
    path = _path(status, wire)
    reply = _chunk(wire, _with(path, f"digest={digest}"), DATA, 1000, len(DATA), "PUT")
    _assert_stored(wire, reply, DATA, digest)


def test_a_chunk_sent_again_is_refused_and_changes_nothing(wire: Wire) -> None:
    first = _open(wire)
    _chunk(wire, first, DATA, 0, 1000)
    assert _chunk(wire, first, DATA, 0, 1000).status == 416
    status = wire.ask("GET", first)
    assert (status.status, status.headers["range"]) == (204, "0-999")
    path = _path(_chunk(wire, _path(status, wire), DATA, 1000, len(DATA)), wire)
    reply = wire.ask("PUT", _with(path, f"digest={Digest.of(DATA)}"), b"", OCTETS)
    _assert_stored(wire, reply, DATA, Digest.of(DATA))


def test_an_upload_is_cancelled(wire: Wire) -> None:
    path = _open(wire)
    assert wire.ask("DELETE", path).status == 204
    assert wire.ask("GET", path).status == 404


@pytest.mark.parametrize("query", [f"&from={B}", ""], ids=["from", "anonymous"])
def test_a_blob_is_mounted(wire: Wire, query: str) -> None:
    digest = _blob(wire, DATA, B)
    reply = wire.ask("POST", f"/v2/{A}/blobs/uploads/?mount={digest}{query}", b"")
    _assert_stored(wire, reply, DATA, digest)


def test_mounting_a_missing_blob_opens_an_upload(wire: Wire) -> None:
    digest = Digest.of(DATA)
    reply = wire.ask("POST", f"/v2/{A}/blobs/uploads/?mount={digest}&from={B}", b"")
    assert reply.status == 202
    path = _with(_path(reply, wire), f"digest={digest}")
    _assert_stored(wire, wire.ask("PUT", path, DATA, OCTETS), DATA, digest)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("500-1499", 500, 1500), ("500-", 500, None), ("-500", -500, None), ("2000-9999", 2000, None)],
)
def test_ranges(wire: Wire, asked: str, start: int, stop: int | None) -> None:
    digest = _blob(wire, DATA)
    reply = wire.ask("GET", f"/v2/{A}/blobs/{digest}", headers={"Range": f"bytes={asked}"})
    assert (reply.status, reply.body) == (206, DATA[start:stop])
    first = start % len(DATA)
    assert reply.headers["content-range"] == f"bytes {first}-{first + len(reply.body) - 1}/{len(DATA)}"


@pytest.mark.parametrize("asked", ["500-0", "5000-10000"])
def test_ranges_that_cannot_be(wire: Wire, asked: str) -> None:
    digest = _blob(wire, DATA)
    reply = wire.ask("GET", f"/v2/{A}/blobs/{digest}", headers={"Range": f"bytes={asked}"})
    assert reply.status == 416


def test_a_deleted_blob_is_gone_at_once(wire: Wire) -> None:
    digest = _blob(wire, DATA)
    assert wire.ask("DELETE", f"/v2/{A}/blobs/{digest}").status == 202
    assert wire.ask("HEAD", f"/v2/{A}/blobs/{digest}").status == 404
    assert wire.ask("DELETE", f"/v2/{A}/blobs/{digest}").status == 404


# Manifests.


def test_images_are_pushed_by_digest_and_tag(wire: Wire) -> None:
    _push(wire, _manifest(wire, "image"), tag="image")


def test_an_image_without_layers_with_data_and_unknown_fields(wire: Wire) -> None:
    document = json.loads(_manifest(wire, "custom"))
    document["layers"], document["org.example.field"] = [], {"x": ["y"]}
    config = wire.ask("GET", f"/v2/{A}/blobs/{document['config']['digest']}").body
    document["config"]["data"] = base64.b64encode(config).decode()
    _push(wire, json.dumps(document).encode(), tag="custom")


def test_a_manifest_of_nearly_four_mebibytes_is_taken(wire: Wire) -> None:
    notes = {f"large-annotation-{number}": "A" * 10_000 for number in range(390)}
    _push(wire, _manifest(wire, "large", annotations=notes), tag="large")


def test_layers_that_stay_elsewhere_need_not_be_pushed(wire: Wire) -> None:
    document = json.loads(_manifest(wire, "foreign"))
    kind = "application/vnd.oci.image.layer.nondistributable.v1.tar"
    for suffix in ("", "+gzip"):
        layer = _describe(f"vendor{suffix}".encode(), kind + suffix, urls=["https://store.example.com/x"])
        document["layers"].insert(0, layer)
    _push(wire, json.dumps(document).encode(), tag="foreign")


def test_an_index_of_indexes_and_an_empty_index(wire: Wire) -> None:
    images = [_manifest(wire, f"nested {number}") for number in range(3)]
    for image in images:
        _push(wire, image)
    inner = [_index(images[:2]), _index(images[2:])]
    for index in inner:
        _push(wire, index, OCI_INDEX)
    _push(wire, _index(inner, OCI_INDEX), OCI_INDEX, "nested")
    _push(wire, _index([]), OCI_INDEX, "empty")


def test_a_manifest_that_does_not_hash_to_its_digest_is_refused(wire: Wire) -> None:
    body = _manifest(wire, "bad digest")
    assert _put(wire, Digest.of(body), body + b"  ").status == 400


def test_sha512_images_are_kept_by_their_digest(wire: Wire) -> None:
    body = _manifest(wire, "sha512", "sha512")
    digest = Digest.of(body, "sha512")
    reply = _put(wire, digest, body)
    assert (reply.status, reply.headers["docker-content-digest"]) == (201, str(digest))
    assert wire.ask("GET", f"/v2/{A}/manifests/{digest}", headers={"Accept": OCI_MANIFEST}).body == body


def test_a_manifest_pushed_by_digest_takes_tags_along(wire: Wire) -> None:
    body, digest = b"", Digest.of(b"")
    for algorithm in ("sha256", "sha512"):
        body = _manifest(wire, algorithm, algorithm)
        digest, tags = Digest.of(body, algorithm), [f"{algorithm}-0", f"{algorithm}-1"]
        reply = _put(wire, digest, body, query="?" + "&".join(f"tag={tag}" for tag in tags))
        assert [tag.strip() for tag in reply.headers["oci-tag"].split(",")] == tags
        for tag in tags:
            found = wire.ask("HEAD", f"/v2/{A}/manifests/{tag}")
            assert found.headers["docker-content-digest"] == str(digest)
    assert _put(wire, digest, body, query="?tag=.bad").status == 400


# Tags.


def test_tags_are_listed(wire: Wire) -> None:
    body = _manifest(wire, "tags")
    for tag in ("b", "a", "C"):
        _push(wire, body, tag=tag)
    assert sorted(json.loads(wire.ask("GET", f"/v2/{A}/tags/list").body)["tags"]) == ["C", "a", "b"]


def test_tags_go_on_after_last(wire: Wire) -> None:
    body = _manifest(wire, "pages")
    for tag in "dbac":
        assert _put(wire, tag, body).status == 201
    assert json.loads(wire.ask("GET", f"/v2/{A}/tags/list?last=b").body)["tags"] == ["c", "d"]
    reply = wire.ask("GET", f"/v2/{A}/tags/list?n=3")
    assert json.loads(reply.body)["tags"] == ["a", "b", "c"]
    target, _, relation = reply.headers["link"].partition(">; ")
    assert relation == 'rel="next"'
    assert json.loads(wire.ask("GET", target.removeprefix("<")).body)["tags"] == ["d"]


def test_a_tag_can_be_deleted_alone(wire: Wire) -> None:
    digest = _push(wire, _manifest(wire, "untagged"), tag="one")
    assert wire.ask("DELETE", f"/v2/{A}/manifests/one").status == 202
    assert wire.ask("HEAD", f"/v2/{A}/manifests/one").status == 404
    accept = {"Accept": OCI_MANIFEST}
    assert wire.ask("HEAD", f"/v2/{A}/manifests/{digest}", headers=accept).status == 200


def test_a_deleted_manifest_is_gone_at_once(wire: Wire) -> None:
    digest = _push(wire, _manifest(wire, "gone"), tag="one")
    assert wire.ask("DELETE", f"/v2/{A}/manifests/{digest}").status == 202
    for target in (digest, "one"):
        found = wire.ask("HEAD", f"/v2/{A}/manifests/{target}", headers={"Accept": OCI_MANIFEST})
        assert found.status == 404
    assert wire.ask("DELETE", f"/v2/{A}/manifests/{digest}").status == 404


def test_a_repository_that_was_emptied_lists_no_tags(wire: Wire) -> None:
    digest = _push(wire, _manifest(wire, "last"), tag="1")
    assert wire.ask("DELETE", f"/v2/{A}/manifests/{digest}").status == 202
    reply = wire.ask("GET", f"/v2/{A}/tags/list")
    assert (reply.status, json.loads(reply.body)["tags"] or []) == (200, [])


# Referrers.


def test_referrers_of_an_unknown_digest_are_an_empty_index(wire: Wire) -> None:
    assert _referrers(wire, Digest.of(b"unknown")) == []


def test_referrers_are_found_by_subject_and_filtered_by_type(wire: Wire) -> None:
    image = _manifest(wire, "subject")
    subject = _describe(image, OCI_MANIFEST)
    _push(wire, image, tag="subject")
    notes = {"org.opencontainers.conformance": "hello"}
    bodies = {
        ARTIFACT: _artifact(wire, subject, annotations=notes),
        f"{ARTIFACT}+two": _artifact(wire, subject, f"{ARTIFACT}+two"),
        OCI_CONFIG: _manifest(wire, "referring", subject=subject),
    }
    for body in bodies.values():
        reply = _put(wire, Digest.of(body), body)
        assert (reply.status, reply.headers["oci-subject"]) == (201, subject["digest"])
    found = {str(one["artifactType"]): one for one in _referrers(wire, subject["digest"])}
    assert {kind: one["digest"] for kind, one in found.items()} == {
        kind: str(Digest.of(body)) for kind, body in bodies.items()
    }
    assert found[ARTIFACT]["annotations"] == notes
    reply = wire.ask("GET", f"/v2/{A}/referrers/{subject['digest']}?artifactType={ARTIFACT}%2Btwo")
    assert reply.headers["oci-filters-applied"] == "artifactType"
    assert [one["artifactType"] for one in json.loads(reply.body)["manifests"]] == [f"{ARTIFACT}+two"]
    for body in bodies.values():
        assert wire.ask("DELETE", f"/v2/{A}/manifests/{Digest.of(body)}").status == 202
    assert _referrers(wire, subject["digest"]) == []


def test_an_index_refers_to_its_subject(wire: Wire) -> None:
    image = _manifest(wire, "index subject")
    _push(wire, image)
    subject = _describe(image, OCI_MANIFEST)
    index = _index([image], artifactType=ARTIFACT, subject=subject, annotations={"a": "b"})
    assert _put(wire, "referring", index, OCI_INDEX).headers["oci-subject"] == subject["digest"]
    (found,) = _referrers(wire, subject["digest"])
    wanted = _describe(index, OCI_INDEX, artifactType=ARTIFACT, annotations={"a": "b"})
    assert found == wanted


def test_a_missing_subject_is_confirmed_and_has_referrers(wire: Wire) -> None:
    subject: dict[str, object] = {"mediaType": OCI_MANIFEST, "size": 123}
    subject["digest"] = str(Digest.of(b"missing content"))
    body = _artifact(wire, subject)
    assert _put(wire, "signature", body).headers["oci-subject"] == subject["digest"]
    assert [one["digest"] for one in _referrers(wire, subject["digest"])] == [str(Digest.of(body))]


def test_what_the_referrers_tag_lists_is_a_referrer_too(wire: Wire) -> None:
    """A client of an older registry kept the list itself, under the tag ``sha256-…``."""
    image = _manifest(wire, "fallback")
    _push(wire, image)
    signature = _artifact(wire, _describe(image, OCI_MANIFEST))
    assert _put(wire, Digest.of(signature), signature).status == 201
    tag = str(Digest.of(image)).replace(":", "-")
    _push(wire, _index([signature]), OCI_INDEX, tag)
    reply = wire.ask("GET", f"/v2/{A}/referrers/{Digest.of(image)}")
    if reply.status == 200:  # A registry without the list leaves the tag to its clients.
        assert [one["digest"] for one in json.loads(reply.body)["manifests"]] == [str(Digest.of(signature))]
    else:
        assert reply.status == 404


def test_everything_can_be_deleted_in_the_order_of_a_cleanup(wire: Wire) -> None:
    images = [_manifest(wire, f"cleanup {number}") for number in range(2)]
    for image in images:
        _push(wire, image)
    index = _index(images)
    _push(wire, index, OCI_INDEX, "index")
    for body in (index, *reversed(images)):
        assert wire.ask("DELETE", f"/v2/{A}/manifests/{Digest.of(body)}").status == 202
    for image in images:
        document = json.loads(image)
        for one in (document["config"], *document["layers"]):
            assert wire.ask("DELETE", f"/v2/{A}/blobs/{one['digest']}").status == 202


if peers.has("docker-registry"):

    @pytest.mark.parametrize("name", sorted(KNOWN))
    def test_what_docker_registry_is_listed_for_does_fail_there(tmp_path: Path, name: str) -> None:
        with DockerRegistry(tmp_path) as peer, Wire(peer.address) as connection:
            try:
                globals()[name](connection, **KNOWN[name])
            # KeyError: a header that is not there; HTTPException: an answer that is cut short.
            except (AssertionError, KeyError, http.client.HTTPException):
                return
        # A later version may have mended it; what is listed was seen with this one.
        version = peers.run("docker-registry", "--version").decode()
        assert " 2.8.2" not in version, f"{name} no longer fails with {version}"
