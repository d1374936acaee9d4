"""``mirror``: plan the copy of the lock's images into another registry, and report on it.

Needs the lock alone: what an image is called at the mirror follows from its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import (
    IncompleteError,
    IntegrityError,
    NotFoundError,
    PlatformNotFoundError,
    UsageError,
    WriteRefusedError,
)
from imagelock.model.finding_codes import Level
from imagelock.model.outcome import Change, Outcome, finding
from imagelock.model.sizes import in_units
from imagelock.ops.copies.items import CopyItem, CopyStatus
from imagelock.ops.copies.plan import keep_tag

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from imagelock.errors import RegistryError
    from imagelock.model.destination import Destination
    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.manifest import Descriptor
    from imagelock.model.outcome import Finding
    from imagelock.ops.copies.items import Plan, Result
    from imagelock.ops.copies.transfer import Done

_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})", re.ASCII)
_SHARD_CHARS = 16
_SHORT_DIGEST = len("sha256:") + 12


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` parts of the lock, ``number`` from 0; an image and all of it is in one part."""

    number: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``I/N``."""
        match = _SHARD.fullmatch(text)
        if match is None or not 0 <= int(match[1]) < int(match[2]):
            raise UsageError(
                f"{text!r} is not a shard", hint="write I/N with I from 0 to N-1, for example --shard 0/4"
            )
        return cls(int(match[1]), int(match[2]))

    def has(self, image: LockedImage) -> bool:
        """Whether an image is in this part: its digest decides, and so do all runs alike."""
        return int(image.digest.hex[:_SHARD_CHARS], 16) % self.count == self.number


def items(
    lock: Lock, to: Destination, shard: Shard = Shard(), moves: Collection[str] = ()
) -> tuple[CopyItem, ...]:
    """Return what to copy for each entry of the lock: its tag, or a keep tag for an entry without one.

    Raises :class:`UsageError` when two entries with different digests would get one name and tag, or
    when ``moves`` names an image that is not in the lock.
    """
    found = [_item(image, to, moves) for image in lock.images if shard.has(image)]
    _refuse_collisions([_item(image, to, ()) for image in lock.images])
    unknown = set(moves) - {image.reference for image in lock.images}
    if unknown:
        raise UsageError(f"not in the lock: {', '.join(sorted(unknown))}", hint="write images as name:tag")
    return tuple(dict.fromkeys(found))


def outcome(command: str, done: Done, *, missing: str = "IL303") -> Outcome:
    """Report how every image ended; ``missing`` is the code for images that the source does not have."""
    images = [one for one in done.results if one.item.subject is None]
    counts = {verdict: sum(1 for one in images if one.verdict is verdict) for verdict in CopyStatus}
    return Outcome(
        command=command,
        changes=tuple(
            Change(reference=one.item.destination, before=None, after=str(one.item.digest))
            for one in done.results
            if one.verdict is CopyStatus.COPIED
        ),
        findings=tuple(
            problem for one in done.results if (problem := copy_finding(one, missing)) is not None
        ),
        summary={
            "images": len(images),
            **{_key(verdict): count for verdict, count in counts.items()},
            **_referrers(done.results),
        },
        advice=_sent(done),
    )


def preview(command: str, plan: Plan, advice: tuple[str, ...] = (), *, missing: str = "IL303") -> Outcome:
    """Report what :func:`~imagelock.ops.copies.transfer.apply` would do; ``missing`` as in :func:`outcome`."""
    settled = {one.item: one for one in plan.settled}
    counts = {verdict: sum(1 for one in plan.settled if one.verdict is verdict) for verdict in CopyStatus}
    return Outcome(
        command=command,
        changes=tuple(
            Change(reference=job.item.destination, before=None, after=str(job.item.digest))
            for job in plan.jobs
        ),
        findings=tuple(
            problem for one in settled.values() if (problem := copy_finding(one, missing)) is not None
        ),
        summary={
            "images": sum(1 for item in plan.items if item.subject is None),
            "to_copy": sum(1 for job in plan.jobs if job.item.subject is None),
            **_counted("referrers", sum(1 for job in plan.jobs if job.item.subject is not None)),
            **{_key(verdict): counts[verdict] for verdict in CopyStatus if verdict is not CopyStatus.COPIED},
            "blobs_to_send": len(plan.missing),
            "bytes_to_send": plan.size,
        },
        advice=tuple(
            dict.fromkeys(("dry run: nothing was written", *advice, *left_with_vendor(plan.foreign.values())))
        ),
    )


def left_with_vendor(layers: Collection[Descriptor]) -> tuple[str, ...]:
    """Say which layers were not copied, and what follows from it; nothing where there are none."""
    if not layers:
        return ()
    size = in_units(sum(layer.size for layer in layers))
    noun = "layer stays" if len(layers) == 1 else "layers stay"
    left = f"{len(layers)} foreign {noun} with the vendor ({size})"
    return (f"{left}: nodes that cannot reach it cannot run these images; --foreign-layers carries them",)


def rows(results: Sequence[Result], *, files: bool = False) -> list[tuple[str, str, str]]:
    """Return the lines of the result table: what, where to (a file's name, with ``files``), how it ended."""
    return [
        (_shown(one.item.reference), _shown(one.item.target if files else one.item.destination), _words(one))
        for one in results
        if one.item.subject is None or one.error is not None or one.verdict is CopyStatus.CONFLICT
    ]


def copy_finding(result: Result, missing: str = "IL303") -> Finding | None:
    """Return the finding of an image that was not copied and is not there."""
    item, error = result.item, result.error
    if result.verdict is CopyStatus.CONFLICT:
        return finding(
            "IL401",
            f"{item.destination} exists and is a different image",
            reference=item.reference,
            notes=[f"the lock has {item.digest}", f"the registry has {result.now}"],
            hint=f"nothing was changed there; {_way_out(item)}",
        )
    if error is None:
        return None
    return finding(
        _code(error, missing),
        f"{item.reference}: {error.kind}: {error.message}",
        reference=item.reference,
        # A platform that is missing is a warning elsewhere; here the image was asked for and is not there.
        level=Level.ERROR,
        notes=[*([f"at {error.where}"] if error.where else []), *(f"tried {line}" for line in error.tried)],
        hint=error.hint,
    )


def _referrers(results: Sequence[Result]) -> dict[str, int]:
    """Count the signatures and other referrers that are in place, and those that are not."""
    good = (CopyStatus.COPIED, CopyStatus.THERE)
    found = [one.verdict in good for one in results if one.item.subject is not None]
    return _counted("referrers", sum(found)) | _counted("referrers_not_copied", len(found) - sum(found))


def _counted(key: str, count: int) -> dict[str, int]:
    return {key: count} if count else {}


def _way_out(item: CopyItem) -> str:
    if item.source == item.target:
        return "create the bundle in a new directory"
    return f"`--move {item.reference}` moves the tag on purpose"


def _code(error: RegistryError, missing: str) -> str:
    codes: tuple[tuple[type[RegistryError], str], ...] = (
        (IncompleteError, "IL307"),
        (WriteRefusedError, "IL308"),
        (IntegrityError, "IL305"),
        (PlatformNotFoundError, "IL106"),
        (NotFoundError, missing),
    )
    return next((code for kind, code in codes if isinstance(error, kind)), "IL302")


def _key(verdict: CopyStatus) -> str:
    words: str = verdict.value
    return "conflicts" if verdict is CopyStatus.CONFLICT else words.replace(" ", "_")


def _shown(reference: str) -> str:
    """Shorten a digest as tables show it."""
    name, at, digest = reference.partition("@")
    return f"{name}@{digest[:_SHORT_DIGEST]}…" if at else name


def _words(result: Result) -> str:
    if result.verdict is CopyStatus.CONFLICT:
        return "conflict: the tag is another image"
    words: str = result.verdict.value
    if result.error is None:
        return words
    return f"{words}: {result.error.kind}"


def _sent(done: Done) -> tuple[str, ...]:
    moved = done.moved
    if not moved.blobs and not moved.mounted:
        return ()
    shared = f", {moved.mounted} shared" if moved.mounted else ""
    return (f"sent {moved.blobs} blobs, {in_units(moved.size)}{shared}",)


def _item(image: LockedImage, to: Destination, moves: Collection[str]) -> CopyItem:
    several = len(image.platforms) > 1
    return CopyItem(
        reference=image.reference,
        source=image.name,
        target=to.name_of(image.name),
        digest=image.digest,
        tag=image.tag or keep_tag(image.digest),
        children=tuple(part.digest for part in image.platforms) if several else (),
        move=image.reference in moves,
    )


def _refuse_collisions(found: Sequence[CopyItem]) -> None:
    destinations: dict[str, CopyItem] = {}
    for item in found:
        other = destinations.setdefault(item.destination, item)
        if other.digest != item.digest:
            raise UsageError(
                f"{other.reference} and {item.reference} would both become {item.destination}",
                hint="give each a name of its own with --map",
            )
