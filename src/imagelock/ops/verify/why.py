"""``why``: find where an image is used; ``diff``: compare two locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.model.lock import LockedImage
from imagelock.model.outcome import Outcome, renamed, tag_changes
from imagelock.ops.compare import differences, matches_image

if TYPE_CHECKING:
    from imagelock.model.lock import Lock
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.occurrence import Occurrence


@dataclass(frozen=True, slots=True)
class Why:
    """One image: its entries in the lock, and the places that mean it."""

    entries: tuple[LockedImage, ...]
    uses: tuple[Occurrence, ...]


def why(collection: Collection, lock: Lock, image: str) -> Why:
    """Find the entries and places of an image, given as a user writes it (name, name:tag, digest, glob)."""
    wanted = image.removeprefix("@")
    by_digest = wanted.startswith(("sha256:", "sha512:")) and "/" not in wanted
    entries = tuple(
        entry
        for entry in lock.images
        if (
            str(entry.digest).startswith(wanted) if by_digest else matches_image(image, entry.name, entry.tag)
        )
    )
    uses = tuple(
        use for use in collection.all_uses if _means(use, entries, lock, wanted, by_digest=by_digest)
    )
    if not entries and not uses:
        raise UsageError(
            "neither the lock nor the files have this image", where=image, hint="`imagelock scan` lists them"
        )
    return Why(entries, uses)


def _means(
    use: Occurrence, entries: tuple[LockedImage, ...], lock: Lock, wanted: str, *, by_digest: bool
) -> bool:
    reference = use.reference
    if by_digest and reference.digest is not None and str(reference.digest).startswith(wanted):
        return True
    match = lock.match(reference)
    if isinstance(match, LockedImage):
        return match in entries
    return not by_digest and matches_image(wanted, reference.name, reference.pulled_tag)


def diff(old: Lock, new: Lock) -> Outcome:
    """Compare two locks: added, removed, tag changed, digest moved under the same tag.

    A changed tag is an entry that went and one of the same name that came, and a changed name one with the same digest;
    they count as both, and are reported.
    """
    changes = tuple(change for change in differences(old, new) if change.before != change.after)
    pairs = tag_changes(changes)
    retagged = {"tag_changed": len(pairs)} if pairs else {}
    moved_names = renamed(changes)
    if moved_names:
        retagged["renamed"] = len(moved_names)
    added = sum(1 for change in changes if change.before is None)
    removed = sum(1 for change in changes if change.after is None)
    return Outcome(
        command="diff",
        changes=changes,
        summary={"added": added, "removed": removed, "moved": len(changes) - added - removed, **retagged},
        advice=(
            *(f"the tag changed: {old.reference} -> {new.reference}" for old, new in pairs),
            *(
                f"the same content under another name: {old.reference} -> {new.reference}"
                for old, new in moved_names
            ),
        ),
    )
