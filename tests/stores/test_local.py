"""What every local store promises, over memory and over a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.errors import IncompleteError, IntegrityError, NotFoundError, UsageError
from imagelock.limits import PIECE_BYTES
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_MANIFEST, Descriptor
from imagelock.stores.base import Content
from imagelock.stores.memory import MemoryStore
from imagelock.stores.oci_layout import LayoutStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagelock.stores.local import LocalStore

IMAGE = sample_image("local", [LINUX_AMD64, LINUX_ARM64], attestation=True)
DATA = b"0123456789" * 100_000
BLOB = Descriptor(media_type="application/octet-stream", digest=Digest.of(DATA), size=len(DATA))


@pytest.fixture(params=["memory", "layout"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LocalStore:
    """Give an empty store."""
    return MemoryStore() if request.param == "memory" else LayoutStore(tmp_path / "layout")


def _pieces(data: bytes, size: int = 70_000) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def test_an_image_comes_out_as_it_went_in(store: LocalStore) -> None:
    push_sample(store, "app", "1.0", IMAGE)
    assert store.get_manifest("app", "1.0").body == IMAGE.content.body
    claim = store.head("app", "1.0")
    assert (claim.digest, claim.media_type, claim.size) == (
        IMAGE.digest,
        IMAGE.content.media_type,
        len(IMAGE.content.body),
    )
    for child in IMAGE.children:
        assert store.get_manifest("app", child.digest).media_type == child.media_type
        assert store.has_manifest("app", child.digest)
    for descriptor, data in IMAGE.blobs:
        assert store.get_blob("app", descriptor.digest, descriptor.size) == data
        assert store.has_blob("app", descriptor.digest)


def test_what_is_not_there_is_not_found(store: LocalStore) -> None:
    absent = Digest.of(b"absent")
    for ask in (
        lambda: store.get_manifest("app", "1.0"),
        lambda: store.head("app", absent),
        lambda: store.tags("app"),
        lambda: store.get_blob("app", absent, 10),
        lambda: store.blob_size("app", absent),
        lambda: list(store.open_blob("app", BLOB)),
        lambda: store.delete_tag("app", "1.0"),
        lambda: store.delete_manifest("app", absent),
        lambda: store.delete_blob("app", absent),
    ):
        with pytest.raises(NotFoundError):
            ask()
    assert not store.has_manifest("app", absent)
    assert not store.has_blob("app", absent)


def test_a_large_blob_is_streamed_in_bounded_pieces(store: LocalStore) -> None:
    store.put_blob("app", BLOB, _pieces(DATA))
    pieces = list(store.open_blob("app", BLOB))
    assert b"".join(pieces) == DATA
    assert max(map(len, pieces)) <= PIECE_BYTES
    assert b"".join(store.stream_range("app", BLOB.digest, 5, 600_000)) == DATA[5:600_000]


def test_a_blob_longer_than_its_reader_allows_is_refused(store: LocalStore) -> None:
    store.put_blob("app", BLOB, _pieces(DATA))
    with pytest.raises(IntegrityError, match="longer than 10 bytes"):
        store.get_blob("app", BLOB.digest, 10)


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", DATA[:-1] + b"x", b""])
def test_a_blob_that_is_not_what_it_claims_never_becomes_visible(store: LocalStore, data: bytes) -> None:
    with pytest.raises(IntegrityError):
        store.put_blob("app", BLOB, _pieces(data))
    assert not store.has_blob("app", BLOB.digest)


def test_an_endless_blob_is_cut_at_its_size(store: LocalStore) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 100_000

    with pytest.raises(IntegrityError):
        store.put_blob("app", BLOB, endless())


def test_a_source_that_fails_leaves_nothing(store: LocalStore) -> None:
    def failing() -> Iterator[bytes]:
        yield DATA[:10]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.put_blob("app", BLOB, failing())
    assert not store.has_blob("app", BLOB.digest)


def test_no_tag_points_at_an_incomplete_image(store: LocalStore) -> None:
    for descriptor, data in IMAGE.blobs:
        with pytest.raises(IncompleteError):
            store.put_manifest("app", IMAGE.children[-1])
        store.put_blob("app", descriptor, iter((data,)))
    with pytest.raises(IncompleteError) as caught:
        store.put_manifest("app", IMAGE.content, "1.0")
    assert set(caught.value.missing) == {str(child.digest) for child in IMAGE.children}
    assert store.repositories() == ()


def test_a_blob_of_another_size_than_the_manifest_says_counts_as_missing(store: LocalStore) -> None:
    image = sample_image("sizes")
    for descriptor, data in image.blobs:
        store.put_blob("app", descriptor, iter((data,)))
    size = f'"size":{image.blobs[1][0].size}'.encode()
    body = image.content.body.replace(size, b'"size":1')
    assert body != image.content.body
    with pytest.raises(IncompleteError):
        store.put_manifest("app", _content(body), "1.0")


def _content(body: bytes, digest: Digest | None = None) -> Content:
    return Content(body=body, digest=digest or Digest.of(body), media_type=OCI_MANIFEST, host="test")


def test_a_manifest_under_a_wrong_digest_or_of_no_shape_is_refused(store: LocalStore) -> None:
    with pytest.raises(IntegrityError, match="does not match its digest"):
        store.put_manifest("app", _content(b"{}", Digest.of(b"else")))
    with pytest.raises(IntegrityError, match="schemaVersion"):
        store.put_manifest("app", _content(b"{}"))


@pytest.mark.parametrize("name", ["", "App", "a//b", "../a", "a:1", "a@b", "/a", "x/../a"])
def test_repository_names_follow_the_grammar(store: LocalStore, name: str) -> None:
    with pytest.raises(UsageError):
        push_sample(store, name, "1.0", sample_image("x"))


@pytest.mark.parametrize("name", ["docker.io/library/nginx", "localhost:5000/app", "a/b__c/d--e"])
def test_full_names_are_repositories_too(store: LocalStore, name: str) -> None:
    push_sample(store, name, "1.0", IMAGE)
    assert store.repositories() == (name,)
    assert store.tags(name) == ("1.0",)


@pytest.mark.parametrize("tag", ["", ".a", "a:b", "a/b", "a@b"])
def test_tags_follow_the_grammar(store: LocalStore, tag: str) -> None:
    with pytest.raises(UsageError, match="not a tag"):
        store.put_manifest("app", IMAGE.content, tag)


def test_nothing_that_is_needed_is_deleted(store: LocalStore) -> None:
    push_sample(store, "app", "1.0", IMAGE)
    with pytest.raises(UsageError):
        store.delete_manifest("app", IMAGE.children[0].digest)
    for digest in (IMAGE.blobs[0][0].digest, IMAGE.children[0].digest, IMAGE.digest):
        with pytest.raises(UsageError):
            store.delete_blob("app", digest)


def test_everything_can_be_deleted_from_the_top_down(store: LocalStore) -> None:
    push_sample(store, "app", "1.0", IMAGE)
    store.delete_manifest("app", IMAGE.digest)
    for child in IMAGE.children:
        store.delete_manifest("app", child.digest)
    for descriptor, _ in IMAGE.blobs:
        store.delete_blob("app", descriptor.digest)
    assert store.repositories() == ()
    assert not store.has_blob("app", IMAGE.digest)
