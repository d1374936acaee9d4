"""A bundle's own record: the lock it was made from, and what was left out on purpose.

An OCI artifact in the layout, ``imagelock/lock:latest``: one layer with the lock's text, one with the
record.  Other tools see an image they need not understand, and its digest covers both.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from imagelock.errors import IntegrityError, InvalidValueError, LockError, NotFoundError, UsageError
from imagelock.limits import LOCK_BYTES
from imagelock.lockfile.reader import parse
from imagelock.lockfile.writer import render_lock
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_EMPTY, OCI_MANIFEST, Descriptor, Manifest, parse_manifest
from imagelock.ops.copies.items import CopyItem
from imagelock.stores.base import Content
from imagelock.stores.memory import MemoryStore

if TYPE_CHECKING:
    from imagelock.model.lock import Lock
    from imagelock.stores.local import LocalStore

NAME = "imagelock/lock"
TAG = "latest"
ARTIFACT = "application/vnd.imagelock.bundle.v1"
LOCK_TYPE = "application/vnd.imagelock.lock.v1+toml"
RECORD_TYPE = "application/vnd.imagelock.bundle.record.v1+json"
_VERSION = 1


class Needs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The earlier delivery that a bundle builds on: what it was called, and the digest of its lock."""

    name: str
    lock: str


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not in a bundle on purpose.

    ``absent`` are digests that images point to: children of other platforms, and blobs of an earlier
    delivery, which ``elsewhere`` gives with a repository that has them.  ``left_out`` are entries of the
    lock that an earlier delivery holds, and ``needs`` says which one.  ``foreign_layers`` says that layers are here that vendors keep to
    themselves.
    """

    version: int = _VERSION
    platforms: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    elsewhere: dict[str, str] = msgspec.field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    foreign_layers: bool = False
    needs: Needs | None = None


@dataclass(frozen=True, slots=True)
class Packed:
    """The artifact, ready to be copied."""

    store: MemoryStore
    item: CopyItem


@dataclass(frozen=True, slots=True)
class Contents:
    """The lock and the record, as read from a bundle."""

    lock: Lock
    record: Record


def lock_digest(lock: Lock) -> Digest:
    """Return the digest of a lock's text: what names a release, wherever its lock lies."""
    return Digest.of(render_lock(lock).encode())


def pack(lock: Lock, record: Record) -> Packed:
    """Make the artifact; equal locks and records give equal bytes."""
    store = MemoryStore()
    parts = [
        _part(store, OCI_EMPTY, b"{}"),
        _part(store, LOCK_TYPE, render_lock(lock).encode()),
        _part(store, RECORD_TYPE, msgspec.json.encode(record, order="sorted")),
    ]
    body = msgspec.json.encode(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": ARTIFACT,
            "config": parts[0],
            "layers": parts[1:],
        }
    )
    digest = Digest.of(body)
    content = Content(body=body, digest=digest, media_type=OCI_MANIFEST, host="imagelock")
    store.put_manifest(NAME, content, TAG)
    item = CopyItem(reference="the lock", source=NAME, target=NAME, digest=digest, tag=TAG, move=True)
    return Packed(store, item)


def read(store: LocalStore) -> Contents | None:
    """Read what a bundle says of itself; None when it says nothing: another tool's, or unfinished.

    Raises :class:`IntegrityError` when it is damaged or of a newer version.
    """
    try:
        content = store.get_manifest(NAME, TAG)
    except NotFoundError:
        return None
    try:
        parsed = parse_manifest(content.body, content.media_type)
        layers = {one.media_type: one for one in parsed.layers} if isinstance(parsed, Manifest) else {}
        lock = store.get_blob(NAME, layers[LOCK_TYPE].digest, LOCK_BYTES)
        record = msgspec.json.decode(
            store.get_blob(NAME, layers[RECORD_TYPE].digest, LOCK_BYTES), type=Record
        )
        for text in (*record.absent, *record.elsewhere):
            Digest.parse(text)
    except NotFoundError as error:
        raise IntegrityError("the bundle's lock is missing", where=store.name) from error
    except (KeyError, InvalidValueError, msgspec.DecodeError) as error:
        raise IntegrityError(
            f"the bundle's record cannot be read: {error}",
            where=store.name,
            hint="it may come from a newer imagelock",
        ) from error
    return Contents(parse(lock.decode("utf-8", "surrogateescape"), f"{store.name}: lock"), record)


def require(store: LocalStore) -> Contents:
    """Read what a bundle says of itself; raise :class:`LockError` when it says nothing."""
    found = read(store)
    if found is None:
        raise LockError(
            "it has no lock: an unfinished bundle, or another tool's layout",
            where=store.name,
            hint="run `imagelock bundle create` until it finishes",
        )
    return found


def forget_others(store: LocalStore, digest: Digest) -> None:
    """Remove earlier locks of a directory that was made before: it has one truth."""
    for other in store.untagged(NAME):
        if other == digest:
            continue
        blobs = parse_manifest(store.get_manifest(NAME, other).body)
        store.delete_manifest(NAME, other)
        for blob in blobs.blobs if isinstance(blobs, Manifest) else ():
            with suppress(UsageError, NotFoundError):  # the new lock may need the same blob
                store.delete_blob(NAME, blob.digest)


def _part(store: MemoryStore, media_type: str, data: bytes) -> dict[str, str | int]:
    one = Descriptor(media_type=media_type, digest=Digest.of(data), size=len(data))
    store.put_blob(NAME, one, (data,))
    return {"mediaType": media_type, "digest": str(one.digest), "size": one.size}
