"""Merge two locks image by image, and resolve a lock with merge conflict markers.

Blocks of different images never conflict.  One image that the two sides took to two digests does: no one's
digest wins by accident.  ``settle`` leaves such an image out, so that the run resolves its tag again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import LockError
from imagelock.files import Write, decode, encode, read_bytes, write_all
from imagelock.limits import LOCK_BYTES
from imagelock.lockfile.reader import parse_lock
from imagelock.lockfile.writer import render_conflicts
from imagelock.model.lock import Lock
from imagelock.model.outcome import Outcome, finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from imagelock.model.lock import LockedImage
    from imagelock.model.outcome import Finding


@dataclass(frozen=True, slots=True)
class Conflict:
    """One image with two digests: what each side has of it."""

    ours: tuple[LockedImage, ...]
    theirs: tuple[LockedImage, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """What both sides agree on, what they do not, and what one side moved while the other dropped it."""

    lock: Lock
    conflicts: tuple[Conflict, ...]
    kept: tuple[LockedImage, ...]


_MIDDLE = re.compile(r"={7}\r?")
_STEPS = (
    ("both", re.compile(r"<{7}(?: .*)?\r?"), "ours"),
    ("ours", re.compile(r"\|{7}(?: .*)?\r?"), "base"),
    ("ours", _MIDDLE, "theirs"),
    ("base", _MIDDLE, "theirs"),
    ("theirs", re.compile(r">{7}(?: .*)?\r?"), "both"),
)
"""Which marker leads from which side to which."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The lock without the conflicting images, and those with their two digests."""

    lock: Lock
    contested: tuple[tuple[LockedImage, LockedImage], ...]


def settle(text: str, where: str) -> Settled:
    """Read both sides of a lock in conflict; raises :class:`LockError` where a side is damaged."""
    ours, theirs = (parse_lock(side, where) for side in sides(text, where))
    other = {_key(image): image for image in theirs.images}
    own = {_key(image): image for image in ours.images}
    contested = tuple(
        (image, other[key])
        for key, image in own.items()
        if key in other and other[key].digest != image.digest
    )
    left_out = {_key(image) for image, _ in contested}
    both = {**other, **own}
    return Settled(Lock(tuple(image for key, image in both.items() if key not in left_out)).sorted, contested)


def run_merge(base: Path, ours: Path, theirs: Path, shown: str) -> Outcome:
    """Merge two files of which git says that they grew out of a third; the result replaces ``ours``.

    Raises :class:`LockError` for a side that is not a lock, after both whole sides were written with markers.
    """
    data = read_bytes(ours, LOCK_BYTES)
    before, own, other = (
        decode(read_bytes(base, LOCK_BYTES)),
        decode(data),
        decode(read_bytes(theirs, LOCK_BYTES)),
    )
    try:
        # The common base of a criss-cross merge is itself merged, and may be in conflict.
        grown = settle(before, shown).lock if before.strip() else Lock()
        merged = merge(grown, parse_lock(own, shown), parse_lock(other, shown))
    except LockError:
        both = f"<<<<<<< ours\n{_ended(own)}=======\n{_ended(other)}>>>>>>> theirs\n"
        write_all([Write(ours, data, encode(both))])
        raise
    text = render_conflicts(merged.lock, [(item.ours, item.theirs) for item in merged.conflicts])
    write_all([Write(ours, data, encode(text))])
    return Outcome(
        command="merge-driver",
        findings=tuple(_contested(item, shown) for item in merged.conflicts),
        summary={"entries": len(merged.lock.images), "conflicts": len(merged.conflicts)},
        advice=tuple(
            f"{image.reference} was updated on one side and removed on the other: it is kept"
            for image in merged.kept
        ),
    )


def _contested(item: Conflict, shown: str) -> Finding:
    image = item.ours[0]
    named = image.reference if image.tag is not None else image.name
    return finding(
        "IL104",
        f"{named} was updated to two different digests",
        reference=named,
        file=shown,
        notes=[
            f"{side}: {image.digest}"
            for side, images in (("ours", item.ours), ("theirs", item.theirs))
            for image in images
        ],
        hint="run `imagelock lock --resolve`, or keep one of the two blocks",
    )


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def merge(base: Lock, ours: Lock, theirs: Lock) -> Merged:
    """Merge two locks that grew out of one: what only one side changed is taken from that side.

    An entry that one side dropped and the other moved stays, because someone still works with it; the next
    ``lock`` over the whole project drops it if nothing does.
    """
    old, own, other = ({_key(image): image for image in lock.images} for lock in (base, ours, theirs))
    images: list[LockedImage] = []
    conflicts: list[Conflict] = []
    kept: list[LockedImage] = []
    for key in {**own, **other}:
        before, one, two = old.get(key), own.get(key), other.get(key)
        if one is None or two is None:
            image = one or two
            if image is not None and image != before:
                images.append(image)
                kept += [image] if before is not None else []
        elif one.digest == two.digest or before in (one, two):
            images.append(two if one == before else _fuller(one, two) if two != before else one)
        else:
            conflicts.append(Conflict((one,), (two,)))
    bare = tuple(_bare_conflicts(base, ours, theirs))
    contested = {image for conflict in bare for side in (conflict.ours, conflict.theirs) for image in side}
    agreed = Lock(tuple(image for image in images if image not in contested)).sorted
    return Merged(agreed, (*conflicts, *bare), tuple(kept))


def _fuller(one: LockedImage, two: LockedImage) -> LockedImage:
    """Return of two entries with the same digest the one that knows more, whichever side it is on."""
    return max(one, two, key=lambda image: (_facts(image), repr(image)))


def _facts(image: LockedImage) -> int:
    details = [part.config is not None for part in image.platforms]
    return len(details) + sum(details) + (image.media_type is not None) + (image.source is not None)


def _bare_conflicts(base: Lock, ours: Lock, theirs: Lock) -> Iterator[Conflict]:
    """Yield names whose entry without a tag both sides replaced, each by another digest."""
    for name in sorted({image.name for image in base.images if image.tag is None}):
        before, own, other = (_bare(lock, name) for lock in (base, ours, theirs))
        gone_from_both = before - own - other
        mine, others = own - before - other, other - before - own
        if gone_from_both and mine and others:
            yield Conflict(_ordered(mine), _ordered(others))


def _bare(lock: Lock, name: str) -> set[LockedImage]:
    return {image for image in lock.named(name) if image.tag is None}


def _ordered(images: Iterable[LockedImage]) -> tuple[LockedImage, ...]:
    return tuple(sorted(images, key=lambda image: image.sort_key))


def _key(image: LockedImage) -> tuple[str, str]:
    return image.name, image.tag or str(image.digest)


def sides(text: str, where: str) -> tuple[str, str]:
    """Return what each side wrote; git's three-way form (with the common base) is understood too."""
    ours: list[str] = []
    theirs: list[str] = []
    state = "both"
    for line in text.splitlines(keepends=True):
        after = _next_state(state, line.rstrip("\n"))
        if after is not None:
            state = after
            continue
        if state in ("both", "ours"):
            ours.append(line)
        if state in ("both", "theirs"):
            theirs.append(line)
    if state != "both":
        raise LockError(
            "a merge conflict marker without its end", where=where, hint="restore the lock, then merge again"
        )
    return "".join(ours), "".join(theirs)


def _next_state(state: str, line: str) -> str | None:
    return next((then for now, mark, then in _STEPS if state == now and mark.fullmatch(line)), None)
