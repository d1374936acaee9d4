"""Say what a copy will take before it begins: images, platforms, blobs, bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.model.sizes import in_units
from imagelock.ops.copies.items import CopyStatus

if TYPE_CHECKING:
    from collections.abc import Collection

    from imagelock.model.lock import Lock
    from imagelock.model.platform import Platform
    from imagelock.ops.copies.items import Plan


def forecast(plan: Plan, lock: Lock, wanted: Collection[Platform] = ()) -> str:
    """Return one line: what is to be copied, of which platforms, and what is there already."""
    images = [job.item for job in plan.jobs if job.item.subject is None]
    referrers = len(plan.jobs) - len(images)
    there = sum(one.verdict is CopyStatus.THERE and one.item.subject is None for one in plan.settled)
    platforms = _platforms(lock, {item.digest for item in images}, wanted)
    parts = [
        _counted(len(images), "image") + (f" ({', '.join(platforms)})" if platforms else ""),
        *([_counted(referrers, "referrer")] if referrers else []),
        f"{_counted(len(plan.missing), 'blob')}, {in_units(plan.size)}",
    ]
    return f"to copy: {', '.join(parts)}" + (f"; there already: {_counted(there, 'image')}" if there else "")


def _platforms(lock: Lock, digests: Collection[object], wanted: Collection[Platform]) -> tuple[str, ...]:
    """Return the platforms of these images as the lock knows them, the wanted ones only, in order of names."""
    found = {part.platform for image in lock.images if image.digest in digests for part in image.platforms}
    return tuple(
        sorted(str(one) for one in found if not wanted or any(one.satisfies(each) for each in wanted))
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
