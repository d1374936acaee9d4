"""Deliveries and what they build on: a lock, a plain list, or the bundle that was made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.files import decode, read_bytes
from imagelock.limits import LOCK_BYTES
from imagelock.lockfile.reader import parse
from imagelock.model.outcome import Outcome, tag_changes
from imagelock.model.sizes import in_units
from imagelock.ops.compare import differences
from imagelock.ops.copies import bundle, contents
from imagelock.ops.copies.inspect import blobs_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imagelock.model.digest import Digest
    from imagelock.model.lock import Lock
    from imagelock.ops.copies.contents import Record

_ABSENT = frozenset({"IL306", "IL307"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """A lock and, where a bundle was given, the size of each blob in it."""

    lock: Lock
    blobs: Mapping[Digest, int] | None = None


def open_delivery(directory: Path, path: Path) -> Delivery:
    """Read a lock, a plain list, or a bundle; ``path`` is below ``directory``."""
    where = directory / path
    if where.is_dir() or bundle.is_tar(where):
        store = bundle.open_store(where)
        return Delivery(contents.require(store).lock, blobs_of(store))
    return Delivery(parse(decode(read_bytes(where, LOCK_BYTES)), str(path)))


def lock_of(directory: Path, path: Path) -> Lock:
    """Read a lock: from a file, a plain list, or the bundle that holds it; ``path`` is below ``directory``."""
    where = directory / path
    if where.is_dir() or bundle.is_tar(where):
        return contents.require(bundle.open_store(where)).lock
    return parse(decode(read_bytes(where, LOCK_BYTES)), str(path))


def compare(old: Delivery, new: Delivery) -> Outcome:
    """Compare two deliveries: entries that came, went or moved, and the bytes that are new where bundles say them."""
    changes = tuple(change for change in differences(old.lock, new.lock) if change.before != change.after)
    added = sum(change.before is None for change in changes)
    removed = sum(change.after is None for change in changes)
    summary = {"added": added, "removed": removed, "moved": len(changes) - added - removed}
    advice = [
        f"the tag changed: {before.reference} -> {after.reference}" for before, after in tag_changes(changes)
    ]
    if new.blobs is not None:
        known = old.blobs or {}
        fresh = [size for digest, size in new.blobs.items() if digest not in known]
        summary |= {"blobs": len(new.blobs), "new_blobs": len(fresh), "new_bytes": sum(fresh)}
        if old.blobs is not None:
            advice.append(
                f"{len(fresh)} of {len(new.blobs)} blobs are new: "
                f"{in_units(sum(fresh))} of {in_units(sum(new.blobs.values()))}"
            )
    return Outcome(command="bundle-diff", changes=changes, summary=summary, advice=tuple(advice))


def explained(outcome: Outcome, record: Record) -> Outcome:
    """Return an outcome of loading in which what is missing leads to the earlier delivery."""
    if record.needs is None:
        return outcome
    hint = f"load the delivery of {record.needs.name} first: its lock is {record.needs.lock}"
    findings = (replace(one, hint=hint) if one.code in _ABSENT else one for one in outcome.findings)
    return replace(outcome, findings=tuple(findings))
