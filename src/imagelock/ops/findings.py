"""Create findings about one place, in the same words for every command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.model.outcome import finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelock.model.finding_codes import Level
    from imagelock.model.lock import Ambiguous, Lock
    from imagelock.model.outcome import Finding
    from imagelock.ops.scan.occurrence import Occurrence


def finding_at(
    use: Occurrence,
    code: str,
    message: str,
    *,
    hint: str | None = None,
    notes: Iterable[str] = (),
    level: Level | None = None,
) -> Finding:
    """Make a finding about a place."""
    return finding(
        code,
        message,
        reference=use.reference,
        file=use.file.name,
        line=use.place.line,
        column=use.place.column,
        hint=hint,
        notes=notes,
        level=level,
    )


def ambiguous(use: Occurrence, entry: Ambiguous) -> Finding:
    """Report a reference without a tag that fits several entries (IL110)."""
    tags = ", ".join(image.tag or str(image.digest) for image in entry.entries)
    return finding_at(
        use,
        "IL110",
        f"{use.reference} has no tag and the lock has several: {tags}",
        hint="write the intended tag",
    )


def not_in_lock(use: Occurrence, lock: Lock) -> Finding:
    """Report a reference that the lock does not know (IL112), with what it knows of the name."""
    others = [image.tag or str(image.digest) for image in lock.named(use.reference.name)]
    notes = [f"the lock has {use.reference.name} with: {', '.join(others)}"] if others else []
    return finding_at(
        use, "IL112", f"{use.reference} is not in the lock", hint="run `imagelock lock`", notes=notes
    )


def not_pinnable(use: Occurrence) -> Finding:
    """Report a place that cannot be written exactly (IL113)."""
    reason = use.place.refusal or "this format is read only"
    return finding_at(use, "IL113", f"{use.reference} cannot be pinned here: {reason}")
