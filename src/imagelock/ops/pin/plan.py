"""Plan ``pin`` and ``unpin``: make places say what the lock says, or what they said before.

Both decide place by place into a :class:`FilePlan`; nothing is written here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from imagelock.errors import FormatError
from imagelock.files import Write, encode
from imagelock.formats.edit.splice import fill
from imagelock.model.digest import same_digest
from imagelock.model.finding_codes import Level
from imagelock.model.lock import LATEST, Ambiguous
from imagelock.model.outcome import Change, Finding, finding
from imagelock.model.place import Unreadable
from imagelock.ops.findings import ambiguous, finding_at, not_in_lock, not_pinnable
from imagelock.ops.pin.forms import NAME_DIGEST, Forms
from imagelock.ops.scan.occurrence import Occurrence
from imagelock.ops.usage import recorded_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.outcome import Exempted
    from imagelock.model.reference import Reference
    from imagelock.ops.olm.pin import Lists, OlmPinning, Shape
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.scanned_file import ScannedFile

_HOLDS_TAG = ("reference", "tag", "tag@digest")
"""Slots that a tag can be written into; the others hold a digest alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRequest:
    """How to pin: the written form, what to do with digests that are there, whom untagged names mean.

    ``moved`` maps ``name@old-digest`` to what the digest's tags name now; only ``update`` knows it.
    """

    forms: Forms = field(default_factory=Forms)
    keep_existing: bool = False
    untagged_first: bool = False
    moved: Mapping[str, tuple[LockedImage, ...]] | None = None
    olm: OlmPinning | None = None


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


def plan_unpin(collection: Collection, lock: Lock, forms: Forms, *, keep_existing: bool = False) -> EditPlan:
    """Decide what every pinned place said before: its own tag, or the only tag of its digest.

    What imagelock did not pin is left alone: an image that the lock does not know and, with ``keep_existing``,
    a digest that is not the lock's.
    """
    return _plan(collection, lambda use: _unpinned(use, lock, forms.at(use), keep_existing=keep_existing))


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
    keep_tag = request.forms.at(use) != NAME_DIGEST or use.place.keeps_tag
    new = reference.with_digest(entry.digest, keep_tag=keep_tag)
    if new == reference:
        return None
    return new if use.place.pinnable else not_pinnable(use)


def _entry(use: Occurrence, lock: Lock, request: PinRequest) -> LockedImage | Ambiguous | None:
    reference = use.reference
    entries = recorded_entries(use, lock)
    if entries:
        same = all(same_digest(entry.digest, entries[0].digest) for entry in entries)
        return entries[0] if same else Ambiguous(entries)
    if reference.tag is None and _was_moved(reference, request):
        return _successor(_moved_entries(reference, request), request.forms.at(use))
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


def _unpinned(use: Occurrence, lock: Lock, form: str, *, keep_existing: bool) -> Decision:
    reference = use.reference
    if reference.digest is None:
        return None
    if reference.tag is not None:
        entry = lock.tagged(reference.name, reference.tag)
        if entry is None or (keep_existing and not same_digest(entry.digest, reference.digest)):
            return finding_at(use, "IL113", f"{reference} was not pinned by imagelock, so it is left alone")
        # The chart takes its appVersion for an empty tag here, and this is it.
        was_empty = any(slot.part == "tag@digest" for slot in use.place.slots)
        tag = None if was_empty else reference.tag
        return reference.with_tag(tag) if use.place.pinnable else not_pinnable(use)
    return _only_tag(use, lock, form)


def _only_tag(use: Occurrence, lock: Lock, form: str) -> Decision:
    """Return the reference with the only tag of its digest, as far as there is one and a place for it."""
    reference = use.reference
    entries = recorded_entries(use, lock)
    if not entries and reference.digest is not None:
        entries = lock.with_digest(reference.name, reference.digest)
    tags = sorted({image.tag for image in entries if image.tag is not None})
    if len(tags) != 1 or any(image.tag is None for image in entries):
        found = ", ".join(tags) or "none"
        return finding_at(use, "IL113", f"{reference} has no single tag in the lock (tags: {found})")
    if not use.place.pinnable:
        return not_pinnable(use)
    # In the default form only a name without a tag is pinned without one, and that name means latest.
    was_untagged = tags == [LATEST] and form != NAME_DIGEST
    if not was_untagged and not any(slot.part in _HOLDS_TAG for slot in use.place.slots):
        return finding_at(use, "IL113", f"{reference} had the tag {tags[0]}, which has no key here")
    return reference.with_tag(None if was_untagged else tags[0])


@dataclass(slots=True)
class _Progress:
    """What is decided so far."""

    writes: list[Write] = field(default_factory=list)
    texts: list[tuple[str, str, str]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: {"references": 0, "changed": 0, "unchanged": 0, "failed": 0}
    )


def _plan(
    collection: Collection,
    decide: Callable[[Occurrence], Decision],
    olm: OlmPinning | None = None,
    lock: Lock | None = None,
) -> EditPlan:
    done = _Progress()
    lists = olm.lists(collection, lock) if olm is not None and lock is not None else None
    if lists is not None:
        done.findings += lists.findings
    for file in collection.files:
        if olm is not None and olm.is_catalog(file):
            done.counts["catalogs"] = done.counts.get("catalogs", 0) + len(file.places)
        elif not file.is_inside_image:
            _plan_file(file, collection, decide, lists, done)
    done.findings += collection.problems
    done.counts["exempt"] = len(collection.exempt_uses)
    return EditPlan(
        writes=tuple(done.writes),
        texts=tuple(done.texts),
        changes=tuple(done.changes),
        findings=tuple(done.findings),
        blocking=any(_blocks(item, collection) for item in done.findings),
        counts=done.counts,
        exempt=collection.exempted(),
    )


_HOLDS_NOBODY_BACK = ("IL111", "IL113", "IL117", "IL127")
"""What concerns its own place alone: it cannot be written, is damaged, or is not read at all."""


def _blocks(item: Finding, collection: Collection) -> bool:
    """Whether a finding stops the whole run: an unreadable file does, unless it is known to hold no image."""
    if item.code != "IL114":
        return item.code not in _HOLDS_NOBODY_BACK
    file = next((file for file in collection.files if file.name == item.file), None)
    return file is None or any(not isinstance(found, Unreadable) for found in file.found)


def _plan_file(
    file: ScannedFile,
    collection: Collection,
    decide: Callable[[Occurrence], Decision],
    lists: Lists | None,
    done: _Progress,
) -> None:
    shape = lists.shape(file) if lists is not None else None
    wanted, kept, refused = _decide_file(file, collection, decide, done.counts, shape)
    takes_lists = shape is not None and bool(shape.bundles)
    if not wanted and not takes_lists:
        done.findings += refused
        return
    text = file.text
    changes = [_change(use, new) for use, new in wanted]
    try:
        content = fill(text, [(use.place, new) for use, new in wanted], file.rules, file.found)
    except FormatError as error:
        inexact = finding("IL113", error.message, file=file.name, line=error.line, column=error.column)
        content, changes, refused = text.content, [], [*refused, inexact]
        _held(done, len(wanted))
        wanted = []
    if lists is not None and shape is not None and takes_lists:
        rebuilt = lists.rebuild(file, shape, content, [*wanted, *kept])
        unwritable = [item for item in refused if item.code == "IL113"]
        if unwritable or rebuilt.findings:
            # Half of a bundle's digests would pass for all of them. What is not locked stops the whole run,
            # and --keep-going says that the rest is wanted.
            done.findings += [*(item for item in refused if item.code != "IL113"), *_as_errors(unwritable)]
            done.findings += rebuilt.findings
            _held(done, len(wanted))
            return
        content, changes = rebuilt.content, [*map(rebuilt.moved, changes), *rebuilt.changes]
    done.findings += refused
    if content == text.content:
        return
    done.changes += changes
    done.texts.append((file.name, text.content, content))
    if file.path is not None:
        done.writes.append(Write(file.path, file.data, encode(content, file.data)))


def _held(done: _Progress, places: int) -> None:
    done.counts["changed"] -= places
    done.counts["failed"] += places


def _as_errors(refused: Iterable[Finding]) -> Iterator[Finding]:
    for item in refused:
        yield replace(item, level=Level.ERROR, notes=(*item.notes, "a bundle is pinned whole or not at all"))


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
        if collection.exemption(place.reference, file) is not None:
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
