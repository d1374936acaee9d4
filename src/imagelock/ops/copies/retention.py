"""Remove from a registry's directory what no lock names any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.model.outcome import Change, Outcome
from imagelock.model.sizes import in_units
from imagelock.ops.copies import contents
from imagelock.stores.prune import keep_all, keep_only

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from imagelock.model.digest import Digest
    from imagelock.model.lock import Lock
    from imagelock.stores.local import LocalStore
    from imagelock.stores.prune import Choice, Pruned


def prune(
    store: LocalStore, locks: Sequence[Lock], *, orphans_before: float, dry_run: bool = False
) -> Outcome:
    """Keep what the locks name, with its children and all that refers to it, and remove the rest.

    Without locks every manifest stays, and only blobs go that nothing needs.  Blobs without a manifest that were
    written since ``orphans_before`` (seconds since 1970) stay: a push may be under way.  A bundle's own lock counts
    among the locks.  Raises :class:`UsageError` when the locks name nothing that is here, and
    :class:`~imagelock.errors.IntegrityError` when a damaged manifest hides what it needs.
    """
    decide: Choice = keep_all
    missing = 0
    if locks:
        inside = contents.read(store)
        wanted = _named((*locks, inside.lock) if inside is not None else locks)
        missing = _require_some(store, locks)
        decide = keep_only(wanted, (contents.NAME,))
    act = store.preview_prune if dry_run else store.prune
    return _told(act(decide, orphans_before), missing, dry_run=dry_run)


def _named(locks: Collection[Lock]) -> frozenset[Digest]:
    """Return the digests of every entry and of each of its platforms."""
    images = [image for lock in locks for image in lock.images]
    return frozenset(
        digest for image in images for digest in (image.digest, *(part.digest for part in image.platforms))
    )


def _require_some(store: LocalStore, locks: Sequence[Lock]) -> int:
    """Return how many entries are not here; refuse when that is all of them."""
    digests = {image.digest for lock in locks for image in lock.images}
    names = store.repositories()
    missing = sum(not any(store.has_manifest(name, digest) for name in names) for digest in digests)
    if names and missing == len(digests):
        raise UsageError(
            "nothing that is to be kept is here: everything would be removed",
            where=store.name,
            hint="give --keep the lock of what this registry holds, or remove the directory itself",
        )
    return missing


def _told(pruned: Pruned, missing: int, *, dry_run: bool) -> Outcome:
    advice = []
    if dry_run:
        advice.append("dry run: nothing was removed")
    if pruned.spared:
        size = in_units(sum(pruned.spared.values()))
        advice.append(f"{len(pruned.spared)} young blobs without a manifest were left: {size}")
    if missing:
        advice.append(f"{missing} images that are to be kept are not here")
    return Outcome(
        command="serve-prune",
        changes=tuple(
            Change(reference=name, before=str(one.digest), after=None) for name, one in pruned.records
        ),
        summary={
            "kept": pruned.kept,
            "removed": len(pruned.records),
            "blobs_removed": len(pruned.blobs),
            "bytes_removed": sum(pruned.blobs.values()),
            "blobs_left": len(pruned.spared),
        },
        advice=tuple(advice),
    )
