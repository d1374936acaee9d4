"""What the client promises when it writes: nothing half, nothing twice, nothing under another digest."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from imagelock import limits
from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.errors import (
    IncompleteError,
    IntegrityError,
    NotFoundError,
    RegistryError,
    UnreachableError,
    WriteRefusedError,
)
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_MANIFEST, Descriptor
from imagelock.stores.base import Content
from support.lying import Reply, oci_error
from support.push import push_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import AnyRegistry
    from imagelock.service.embedded import EmbeddedRegistry
    from registry.conftest import NewClient
    from support.lying import Lying, Seen

DATA = b"a made up layer" * 50_000
LAYER = Descriptor(
    media_type="application/vnd.oci.image.layer.v1.tar+gzip", digest=Digest.of(DATA), size=len(DATA)
)


def pieces(data: bytes = DATA, size: int = 65_536) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def accept(
    lying: Lying, put: Reply | None = None, location: str = "/v2/team/app/blobs/uploads/1?state=x"
) -> None:
    lying.on("POST /v2/team/app/blobs/uploads/", Reply(status=202, headers=(("Location", location),)))
    done = put or Reply(status=201, headers=(("Docker-Content-Digest", str(LAYER.digest)),))
    lying.on(f"PUT {location.partition('?')[0]}", done)


def test_an_image_pushed_is_read_back_with_the_same_digest(
    any_registry: AnyRegistry, new_client: NewClient
) -> None:
    image = sample_image("push", [LINUX_AMD64, LINUX_ARM64])
    client, name = new_client(), f"{any_registry.address}/team/app"
    digest = push_sample(client, name, "1.0", image)
    assert client.get_manifest(name, "1.0").digest == digest == client.resolve_tag(name, "1.0")
    assert all(client.has_blob(name, blob.digest) for blob, _ in image.blobs)
    assert all(b"".join(client.open_blob(name, blob)) == data for blob, data in image.blobs)


def test_a_blob_is_mounted_from_another_repository(any_registry: AnyRegistry, new_client: NewClient) -> None:
    client, here = new_client(), any_registry.address
    client.put_blob(f"{here}/team/app", LAYER, pieces())
    assert client.mount(f"{here}/team/other", LAYER.digest, f"{here}/team/app")
    assert client.has_blob(f"{here}/team/other", LAYER.digest)
    assert not client.mount(f"{here}/team/third", Digest.of(b"nowhere"), f"{here}/team/app")
    assert not client.mount(f"{here}/team/third", LAYER.digest, "quay.io/team/app")


def test_a_blob_is_sent_in_one_request_with_its_length(lying: Lying, new_client: NewClient) -> None:
    accept(lying)
    new_client().put_blob(f"{lying.address}/team/app", LAYER, pieces())
    put = lying.seen[-1]
    assert put.body == DATA
    assert put.headers["content-length"] == str(LAYER.size)
    assert "transfer-encoding" not in put.headers
    assert put.target == f"/v2/team/app/blobs/uploads/1?state=x&digest={LAYER.digest}"


@pytest.mark.parametrize("location", ["uploads/7", "/elsewhere/7?a=b%2Fc", "{url}/v2/other/7"])
def test_a_location_may_be_relative_or_on_another_path(
    lying: Lying, new_client: NewClient, location: str
) -> None:
    lying.default = Reply(status=201)
    sent = location.format(url=lying.url)
    lying.on("POST /v2/team/app/blobs/uploads/", Reply(status=202, headers=(("Location", sent),)))
    new_client().put_blob(f"{lying.address}/team/app", LAYER, pieces())
    target = lying.seen[-1].target
    assert target.startswith(("/uploads/7?", "/elsewhere/7?a=b%2Fc&", "/v2/other/7?"))
    assert target.endswith(f"digest={LAYER.digest}")


def test_a_login_does_not_follow_a_location_to_another_host(
    lying: Lying, other: Lying, new_client: NewClient, tmp_path: Path
) -> None:
    asked = oci_error(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="made-up"')

    def answer(seen: Seen) -> Reply:
        if seen.authorization is None:
            return asked
        return Reply(status=202, headers=(("Location", f"{other.url}/upload/1"),))

    lying.on("POST /v2/team/app/blobs/uploads/", answer)
    other.default = Reply(status=201)
    auth = {"REGISTRY_AUTH_FILE": _auth_file(lying.address, tmp_path)}
    client = new_client(environ=auth)
    client.put_blob(f"{lying.address}/team/app", LAYER, pieces())
    assert lying.seen[-1].authorization is not None
    assert [seen.authorization for seen in other.seen] == [None]
    assert other.seen[0].body == DATA


def _auth_file(host: str, folder: Path) -> str:
    path = folder / "auth.json"
    secret = base64.b64encode(b"user:secret").decode()
    path.write_text(json.dumps({"auths": {host: {"auth": secret}}}))
    return str(path)


def test_pieces_that_can_be_had_again_are_sent_again_after_trouble(
    lying: Lying, new_client: NewClient
) -> None:
    accept(lying)
    lying.on("PUT /v2/team/app/blobs/uploads/1", oci_error(503, "UNAVAILABLE"), Reply(status=201))
    new_client(retry_time=20).put_blob(f"{lying.address}/team/app", LAYER, pieces())
    assert [seen.body == DATA for seen in lying.seen if seen.method == "PUT"] == [True, True]


def test_a_mere_iterator_is_never_sent_twice(lying: Lying, new_client: NewClient) -> None:
    accept(lying, oci_error(503, "UNAVAILABLE"))
    with pytest.raises(UnreachableError):
        new_client(retry_time=20).put_blob(f"{lying.address}/team/app", LAYER, iter(pieces()))
    assert len(lying.requests("PUT")) == 1


def test_a_session_that_is_gone_is_opened_anew(lying: Lying, new_client: NewClient) -> None:
    accept(lying)
    lying.on("PUT /v2/team/app/blobs/uploads/1", oci_error(404, "BLOB_UPLOAD_UNKNOWN"), Reply(status=201))
    new_client().put_blob(f"{lying.address}/team/app", LAYER, pieces())
    assert len(lying.requests("POST")) == 2


def test_a_registry_that_stored_something_else_is_not_believed(lying: Lying, new_client: NewClient) -> None:
    wrong = Reply(status=201, headers=(("Docker-Content-Digest", f"sha256:{'0' * 64}"),))
    accept(lying, wrong)
    with pytest.raises(IntegrityError, match="instead of"):
        new_client().put_blob(f"{lying.address}/team/app", LAYER, pieces())


def test_nothing_is_kept_when_the_source_breaks_off(any_registry: AnyRegistry, new_client: NewClient) -> None:
    def broken() -> Iterator[bytes]:
        yield DATA[:100_000]
        raise IntegrityError("the source lied")

    client, name = new_client(), f"{any_registry.address}/team/app"
    with pytest.raises(IntegrityError, match="the source lied"):
        client.put_blob(name, LAYER, broken())
    assert not client.has_blob(name, LAYER.digest)


def test_a_page_that_says_404_is_no_blob(lying: Lying, new_client: NewClient) -> None:
    lying.default = Reply(status=404, headers=(("Content-Type", "text/html"),))
    assert not new_client().has_blob(f"{lying.address}/team/app", LAYER.digest)


def test_a_missing_place_to_write_is_not_an_image_that_is_gone(lying: Lying, new_client: NewClient) -> None:
    lying.on("POST /v2/team/app/blobs/uploads/", oci_error(404, "NAME_UNKNOWN"))
    with pytest.raises(RegistryError, match="to write to") as caught:
        new_client().put_blob(f"{lying.address}/team/app", LAYER, pieces())
    assert not isinstance(caught.value, NotFoundError)


def test_a_manifest_without_its_blobs_is_refused_by_name(
    any_registry: AnyRegistry, new_client: NewClient
) -> None:
    image, client = sample_image("no blobs"), new_client()
    with pytest.raises(IncompleteError):
        client.put_manifest(f"{any_registry.address}/team/app", image.content, "1.0")
    assert client.resolve_tag(f"{any_registry.address}/team/app", "1.0") is None


def test_a_tag_is_told_by_its_body_where_head_says_nothing(lying: Lying, new_client: NewClient) -> None:
    image = sample_image("headless")
    lying.on("HEAD /v2/team/app/manifests/1.0", Reply(status=200))
    lying.on(
        "GET /v2/team/app/manifests/1.0",
        Reply(body=image.content.body, headers=(("Content-Type", image.content.media_type),)),
    )
    assert new_client().resolve_tag(f"{lying.address}/team/app", "1.0") == image.digest


def test_a_token_for_writing_is_asked_for_once(lying: Lying, other: Lying, new_client: NewClient) -> None:
    scopes: list[str] = []

    def token(seen: Seen) -> Reply:
        scopes.append(seen.target)
        return Reply(body=b'{"token": "made-up", "expires_in": 300}')

    def guarded(seen: Seen) -> Reply:
        if seen.authorization is None:
            challenge = f'Bearer realm="{other.url}/token",service="x",scope="repository:team/app:pull"'
            return oci_error(401, "UNAUTHORIZED", WWW_Authenticate=challenge)
        if seen.method == "HEAD":
            return oci_error(404, "BLOB_UNKNOWN")
        if seen.method == "POST":
            return Reply(status=202, headers=(("Location", "/v2/team/app/blobs/uploads/1"),))
        return Reply(status=201)

    other.on("/token", token)
    lying.default = guarded
    client, name = new_client(), f"{lying.address}/team/app"
    assert not client.has_blob(name, LAYER.digest)
    client.put_blob(name, LAYER, pieces())
    assert [target.rpartition("scope=")[2] for target in scopes] == ["repository%3Ateam%2Fapp%3Apull%2Cpush"]


# Downloads.


def serve_blob(lying: Lying, *replies: Reply) -> None:
    lying.on(f"GET /v2/team/app/blobs/{LAYER.digest}", *replies)


def test_a_broken_download_goes_on_where_it_broke(lying: Lying, new_client: NewClient) -> None:
    half = len(DATA) // 2

    def answer(seen: Seen) -> Reply:
        if "range" not in seen.headers:
            return Reply(body=DATA, cut=half)
        start = int(seen.headers["range"].removeprefix("bytes=").rstrip("-"))
        return Reply(status=206, body=DATA[start:])

    lying.on(f"GET /v2/team/app/blobs/{LAYER.digest}", answer)
    found = b"".join(new_client().open_blob(f"{lying.address}/team/app", LAYER))
    assert hashlib.sha256(found).hexdigest() == LAYER.digest.hex
    assert lying.seen[1].headers["range"] == f"bytes={half}-"


def test_a_broken_download_starts_over_where_there_are_no_ranges(lying: Lying, new_client: NewClient) -> None:
    serve_blob(lying, Reply(body=DATA, cut=len(DATA) // 3), Reply(body=DATA))
    assert b"".join(new_client().open_blob(f"{lying.address}/team/app", LAYER)) == DATA


def test_a_download_that_always_breaks_ends(lying: Lying, new_client: NewClient) -> None:
    serve_blob(lying, Reply(body=DATA, cut=10))
    with pytest.raises(UnreachableError):
        list(new_client().open_blob(f"{lying.address}/team/app", LAYER))


def test_the_last_piece_of_a_wrong_blob_never_comes(lying: Lying, new_client: NewClient) -> None:
    wrong = bytearray(DATA)
    wrong[-1] ^= 1
    serve_blob(lying, Reply(body=bytes(wrong)))
    found: list[bytes] = []
    with pytest.raises(IntegrityError, match="sent the wrong bytes"):
        found.extend(new_client().open_blob(f"{lying.address}/team/app", LAYER))
    assert sum(map(len, found)) < LAYER.size


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=DATA[:-1]),
        Reply(body=DATA + b"x"),
        Reply(body=DATA + b"x", unsized=True),
        Reply(body=DATA[:-1], unsized=True),
        Reply(body=DATA, headers=(("Content-Encoding", "gzip"),)),
    ],
    ids=["short", "long", "endless", "early end", "compressed"],
)
def test_a_blob_of_another_size_or_form_is_refused(lying: Lying, new_client: NewClient, reply: Reply) -> None:
    serve_blob(lying, reply)
    with pytest.raises(IntegrityError):
        list(new_client().open_blob(f"{lying.address}/team/app", LAYER))


def test_an_endless_blob_ends_where_its_size_says(lying: Lying, new_client: NewClient) -> None:
    serve_blob(lying, Reply(body=DATA + bytes(16 * limits.MIB), unsized=True))
    found: list[bytes] = []
    with pytest.raises(IntegrityError, match="sends more than"):
        found.extend(new_client().open_blob(f"{lying.address}/team/app", LAYER))
    assert sum(map(len, found)) <= LAYER.size + limits.PIECE_BYTES


def test_one_connection_a_host_copies_within_it(
    embedded_registry: EmbeddedRegistry, new_client: NewClient
) -> None:
    image = sample_image("one connection")
    push_image(embedded_registry.url, "team/app", "1.0", image)
    client, here = new_client(jobs=1), embedded_registry.address
    layer, data = image.blobs[-1]
    target = f"{here}/team/copy"
    client.put_blob(target, layer, client.open_blob(f"{here}/team/app", layer))
    assert b"".join(client.open_blob(target, layer)) == data


def test_a_tag_is_not_free_because_head_says_404(lying: Lying, new_client: NewClient) -> None:
    body = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    lying.on("HEAD /v2/team/app/manifests/1.0", oci_error(404, "MANIFEST_UNKNOWN"))
    lying.on("GET /v2/team/app/manifests/1.0", Reply(status=200, body=body))
    client = new_client()
    assert client.resolve_tag(f"{lying.address}/team/app", "1.0") == Digest.of(body)
    lying.on("GET /v2/team/app/manifests/1.0", oci_error(404, "MANIFEST_UNKNOWN"))
    assert client.resolve_tag(f"{lying.address}/team/app", "1.0") is None


@pytest.mark.parametrize("status", [400, 405, 412, 413])
def test_a_plain_refusal_to_write_is_definite(lying: Lying, new_client: NewClient, status: int) -> None:
    accept(lying)
    lying.on("PUT /v2/team/app/manifests/1.0", oci_error(status, "DENIED"))
    content = Content(body=b"{}", digest=Digest.of(b"{}"), media_type=OCI_MANIFEST, host="test")
    with pytest.raises(WriteRefusedError, match=str(status)):
        new_client().put_manifest(f"{lying.address}/team/app", content, "1.0")


def test_a_mount_that_fails_is_streamed_instead(lying: Lying, new_client: NewClient) -> None:
    lying.default = oci_error(500, "UNKNOWN")
    assert not new_client().mount(f"{lying.address}/team/app", LAYER.digest, f"{lying.address}/team/other")
    assert len(lying.seen) <= 2


def test_a_registry_without_head_is_sent_everything(lying: Lying, new_client: NewClient) -> None:
    lying.default = Reply(status=405)
    client = new_client()
    assert not client.has_blob(f"{lying.address}/team/app", LAYER.digest)
    assert not client.has_manifest(f"{lying.address}/team/app", LAYER.digest)
