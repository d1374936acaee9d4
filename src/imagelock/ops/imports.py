"""``import``: other tools' lists read, judged and, if asked for, locked.

What a list says of an archive (a sum, and that it need not match) is dropped: the digest in the lock names
the image itself, and is never allowed to differ.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.errors import FileError, UsageError
from imagelock.formats.epiphany import requirements
from imagelock.model.outcome import Change, Outcome
from imagelock.model.place import Place
from imagelock.model.requirement import Requirement
from imagelock.ops.collect import collect
from imagelock.ops.lock import LockRequest
from imagelock.ops.project import read_lock
from imagelock.ops.verbs import run_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from imagelock.formats.base import Text
    from imagelock.interchange.base import Import
    from imagelock.model.digest import Digest
    from imagelock.model.lock import Lock
    from imagelock.ops.collect import Collection, ScannedFile
    from imagelock.ops.project import Project
    from imagelock.ops.verbs import Asking, Mode

READERS: Mapping[str, Callable[[Text], Iterator[object]]] = {"epiphany": requirements}
"""What reads the lists of each import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What to take of which files, and what lists they must agree with."""

    names: tuple[str, ...]
    against: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The requirements that were asked for, where they stand, and the outcome.

    ``digests`` has those that the lock knows, by canonical reference; empty when nothing was locked.
    """

    requirements: tuple[Requirement, ...]
    collection: Collection
    outcome: Outcome
    digests: Mapping[str, Digest]


def run_import(
    project: Project, kind: Import, request: ImportRequest, locking: tuple[Asking, Mode] | None
) -> Imported:
    """Read and judge the lists; with ``locking`` resolve their images and write the lock.

    Raises :class:`FileError` for a file that is no such list and :class:`UsageError` for an unknown group.
    """
    collection = collect(project, request.names)
    everything = _read(project, kind, collection, request.names)
    chosen = _of_groups(everything, request.groups)
    against = collect(project, request.against) if request.against else None
    loaded = _read(project, kind, against, request.against) if against is not None else ()
    findings = (*collection.problems, *kind.judge(everything, loaded))
    selected = _selected(collection, chosen)
    digests: Mapping[str, Digest] = {}
    locked = Outcome(command="lock")
    if locking is not None:
        asking, mode = locking
        locked = run_lock(project, selected, _lock_request(project), asking, mode)
        digests = _digests(read_lock(project, for_writing=True).lock, chosen)
    summary = {
        "entries": len(chosen),
        "images": len({item.reference.canonical for item in chosen}),
        "sha1_dropped": sum(1 for item in chosen if item.sha1 is not None),
        "allow_mismatch_dropped": sum(1 for item in chosen if item.allow_mismatch),
        "locked": len(digests),
    }
    outcome = Outcome(
        command=f"import-{kind.name}",
        changes=_changes(chosen, digests),
        findings=tuple(dict.fromkeys((*findings, *locked.findings))),
        summary=summary,
        advice=(*_advice(chosen), *locked.advice),
    )
    files = (*collection.files, *(against.files if against is not None else ()))
    return Imported(
        requirements=chosen,
        collection=replace(collection, files=files),
        outcome=outcome,
        digests=digests,
    )


def _read(
    project: Project, kind: Import, collection: Collection, names: Sequence[str]
) -> tuple[Requirement, ...]:
    read: dict[str, list[Requirement]] = {project.shown(project.directory / name): [] for name in names}
    for file in collection.files:
        items = [item for item in READERS[kind.name](file.text) if isinstance(item, Requirement)]
        read.setdefault(file.name, []).extend(items)
    for name, items in read.items():
        is_broken = any(item.file == name for item in collection.problems)
        if not items and not is_broken and not (project.directory / name).is_dir():
            raise FileError(
                f"not a list of {kind.name}",
                where=name,
                hint=f"`imagelock import {kind.name}` reads {kind.summary}",
            )
    return tuple(item for items in read.values() for item in items)


def _of_groups(everything: Sequence[Requirement], groups: Sequence[str]) -> tuple[Requirement, ...]:
    if not groups:
        return tuple(everything)
    known = sorted({item.group for item in everything if item.group is not None})
    for group in groups:
        if group not in known:
            raise UsageError(
                "no list has this group", where=group, hint=f"groups: {', '.join(known) or 'none'}"
            )
    return tuple(item for item in everything if item.group in groups)


def _selected(collection: Collection, chosen: Sequence[Requirement]) -> Collection:
    """Return the collection with the places of the chosen requirements only."""
    wanted: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for item in chosen:
        wanted[item.file].add((item.line, item.column))

    def narrowed(file: ScannedFile) -> ScannedFile:
        places = wanted[file.name]
        return replace(
            file,
            found=tuple(
                item
                for item in file.found
                if not isinstance(item, Place) or (item.line, item.column) in places
            ),
        )

    return replace(collection, files=tuple(narrowed(file) for file in collection.files))


def _lock_request(project: Project) -> LockRequest:
    return LockRequest(offline=project.settings.offline, platforms=project.config.platforms)


def _digests(lock: Lock, chosen: Sequence[Requirement]) -> dict[str, Digest]:
    found = {}
    for item in chosen:
        entry = lock.tagged(item.reference.name, item.reference.pulled_tag or "")
        digest = entry.digest if entry is not None else item.reference.digest
        if digest is not None:
            found[item.reference.canonical] = digest
    return found


def _changes(chosen: Sequence[Requirement], digests: Mapping[str, Digest]) -> tuple[Change, ...]:
    """Return each sum that is dropped, with the digest that takes its place."""
    changes = []
    for item in chosen:
        digest = digests.get(item.reference.canonical)
        if item.sha1 is not None:
            changes.append(
                Change(
                    reference=str(item.reference),
                    before=f"sha1:{item.sha1}",
                    after=None if digest is None else str(digest),
                    file=item.file,
                    line=item.line,
                )
            )
    return tuple(changes)


def _advice(chosen: Sequence[Requirement]) -> tuple[str, ...]:
    remarks = []
    allowed = list(dict.fromkeys(str(item.reference) for item in chosen if item.allow_mismatch))
    if any(item.sha1 is not None for item in chosen):
        remarks.append(
            "sha1 sums are of archives that one program wrote once; the lock keeps digests of the images"
        )
    if allowed:
        remarks.append(f"allow_mismatch is dropped too, a digest must always match: {', '.join(allowed)}")
    return tuple(remarks)
