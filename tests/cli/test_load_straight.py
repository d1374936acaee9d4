"""Blobs go straight from the file to a registry that proves them, and are hashed for every other one."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest

from imagelock.model.digest import Digest
from imagelock.model.manifest import Descriptor
from imagelock.ops.copies.sources import Pace
from imagelock.ops.copies.straight import LEAST_BYTES, Straight
from imagelock.registry.client import RegistryClient
from imagelock.service import blobs as served
from imagelock.service.embedded import EmbeddedRegistry, Site
from imagelock.service.tls import Certificate
from imagelock.stores.local import LocalStore
from imagelock.stores.memory import MemoryStore
from imagelock.stores.oci_layout import LayoutStore
from support.killing import listed
from support.secured import write_keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import AnyRegistry
    from imagelock.service.http import Response
    from support.world import Result, World


@pytest.fixture
def bundled(world: World) -> World:
    """Give a bundle of three images with layers of 4 MB, as a tar, in parts, and as a directory."""
    listed(world, 3)
    for name, more in (("b.tar", ()), ("p.tar", ("--split", "1MB")), ("b", ())):
        assert bundle(world, "create", name, *more).code == 0
    return world


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Digest]:
    """Give a list of the large blobs that were hashed on the way."""
    seen: list[Digest] = []
    opened = LocalStore.open_blob

    def spy(self: LocalStore, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        if descriptor.size >= LEAST_BYTES:
            seen.append(descriptor.digest)
        return opened(self, repository, descriptor)

    monkeypatch.setattr(LocalStore, "open_blob", spy)
    return seen


def bundle(world: World, verb: str, *arguments: str) -> Result:
    return world.run_plain("bundle", verb, "-C", str(world.root), *arguments)


@pytest.mark.parametrize("name", ["b.tar", "p.tar", "b"])
def test_a_registry_that_refuses_wrong_bytes_gets_the_file(
    bundled: World, peer_registry: AnyRegistry, hashed: list[Digest], name: str
) -> None:
    assert bundle(bundled, "load", name, "--to", peer_registry.address).code == 0
    assert hashed == []
    with RegistryClient() as client:
        for number in range(3):
            repository = f"quay.io/team/app{number}"
            place = f"{peer_registry.address}/{repository}"
            assert client.get_manifest(place, "1").digest == bundled.store.resolve_tag(repository, "1")
    # Read back and hashed, every blob of it.
    bundled.write(
        "back.txt", bundled.read("images.lock").replace("quay.io", f"{peer_registry.address}/quay.io")
    )
    assert bundle(bundled, "create", "back.tar", "--lock-file", "back.txt").code == 0
    assert bundle(bundled, "verify", "back.tar").code == 0


def test_over_tls_and_at_a_rate_the_bytes_are_the_same(
    bundled: World, tmp_path: Path, hashed: list[Digest]
) -> None:
    keys = write_keys(tmp_path / "keys")
    site = Site(certificate=Certificate(keys.chain, keys.key))
    with EmbeddedRegistry(LayoutStore(tmp_path / "site"), site=site) as target:
        bundled.write("ca.pem", keys.ca.read_text())
        bundled.configure(f'[registries."{target.address}"]\nca = "ca.pem"\n')
        result = bundle(bundled, "load", "p.tar", "--to", target.address, "--limit-rate", "40MB")
        assert (result.code, hashed) == (0, []), result.err
        assert bundle(bundled, "diff", "b.tar", "b").code == 0
        for digest in target.store._backend.contents():  # every one is proved as it is read
            assert target.store.has_blob("", digest[0])


def test_a_registry_that_takes_anything_gets_only_what_was_hashed(
    bundled: World, monkeypatch: pytest.MonkeyPatch, hashed: list[Digest]
) -> None:
    def believe(self: served.BlobRoutes, request: object, session: object, digest: Digest) -> Response:
        self._append(request, session)  # type: ignore[arg-type] # passed on
        session.part._hash = lambda _algorithm: digest  # type: ignore[attr-defined] # it hashes nothing
        self._store.commit(session.part, digest)  # type: ignore[attr-defined] # a session
        self._uploads.end(session)  # type: ignore[arg-type] # a session
        return served._created(session.repository, digest)  # type: ignore[attr-defined] # a session

    monkeypatch.setattr(served.BlobRoutes, "_commit", believe)
    with EmbeddedRegistry(MemoryStore()) as target:
        assert bundle(bundled, "load", "b.tar", "--to", target.address).code == 0
        assert len(set(hashed)) == 4
    digest = _damage_largest(bundled)
    with EmbeddedRegistry(MemoryStore()) as target:
        result = bundle(bundled, "load", "b", "--to", target.address, "-o", "json")
        assert (result.code, set(result.codes)) == (1, {"IL305"})
        assert digest not in {one for one, _, _ in target.store._backend.contents()}


def _damage_largest(world: World) -> Digest:
    """Change one byte of a layer that one image alone has."""
    folder = world.root / "b" / "blobs" / "sha256"
    own = random.Random(2).randbytes(4_000_000)
    digest = Digest.of(own)
    (folder / digest.hex).write_bytes(own[:-1] + bytes([own[-1] ^ 1]))
    return digest


def test_a_damaged_file_is_named_and_its_image_not_tagged(
    bundled: World, peer_registry: AnyRegistry, hashed: list[Digest]
) -> None:
    digest = _damage_largest(bundled)
    result = bundle(bundled, "load", "b", "--to", peer_registry.address, "-o", "json")
    assert (result.code, result.codes) == (1, ["IL305"])
    assert set(hashed) == {digest}
    assert digest.short in result.out
    assert result.document["summary"]["copied"] == 2


def test_verify_hashes_first_and_sends_nothing_of_a_damaged_bundle(bundled: World) -> None:
    _damage_largest(bundled)
    seen: list[str] = []
    with EmbeddedRegistry(MemoryStore(), observer=lambda method, *_: seen.append(method)) as target:
        result = bundle(bundled, "load", "b", "--to", target.address, "--verify", "-o", "json")
        assert (result.code, result.codes, seen) == (1, ["IL305"], [])
        assert bundle(bundled, "load", "b.tar", "--to", target.address, "--verify").code == 0


def test_a_file_that_became_shorter_is_no_file_to_send(tmp_path: Path) -> None:
    store, data = LayoutStore(tmp_path / "s"), bytes(LEAST_BYTES + 5)
    blob = Descriptor(media_type="x", digest=Digest.of(data), size=len(data))
    store.put_blob("app", blob, (data,))
    file = tmp_path / "s" / "blobs" / "sha256" / blob.digest.hex
    file.write_bytes(data[:-1])
    with EmbeddedRegistry(MemoryStore()) as target, RegistryClient() as client:
        straight = Straight(store, client)
        assert not straight.send(blob, f"{target.address}/app", threading.Event())
        file.write_bytes(data)
        assert straight.send(blob, f"{target.address}/app", threading.Event())
        assert target.store.has_blob("app", blob.digest)


def test_a_rate_holds_for_files_too(tmp_path: Path) -> None:
    store, data = LayoutStore(tmp_path / "s"), bytes(LEAST_BYTES)
    blob = Descriptor(media_type="x", digest=Digest.of(data), size=len(data))
    store.put_blob("app", blob, (data,))
    slept: list[float] = []
    with EmbeddedRegistry(MemoryStore()) as target, RegistryClient() as client:
        pace = Pace(LEAST_BYTES // 4, clock=lambda: 0.0, sleep=slept.append)
        assert Straight(store, client, pace).send(blob, f"{target.address}/app", threading.Event())
    assert max(slept) == pytest.approx(4.0, rel=0.1)


def test_small_blobs_and_memory_are_hashed_as_ever() -> None:
    store, data = MemoryStore(), bytes(LEAST_BYTES)
    blob = Descriptor(media_type="x", digest=Digest.of(data), size=len(data))
    store.put_blob("app", blob, (data,))
    with EmbeddedRegistry(MemoryStore()) as target, RegistryClient() as client:
        assert not Straight(store, client).send(blob, f"{target.address}/app", threading.Event())
