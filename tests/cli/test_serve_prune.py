"""``serve --prune``: what a lock names stays whole, with all that refers to it; the rest goes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_MANIFEST, Descriptor
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.base import Content
from imagelock.stores.oci_layout import LayoutStore
from support.push import push_image
from support.signed import Signed
from support.world import MULTI

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

OLD, NEW = sample_image("old", MULTI, attestation=True), sample_image("new", MULTI)


@pytest.fixture
def store(world: World) -> LayoutStore:
    """Give a directory with two images, one of them under two tags."""
    made = LayoutStore(world.root / "store")
    push_sample(made, "team/app", "1", OLD)
    push_sample(made, "team/app", "2", NEW)
    push_sample(made, "other/app", "stable", NEW)
    world.write("keep.lock", f"team/app:2@{NEW.digest}\n")
    return made


def _hex_files(path: Path) -> set[str]:
    return {file.name for file in (path / "blobs" / "sha256").iterdir()}


def test_what_the_lock_names_stays_whole_under_every_name(world: World, store: LayoutStore) -> None:
    before = _hex_files(world.root / "store")
    result = world.json("serve", "store", "--prune", "--keep", "keep.lock")
    assert result.code == 0
    assert [change["reference"] for change in result.document["changes"]] == ["team/app:1"]
    assert result.document["summary"]["removed"] == 1
    assert store.tags("team/app") == ("2",)
    assert store.tags("other/app") == ("stable",)
    whole = {str(one.digest) for one, _ in NEW.blobs} | {str(one.digest) for one in NEW.children}
    assert _hex_files(world.root / "store") == {name[7:] for name in whole} | {NEW.digest.hex}
    gone = before - _hex_files(world.root / "store")
    assert {one.digest.hex for one, _ in OLD.blobs} <= gone
    assert result.document["summary"]["blobs_removed"] == len(gone)


def test_a_dry_run_says_the_same_and_removes_nothing(world: World, store: LayoutStore) -> None:
    before = world.tree()
    dry = world.json("serve", "store", "--prune", "--keep", "keep.lock", "--dry-run")
    assert world.tree() == before
    real = world.json("serve", "store", "--prune", "--keep", "keep.lock")
    assert dry.document["changes"] == real.document["changes"]
    assert dry.document["summary"] == real.document["summary"]
    assert store.tags("team/app") == ("2",)


def test_several_locks_keep_what_any_of_them_names(world: World, store: LayoutStore) -> None:
    world.write("first.lock", f"team/app:1@{OLD.digest}\n")
    before = world.tree()
    result = world.run("serve", "store", "--prune", "--keep", "keep.lock", "--keep", "first.lock")
    assert (result.code, world.tree()) == (0, before)


def test_signatures_of_what_stays_stay_and_those_of_what_goes_go(world: World) -> None:
    signed = Signed(world)
    assert world.run_plain("bundle", "create", "-C", str(world.root), "store").code == 0
    store = LayoutStore(world.root / "store")
    extra = sample_image("extra")
    push_sample(store, "quay.io/team/extra", "1", extra)
    subject = {"mediaType": OCI_MANIFEST, "digest": str(extra.digest), "size": len(extra.content.body)}
    refers = _artifact(store, "quay.io/team/extra", subject)
    result = world.json("serve", "store", "--prune", "--keep", "images.lock")
    assert result.code == 0, result.err
    assert {change["reference"] for change in result.document["changes"]} == {
        "quay.io/team/extra:1",
        f"quay.io/team/extra@{refers}",
    }
    for digest in (signed.image, signed.child, signed.sbom, signed.nested, signed.cosign):
        assert store.has_manifest("quay.io/team/app", digest)
    assert signed.tag in store.tags("quay.io/team/app")
    assert world.run_plain("bundle", "verify", "-C", str(world.root), "store").code == 0


def _artifact(store: LayoutStore, name: str, subject: dict[str, object]) -> Digest:
    import msgspec  # noqa: PLC0415 - only here

    empty = Descriptor(media_type="application/vnd.oci.empty.v1+json", digest=Digest.of(b"{}"), size=2)
    store.put_blob(name, empty, (b"{}",))
    one = {"mediaType": empty.media_type, "digest": str(empty.digest), "size": 2}
    body = msgspec.json.encode(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": one, "layers": [one], "subject": subject}
    )
    digest = Digest.of(body)
    store.put_manifest(name, Content(body=body, digest=digest, media_type=OCI_MANIFEST, host="test"))
    return digest


def test_a_platform_that_a_lock_names_stays_when_its_index_goes(world: World, store: LayoutStore) -> None:
    child = OLD.children[0]
    world.write("keep.lock", f"team/app:2@{NEW.digest}\nteam/app@{child.digest}\n")
    assert world.run("serve", "store", "--prune", "--keep", "keep.lock").code == 0
    assert store.get_manifest("team/app", child.digest).body == child.body
    assert not store.has_manifest("team/app", OLD.digest)
    assert not store.has_manifest("team/app", OLD.children[1].digest)


def test_without_a_lock_only_what_nothing_needs_goes(world: World, store: LayoutStore) -> None:
    store.delete_manifest("team/app", OLD.digest)
    for child in OLD.children:
        store.delete_manifest("team/app", child.digest)
    result = world.json("serve", "store", "--prune")
    assert (result.code, result.document["summary"]["blobs_removed"]) == (0, 0)
    assert result.document["summary"]["blobs_left"] == len(OLD.blobs)
    result = world.json("serve", "store", "--prune", "--prune-after", "0")
    assert (result.document["changes"], result.document["summary"]["blobs_removed"]) == ([], len(OLD.blobs))
    assert store.tags("team/app") == ("2",)
    for descriptor, data in NEW.blobs:
        assert store.get_blob("team/app", descriptor.digest, 10_000) == data


def test_old_blobs_of_a_push_that_never_ended_go_and_young_ones_stay(
    world: World, store: LayoutStore
) -> None:
    digests = []
    for data in (b"old", b"young"):
        one = Descriptor(media_type="application/octet-stream", digest=Digest.of(data), size=len(data))
        store.put_blob("team/app", one, (data,))
        digests.append(one.digest)
    long_ago = time.time() - 7200
    os.utime(world.root / "store" / "blobs" / "sha256" / digests[0].hex, (long_ago, long_ago))
    result = world.run("serve", "store", "--prune", "--keep", "keep.lock")
    assert (result.code, "1 young blob" in result.out + result.err) == (0, True)
    assert [store.has_blob("team/app", one) for one in digests] == [False, True]


def test_a_registry_that_serves_the_directory_goes_on(world: World, store: LayoutStore) -> None:
    with EmbeddedRegistry(store) as registry:
        assert world.run("serve", "store", "--prune", "--keep", "keep.lock").code == 0
        assert store.tags("team/app") == ("2",)
        push_image(registry.url, "team/app", "1", OLD)
        assert store.get_manifest("team/app", "1").body == OLD.content.body


def test_a_damaged_manifest_stops_it_before_anything_goes(world: World, store: LayoutStore) -> None:
    file = world.root / "store" / "blobs" / "sha256" / NEW.children[0].digest.hex
    file.write_bytes(b"damaged")
    before = world.tree()
    result = world.json("serve", "store", "--prune", "--keep", "keep.lock")
    assert (result.code, result.codes) == (1, ["IL305"])
    assert world.tree() == before
    assert store.tags("team/app") == ("1", "2")


def test_a_lock_of_another_registry_would_remove_everything_and_is_refused(
    world: World, store: LayoutStore
) -> None:
    world.write("keep.lock", f"team/app:2@{Digest.of(b'elsewhere')}\n")
    before = world.tree()
    result = world.run("serve", "store", "--prune", "--keep", "keep.lock")
    assert (result.code, "everything would be removed" in result.err) == (2, True)
    assert world.tree() == before
    assert store.tags("team/app") == ("1", "2")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["store", "--prune", "--keep", "none.lock"], "no such file"),
        (["store", "--keep", "keep.lock"], "--prune"),
        (["store", "--dry-run"], "--prune"),
        (["none", "--prune"], "not an oci image layout"),
        (["keep.lock", "--prune"], ""),
    ],
)
def test_wrong_requests_are_exit_2(
    world: World, store: LayoutStore, arguments: list[str], words: str
) -> None:
    result = world.run("serve", *arguments)
    assert (result.code, words in result.err.lower()) == (2, True), result.err
    assert store.tags("team/app") == ("1", "2")
