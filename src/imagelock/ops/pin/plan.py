"""Plan ``pin`` and ``unpin``: make places say what the lock says, or what they said before.

Both decide place by place into a :class:`FilePlan`; nothing is written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from imagelock.errors import FormatError
from imagelock.files import Write, encode
from imagelock.formats.edit.splice import fill
from imagelock.model.digest import same_digest
from imagelock.model.lock import LATEST, Ambiguous
from imagelock.model.outcome import Change, Finding, finding
from imagelock.ops.findings import ambiguous, finding_at, not_in_lock, not_pinnable
from imagelock.ops.scan.collect import Occurrence
from imagelock.ops.usage import recorded_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.outcome import Exempted
    from imagelock.model.reference import Reference
    from imagelock.ops.olm.pin import OlmPinning, Shape
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.scanned_file import ScannedFile

NAME_DIGEST = "name@digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRequest:
    """How to pin: the written form, what to do with digests that are there, whom untagged names mean.

    ``moved`` maps ``name@old-digest`` to what the digest's tags name now; only ``update`` knows it.
    """

    form: str = "name:tag@digest"
    keep_existing: bool = False
    untagged_first: bool = False
    moved: Mapping[str, tuple[LockedImage, ...]] | None = None
    olm: OlmPinning | None = None

    def form_at(self, use: Occurrence) -> str:
        """Return the form a place is pinned in: OLM's bundles name digests alone."""
        return NAME_DIGEST if self.olm is not None and use.place.format == "csv" else self.form


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPlan:
    """The files to write, what changes in them, and what is in the way (``blocking``)."""

    writes: tuple[Write, ...]
    texts: tuple[tuple[str, str, str], ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    blocking: bool
    counts: dict[str, int]
    exempt: tuple[Exempted, ...] = ()


Decision: TypeAlias = "Reference | Finding | None"
"""The new reference, the reason there is none, or None when the place is right as it is."""


def plan_pin(collection: Collection, lock: Lock, request: PinRequest) -> EditPlan:
    """Decide what every place should say."""
    return _plan(collection, lambda use: pinned(use, lock, request), request.olm, lock)


def plan_unpin(collection: Collection, lock: Lock, form: str) -> EditPlan:
    """Decide what every pinned place said before: its own tag, or the only tag of its digest."""
    return _plan(collection, lambda use: _unpinned(use, lock, form))


def pinned(use: Occurrence, lock: Lock, request: PinRequest) -> Decision:
    """Return the reference a place should hold by the lock."""
    reference = use.reference
    if not use.place.tag_is_known:
        return not_pinnable(use)
    if reference.digest is not None and request.keep_existing and not _was_moved(reference, request):
        return None
    entry = _entry(use, lock, request)
    if isinstance(entry, Ambiguous):
        return ambiguous(use, entry)
    if entry is None:
        return not_in_lock(use, lock)
    keep_tag = request.form_at(use) != NAME_DIGEST or use.place.keeps_tag
    new = reference.with_digest(entry.digest, keep_tag=keep_tag)
    if new == reference:
        return None
    return new if use.place.pinnable else not_pinnable(use)


def _entry(use: Occurrence, lock: Lock, request: PinRequest) -> LockedImage | Ambiguous | None:
    reference = use.reference
    if reference.tag is None and _was_moved(reference, request):
        return _successor(_moved_entries(reference, request), request.form_at(use))
    entries = recorded_entries(use, lock)
    if entries:
        same = all(same_digest(entry.digest, entries[0].digest) for entry in entries)
        return entries[0] if same else Ambiguous(entries)
    return lock.match(reference, untagged_first=request.untagged_first)


def _was_moved(reference: Reference, request: PinRequest) -> bool:
    """Whether this very update gave the reference's tag, or a tag of its digest, another digest."""
    entries = _moved_entries(reference, request)
    return any(reference.tag in (None, entry.tag) for entry in entries)


def _moved_entries(reference: Reference, request: PinRequest) -> tuple[LockedImage, ...]:
    return (request.moved or {}).get(f"{reference.name}@{reference.digest}", ())


def _successor(entries: tuple[LockedImage, ...], form: str) -> LockedImage | Ambiguous:
    """Choose what a digest without a tag becomes when several tags had it and now differ.

    In the default form only a name without a tag is pinned without one, and that name means latest.
    """
    if len({entry.digest for entry in entries}) == 1:
        return entries[0]
    latest = next((entry for entry in entries if entry.tag == LATEST), None)
    return latest if latest is not None and form != NAME_DIGEST else Ambiguous(entries)


def _unpinned(use: Occurrence, lock: Lock, form: str) -> Decision:
    reference = use.reference
    if reference.digest is None:
        return None
    if reference.tag is not None:
        return reference.with_tag(reference.tag) if use.place.pinnable else not_pinnable(use)
    entries = lock.with_digest(reference.name, reference.digest)
    tags = sorted({image.tag for image in entries if image.tag is not None})
    if len(tags) != 1 or any(image.tag is None for image in entries):
        found = ", ".join(tags) or "none"
        return finding_at(use, "IL113", f"{reference} has no single tag in the lock (tags: {found})")
    if not use.place.pinnable:
        return not_pinnable(use)
    # In the default form only a name without a tag is pinned without one, and that name means latest.
    was_untagged = tags == [LATEST] and form != NAME_DIGEST
    return reference.with_tag(None if was_untagged else tags[0])


def _plan(
    collection: Collection,
    decide: Callable[[Occurrence], Decision],
    olm: OlmPinning | None = None,
    lock: Lock | None = None,
) -> EditPlan:
    writes, texts, changes = [], [], []
    findings: list[Finding] = []
    counts = {"references": 0, "changed": 0, "unchanged": 0, "failed": 0}
    lists = olm.lists(collection, lock) if olm is not None and lock is not None else None
    if lists is not None:
        findings += lists.findings
    for file in collection.files:
        if olm is not None and olm.is_catalog(file):
            counts["catalogs"] = counts.get("catalogs", 0) + len(file.places)
            continue
        shape = lists.shape(file) if lists is not None else None
        wanted, kept, refused = _decide_file(file, collection, decide, counts, shape)
        findings += refused
        if not wanted and not (shape and shape.bundles):
            continue
        text = file.text
        try:
            content = fill(text, [(use.place, new) for use, new in wanted], file.rules, file.found)
        except FormatError as error:
            findings.append(
                finding("IL113", error.message, file=file.name, line=error.line, column=error.column)
            )
            counts["changed"] -= len(wanted)
            counts["failed"] += len(wanted)
            continue
        changes += [_change(use, new) for use, new in wanted]
        if lists is not None and shape is not None and shape.bundles:
            rebuilt = lists.rebuild(file, shape, content, [*wanted, *kept])
            content = rebuilt.content
            changes += rebuilt.changes
            findings += rebuilt.findings
        if content == text.content:
            continue
        texts.append((file.name, text.content, content))
        if file.path is not None:
            writes.append(Write(file.path, file.data, encode(content)))
    findings += collection.problems
    counts["exempt"] = len(collection.exempt_uses)
    return EditPlan(
        writes=tuple(writes),
        texts=tuple(texts),
        changes=tuple(changes),
        findings=tuple(findings),
        blocking=any(item.code != "IL113" for item in findings),
        counts=counts,
        exempt=collection.exempted(),
    )


def _decide_file(
    file: ScannedFile,
    collection: Collection,
    decide: Callable[[Occurrence], Decision],
    counts: dict[str, int],
    shape: Shape | None,
) -> tuple[list[tuple[Occurrence, Reference]], list[tuple[Occurrence, Reference]], list[Finding]]:
    """Return the places to change with what they should hold, those that hold it already, and refusals."""
    wanted, kept, refused = [], [], []
    for place in file.places:
        use = Occurrence(file, place)
        if shape is not None and shape.is_list(use):
            counts["listed"] = counts.get("listed", 0) + 1
            continue
        counts["references"] += 1
        if collection.exemption(place.reference) is not None:
            continue
        decision = decide(use)
        if decision is None:
            counts["unchanged"] += 1
            kept.append((use, place.reference))
        elif isinstance(decision, Finding):
            counts["failed"] += 1
            if not file.ignores.silences(decision.code, place.line):
                refused.append(decision)
        else:
            counts["changed"] += 1
            wanted.append((use, decision))
    return wanted, kept, refused


def _change(use: Occurrence, new: Reference) -> Change:
    before = str(use.reference)
    return Change(
        reference=before,
        before=before,
        after=str(new),
        file=use.file.name,
        line=use.place.line,
    )
