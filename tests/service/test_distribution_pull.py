"""Pulling, as the OCI distribution specification 1.1 asks ("Pulling manifests", "Pulling blobs")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.model.digest import Digest
from imagelock.model.manifest import DOCKER_MANIFEST, OCI_INDEX

if TYPE_CHECKING:
    from imagelock.stores.local import LocalStore
    from support.wire import Wire

IMAGE = sample_image("pull", [LINUX_AMD64, LINUX_ARM64])
ABSENT = Digest.of(b"absent")
LAYER, DATA = IMAGE.blobs[1]


@pytest.fixture(autouse=True)
def _pushed(store: LocalStore) -> None:
    push_sample(store, "team/app", "1.0", IMAGE)


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_base_path_says_that_this_is_a_registry(wire: Wire, path: str) -> None:
    reply = wire.ask("GET", path)
    assert reply.status == 200
    assert reply.headers["docker-distribution-api-version"] == "registry/2.0"


@pytest.mark.parametrize("target", ["1.0", str(IMAGE.digest)])
def test_manifest_is_given_as_it_was_stored(wire: Wire, target: str) -> None:
    reply = wire.ask("GET", f"/v2/team/app/manifests/{target}", headers={"Accept": DOCKER_MANIFEST})
    assert (reply.status, reply.body) == (200, IMAGE.content.body)
    assert reply.headers["content-type"] == OCI_INDEX
    assert reply.headers["docker-content-digest"] == str(IMAGE.digest)


def test_head_of_a_manifest_says_what_get_would_and_sends_no_body(wire: Wire) -> None:
    reply = wire.ask("HEAD", "/v2/team/app/manifests/1.0")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-length"] == str(len(IMAGE.content.body))
    assert reply.headers["docker-content-digest"] == str(IMAGE.digest)
    assert wire.ask("GET", "/v2/").status == 200  # The connection is still in step.


def test_children_of_an_index_are_manifests_of_the_repository(wire: Wire) -> None:
    for child in IMAGE.children:
        assert wire.ask("GET", f"/v2/team/app/manifests/{child.digest}").body == child.body


@pytest.mark.parametrize("target", ["absent", str(ABSENT), "sha256:totallywrong", ".INVALID"])
def test_a_manifest_that_is_not_there_is_a_404(wire: Wire, target: str) -> None:
    reply = wire.ask("GET", f"/v2/team/app/manifests/{target}")
    assert (reply.status, reply.code) == (404, "MANIFEST_UNKNOWN")
    assert wire.ask("HEAD", f"/v2/team/app/manifests/{target}").status == 404


def test_a_manifest_of_another_repository_is_a_404(wire: Wire) -> None:
    assert wire.ask("GET", f"/v2/team/other/manifests/{IMAGE.digest}").status == 404


def test_blob_comes_whole_with_its_length_and_digest(wire: Wire) -> None:
    reply = wire.ask("GET", f"/v2/team/app/blobs/{LAYER.digest}")
    assert (reply.status, reply.body) == (200, DATA)
    assert reply.headers["content-length"] == str(len(DATA))
    assert reply.headers["docker-content-digest"] == str(LAYER.digest)


def test_head_of_a_blob_says_its_length(wire: Wire) -> None:
    reply = wire.ask("HEAD", f"/v2/team/app/blobs/{LAYER.digest}")
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", str(len(DATA)))


def test_a_blob_that_is_not_there_is_a_404_and_no_digest_a_400(wire: Wire) -> None:
    reply = wire.ask("GET", f"/v2/team/app/blobs/{ABSENT}")
    assert (reply.status, reply.code) == (404, "BLOB_UNKNOWN")
    assert wire.ask("HEAD", f"/v2/team/app/blobs/{ABSENT}").status == 404
    assert wire.ask("GET", "/v2/team/app/blobs/sha256:xyz").code == "DIGEST_INVALID"


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=10-", 10, len(DATA)),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
        ("bytes=5-999999", 5, len(DATA)),
        ("bytes=-999999", 0, len(DATA)),
        ("Bytes= 3-4 ,", 3, 5),
    ],
)
def test_ranges_are_given_and_named(wire: Wire, asked: str, start: int, stop: int) -> None:
    reply = wire.ask("GET", f"/v2/team/app/blobs/{LAYER.digest}", headers={"Range": asked})
    assert (reply.status, reply.body) == (206, DATA[start:stop])
    assert reply.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"


@pytest.mark.parametrize("asked", ["bytes=999999-", "bytes=999999-1000000", "bytes=-0", "bytes=9-5"])
def test_a_range_outside_the_blob_is_a_416(wire: Wire, asked: str) -> None:
    reply = wire.ask("GET", f"/v2/team/app/blobs/{LAYER.digest}", headers={"Range": asked})
    assert reply.status == 416
    assert reply.headers["content-range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "lines=0-1", "bytes=-", "bytes=a-b"])
def test_what_is_no_single_range_gives_the_whole_blob(wire: Wire, asked: str) -> None:
    reply = wire.ask("GET", f"/v2/team/app/blobs/{LAYER.digest}", headers={"Range": asked})
    assert (reply.status, reply.body) == (200, DATA)


CONTENT = {
    "manifest": ("/v2/team/app/manifests/1.0", IMAGE.digest, IMAGE.content.body),
    "blob": (f"/v2/team/app/blobs/{LAYER.digest}", LAYER.digest, DATA),
}


@pytest.mark.parametrize("kind", sorted(CONTENT))
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("known", ['"{}"', 'W/"{}"', '"else", "{}"', "*"])
def test_what_a_client_has_is_not_sent_again(wire: Wire, kind: str, method: str, known: str) -> None:
    path, digest, body = CONTENT[kind]
    reply = wire.ask(method, path, headers={"If-None-Match": known.format(digest), "Range": "bytes=0-1"})
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", f'"{digest}"')
    assert "content-length" not in reply.headers
    assert wire.ask("GET", path).body == body  # The connection is still in step.


@pytest.mark.parametrize("kind", sorted(CONTENT))
def test_what_a_client_has_not_is_sent(wire: Wire, kind: str) -> None:
    path, digest, body = CONTENT[kind]
    for headers in ({"If-None-Match": '"else"'}, {"If-Match": f'"else", "{digest}"'}, {"If-Match": "*"}):
        reply = wire.ask("GET", path, headers=headers)
        assert (reply.status, reply.body) == (200, body)


@pytest.mark.parametrize("kind", sorted(CONTENT))
@pytest.mark.parametrize("wanted", ['"else"', 'W/"{}"'])
def test_who_wants_other_content_than_there_is_gets_a_412(wire: Wire, kind: str, wanted: str) -> None:
    path, digest, _ = CONTENT[kind]
    for method in ("GET", "HEAD"):
        assert wire.ask(method, path, headers={"If-Match": wanted.format(digest)}).status == 412


def test_a_range_of_other_content_gives_the_whole_blob(wire: Wire) -> None:
    path, digest, _ = CONTENT["blob"]
    for known, length in (
        (f'"{digest}"', 2),
        ('"else"', len(DATA)),
        ("Sat, 01 Jan 2000 00:00:00 GMT", len(DATA)),
    ):
        reply = wire.ask("GET", path, headers={"Range": "bytes=0-1", "If-Range": known})
        assert (reply.status, len(reply.body)) == (206 if length == 2 else 200, length)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/",
        "/v2/_catalog",
        "/v2/team/app/tags/list?n=1",
        "/v2/team/none/tags/list",
        f"/v2/team/app/referrers/{IMAGE.digest}",
        "/v2/team/app/manifests/1.0",
        "/v2/team/app/manifests/none",
        f"/v2/team/app/blobs/{LAYER.digest}",
        f"/v2/team/app/blobs/{ABSENT}",
        "/v2/team/app/blobs/uploads/none",
        "/v2/Team/tags/list",
    ],
)
def test_head_says_what_get_says(wire: Wire, path: str) -> None:
    got, said = wire.ask("GET", path), wire.ask("HEAD", path)
    assert (said.status, said.body) == (got.status, b"")
    assert {**said.headers, "date": ""} == {**got.headers, "date": ""}


@pytest.mark.parametrize("name", ["Team/app", "team//app", "team/app_", "-a", "a" * 256, "team/../app"])
def test_a_name_outside_the_grammar_is_refused(wire: Wire, name: str) -> None:
    reply = wire.ask("GET", f"/v2/{name}/manifests/1.0")
    assert (reply.status, reply.code) == (400, "NAME_INVALID")


def test_a_name_may_hold_the_words_of_the_paths(store: LocalStore, wire: Wire) -> None:
    for name in ("manifests/blobs", "blobs/uploads", "v2/tags/list"):
        push_sample(store, name, "1", IMAGE)
        assert wire.ask("GET", f"/v2/{name}/manifests/1").body == IMAGE.content.body


@pytest.mark.parametrize("path", ["/", "/v1/", "/v2/team/app", "/v2/team/app/else/1.0"])
def test_other_paths_are_a_404_with_an_error_body(wire: Wire, path: str) -> None:
    reply = wire.ask("GET", path)
    assert (reply.status, reply.code) == (404, "UNSUPPORTED")
