"""A lock with merge conflict markers settled: what one side has or both agree on is kept.

An image that the two sides took to different digests is left out, so that the run resolves its tag anew;
nobody's older digest wins by accident.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import LockError
from imagelock.lockfile import parse_lock
from imagelock.model.lock import Lock

if TYPE_CHECKING:
    from imagelock.model.lock import LockedImage

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
    """The lock without the contested images, and those with their two digests."""

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
            "a merge conflict marker has no end", where=where, hint="restore the lock and merge again"
        )
    return "".join(ours), "".join(theirs)


def _next_state(state: str, line: str) -> str | None:
    return next((then for now, mark, then in _STEPS if state == now and mark.fullmatch(line)), None)
