"""``check``: compare every place with the lock, offline and from values alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.model.digest import same_digest
from imagelock.model.lock import Ambiguous, LockedImage
from imagelock.model.outcome import Outcome
from imagelock.ops.findings import ambiguous, finding_at, not_pinnable
from imagelock.ops.project import nothing_here
from imagelock.ops.scan.account import unread_findings
from imagelock.ops.usage import (
    disagreement,
    is_scanned,
    missing_platforms,
    read_lock_for,
    recorded_entries,
    unused,
    used_entries,
)
from imagelock.ops.verify.own_files import unproved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.model.lock import Lock
    from imagelock.model.outcome import Finding
    from imagelock.model.platform import Platform
    from imagelock.ops.olm.pin import OlmPinning
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.occurrence import Occurrence

_HEX_DIGITS = 64
_STATES = ("pinned", "unknown", "wrong", "ignored")


def lock_to_check(project: Project, collection: Collection, sources: Sequence[str] = ()) -> Lock:
    """Read the lock that a collection is checked against; raise :class:`FileError` where there is nothing to check."""
    is_empty = not collection.all_uses and not collection.problems
    if is_empty and any(
        file.name == "<stdin>" and not file.text.content.strip() for file in collection.files
    ):
        raise nothing_here(
            project,
            ["-"],
            "standard input is empty: there is nothing to check",
            hint="look at how the program before the pipe ended",
        )
    if is_empty and not project.lock_path.exists():
        raise nothing_here(
            project, sources, "neither a lock nor an image reference here: there is nothing to check"
        )
    lock = read_lock_for(project, collection).lock
    if is_empty and not lock.images:
        raise nothing_here(project, sources, "an empty lock and no image reference here: nothing to check")
    return lock


def check(
    collection: Collection,
    lock: Lock,
    *,
    untagged_first: bool = False,
    platforms: tuple[Platform, ...] = (),
    olm: OlmPinning | None = None,
) -> Outcome:
    """Return what is wrong with the files, measured by the lock; ``platforms`` are those it must have.

    With ``olm`` a bundle must have related images, and the lists of catalogs are pinned elsewhere.
    """
    found = [*collection.problems]
    counts = Counter[str]()
    for use in collection.uses:
        if olm is not None and olm.is_catalog(use.file):
            continue
        judged = list(judge(use, lock, untagged_first=untagged_first))
        kept = [item for item in judged if not use.silences(item.code)]
        found += kept
        counts[_state(use, lock, judged, kept)] += 1
    unread = list(unread_findings(collection))
    found += unread
    found += unproved(collection, lock)
    found += files_disagree(collection.uses)
    if olm is not None or any(map(_is_audited, collection.all_uses)):
        from imagelock.ops.olm.audit import audit  # noqa: PLC0415 - most projects have no bundles

        found += audit(collection, lock, lists_required=olm is not None)
    if olm is not None:
        lists = olm.lists(collection, lock)
        found += lists.findings
        # What is not locked yet cannot be in the lists either, and is reported once.
        found += lists.outdated(collection) if not lists.findings else ()
    found += missing_platforms(lock, platforms)
    if collection.whole:
        found += unused_entries(collection, lock)
    summary = {
        "files": collection.files_with_places,
        "references": len(collection.all_uses),
        **{state: counts[state] for state in _STATES},
        "exempt": len(collection.exempt_uses),
        "skipped": sum(1 for _ in collection.skipped),
        "unread": len(unread),
    }
    return Outcome(
        command="check",
        findings=tuple(found),
        summary=summary,
        advice=collection.remarks(),
        exempt=collection.exempted(),
    )


def _state(use: Occurrence, lock: Lock, judged: Sequence[Finding], kept: Sequence[Finding]) -> str:
    """Return how a place is counted: every place once, and what a comment silences is never pinned."""
    if kept:
        return "unknown" if is_unknown(use, lock) else "wrong"
    return "ignored" if judged or use.reference.digest is None else "pinned"


def is_unknown(use: Occurrence, lock: Lock) -> bool:
    """Whether a place has a digest that the lock cannot judge: it knows neither its tag nor the digest itself."""
    reference = use.reference
    if reference.digest is None or (reference.tag is not None and lock.tagged(reference.name, reference.tag)):
        return False
    known = lock.with_digest(reference.name, reference.digest)
    return (
        not known
        and not lock.children_of(reference.name, reference.digest)
        and not recorded_entries(use, lock)
    )


def _is_audited(use: Occurrence) -> bool:
    """Whether more than digests counts at a place: of bundles, their variables, lists, and tags of copies."""
    return (
        use.file.has_variables
        or use.place.format in ("csv", "image-list")
        or len(use.reference.tag or "") >= _HEX_DIGITS
    )


def with_drift(checked: Outcome, drifted: Outcome) -> Outcome:
    """Join what the files and what the registries say: one report, one exit code."""
    return replace(
        checked,
        changes=(*checked.changes, *drifted.changes),
        findings=(*checked.findings, *drifted.findings),
        summary={**checked.summary, **drifted.summary},
    )


def judge(use: Occurrence, lock: Lock, *, untagged_first: bool = False) -> Iterator[Finding]:
    """Yield what is wrong with one place."""
    if use.reference.digest is None:
        yield from _judge_unpinned(use, lock, untagged_first=untagged_first)
    else:
        yield from _judge_pinned(use, lock)


def _judge_unpinned(use: Occurrence, lock: Lock, *, untagged_first: bool) -> Iterator[Finding]:
    match = lock.match(use.reference, untagged_first=untagged_first)
    if use.file.is_inside_image and isinstance(match, LockedImage):
        return  # A file inside an image is locked; nothing can write it.
    if not use.place.tag_is_known:
        yield not_pinnable(use)
    elif isinstance(match, Ambiguous):
        yield ambiguous(use, match)
    elif not use.place.pinnable:
        yield not_pinnable(use)
    elif match is None:
        yield finding_at(
            use,
            "IL101",
            f"{use.reference} is neither pinned nor in the lock",
            hint="run `imagelock lock`, then `imagelock pin`",
        )
    else:
        yield finding_at(use, "IL101", f"{use.reference} is not pinned", hint="run `imagelock pin`")


def _judge_pinned(use: Occurrence, lock: Lock) -> Iterator[Finding]:
    reference = use.reference
    digest = reference.digest
    if digest is None:
        return
    tagged = None if reference.tag is None else lock.tagged(reference.name, reference.tag)
    same = lock.with_digest(reference.name, digest)
    if isinstance(tagged, LockedImage):
        if not same_digest(tagged.digest, digest):
            yield _other_digest(use, tagged)
    elif same and reference.tag is not None:
        tags = ", ".join(image.tag or "no tag" for image in same)
        yield finding_at(
            use,
            "IL115",
            f"{reference.name}:{reference.tag} has the digest that the lock has for {tags}",
            hint="correct the tag",
        )
    elif not same and use.place.recorded and (entries := recorded_entries(use, lock)):
        yield _other_digest(use, entries[0])
    elif not same:
        yield _unknown_digest(use, lock)
    else:
        # A platform's manifest that was locked by itself is known, and still no whole image.
        parents = lock.children_of(reference.name, digest)
        if parents and all(image.tag is None for image in same):
            yield _child(use, parents[0])


def _other_digest(use: Occurrence, entry: LockedImage) -> Finding:
    reference = use.reference
    child = any(
        reference.digest is not None and same_digest(part.digest, reference.digest)
        for part in entry.platforms
    )
    if child:
        return _child(use, entry)
    return finding_at(
        use,
        "IL105",
        f"{entry.reference} has a digest other than the one in the lock",
        notes=[f"the file has {reference.digest}", f"the lock has {entry.digest}"],
        hint="run `imagelock pin`, or `imagelock lock --adopt` to take the file's",
    )


def _unknown_digest(use: Occurrence, lock: Lock) -> Finding:
    reference = use.reference
    parents = lock.children_of(reference.name, reference.digest) if reference.digest is not None else ()
    if parents:
        return _child(use, parents[0])
    known = ", ".join(image.tag or str(image.digest) for image in lock.named(reference.name))
    return finding_at(
        use,
        "IL105",
        f"{reference} is not in the lock",
        notes=[f"the lock has {reference.name} with: {known}"] if known else [],
        hint="run `imagelock lock` to take it into the lock, or correct the reference",
    )


def _child(use: Occurrence, entry: LockedImage) -> Finding:
    """Report one platform pinned instead of the whole image (IL108)."""
    digest = use.reference.digest
    platform = next(
        (
            part.platform
            for part in entry.platforms
            if digest is not None and same_digest(part.digest, digest)
        ),
        None,
    )
    return finding_at(
        use,
        "IL108",
        f"{use.reference} is only the {platform} part of {entry.reference}",
        hint="run `imagelock pin`" if use.reference.tag is not None else f"write {entry.image_id}",
    )


def files_disagree(uses: Iterable[Occurrence]) -> Iterator[Finding]:
    """Yield the images that places name with different digests under one tag (IL120)."""
    groups: dict[tuple[str, str], dict[str, Occurrence]] = defaultdict(dict)
    for use in uses:
        if use.reference.tag is not None and use.reference.digest is not None and not use.silences("IL120"):
            groups[use.reference.name, use.reference.tag].setdefault(str(use.reference.digest), use)
    for (name, tag), by_digest in groups.items():
        if len(by_digest) > 1:
            yield disagreement(f"{name}:{tag}", list(by_digest.values()))


def unused_entries(collection: Collection, lock: Lock) -> Iterator[Finding]:
    """Yield the entries that nothing in the project names (IL103)."""
    used = used_entries(collection.uses, lock)
    for image in lock.images:
        if is_scanned(image) and image.image_id not in used:
            yield unused(image)
