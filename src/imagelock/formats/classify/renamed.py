"""Names that another file replaces or builds: what was found in a file judged by its context.

Kustomize's ``images`` apply on every way in which a file is deployed.  A version that is decided there on all of
them is not the file's any more; a name that is only replaced keeps its tag and its digest, so the digest still
belongs in the file; what differs from way to way is found and not pinned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.model.place import Place, SkipKind, Skipped, Slot
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.model.context import Built, FileContext, Renaming
    from imagelock.model.place import Found

REPLACED = "{} replaces it with {}"
BUILT = "{} builds an image of this name"
SUFFIX = "tagSuffix in {} makes another tag of it and drops every digest: write newTag there instead"
RENAMED_TWICE = "it is deployed under several names: {}"
RENAMED_APART = "{} gives it another name, and it is read here in several keys"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What becomes of a name on one way: the name at last, the entry that decided the version, one with a suffix."""

    name: str
    decided: Renaming | None = None
    suffix: Renaming | None = None
    renamed: Renaming | None = None


def meant(found: Sequence[Found], context: FileContext) -> list[Found]:
    """Return what was found as the files around it mean it."""
    return [_meant(item, context) if isinstance(item, Place) else item for item in found]


def _meant(place: Place, context: FileContext) -> Found:
    built = next((item for item in context.built if _is_built(place.reference, item)), None)
    if built is not None:
        return _skipped(place, BUILT.format(built.by), SkipKind.BUILT)
    outcomes = list(dict.fromkeys(_outcome(place.reference, chain) for chain in context.renamed))
    if not any(item.renamed or item.suffix for item in outcomes):
        return place
    decided = [item.decided for item in outcomes if item.decided is not None]
    if len(decided) == len(outcomes):
        return _skipped(place, REPLACED.format(decided[0].by, decided[0].result), SkipKind.REPLACED)
    return _kept(place, [item for item in outcomes if item.decided is None])


def _kept(place: Place, outcomes: Sequence[_Outcome]) -> Place:
    """Return a place whose version counts, under the name that it gets."""
    suffix = next((item.suffix for item in outcomes if item.suffix is not None), None)
    if suffix is not None:
        is_known = any(item.suffix is None for item in outcomes)
        return replace(place, slots=(), refusal=SUFFIX.format(suffix.by), tag_is_known=is_known)
    names = sorted({item.name for item in outcomes})
    if len(names) > 1:
        return replace(place, slots=(), refusal=RENAMED_TWICE.format(", ".join(names)))
    if names[0] == place.reference.written_name:
        return place
    return _renamed(place, outcomes[0])


def _renamed(place: Place, outcome: _Outcome) -> Place:
    """Return the place with the reference that is deployed; only the digest is written where the name stays."""
    written = place.reference
    suffix = str(written).removeprefix(written.written_name)
    reference = Reference.parse_or_none(outcome.name + suffix)
    by = outcome.renamed.by if outcome.renamed is not None else ""
    if reference is None:
        return replace(place, slots=(), refusal=RENAMED_APART.format(by))
    slot = place.slots[0] if len(place.slots) == 1 else None
    if slot is None or slot.part != "reference":
        is_digest = slot is not None and slot.part in ("@digest", "digest")
        refusal = place.refusal or (None if is_digest else RENAMED_APART.format(by))
        return replace(place, reference=reference, slots=place.slots if is_digest else (), refusal=refusal)
    at = slot.text.find("@")
    start = len(slot.text) if at < 0 else at
    digest = Slot(span=slot.span.cut(start, len(slot.text)), text=slot.text[start:], part="@digest")
    return replace(place, reference=reference, slots=(digest,))


def _outcome(reference: Reference, chain: Sequence[Renaming]) -> _Outcome:
    outcome = _Outcome(reference.written_name)
    for entry in chain:
        if entry.name != outcome.name:
            continue
        outcome = replace(
            outcome,
            name=entry.new_name or outcome.name,
            renamed=entry if entry.new_name else outcome.renamed,
            decided=entry if entry.decides else outcome.decided,
            suffix=entry if entry.has_suffix and not entry.decides else outcome.suffix,
        )
        if entry.decides:
            outcome = replace(outcome, renamed=entry, suffix=None)
    return outcome


def _is_built(reference: Reference, built: Built) -> bool:
    if reference.name != built.name or reference.digest is not None:
        return False
    return built.tag is None or built.tag == (reference.tag or "latest")


def _skipped(place: Place, reason: str, kind: SkipKind) -> Skipped:
    return Skipped(
        text=str(place.reference),
        line=place.line,
        column=place.column,
        reason=reason,
        format=place.format,
        kind=kind,
    )
