"""``import``: read and judge other tools' lists and, if requested, lock them.

What a list says of an archive (a sum, and that it need not match) is dropped: the digest in the lock names
the image itself, and is never allowed to differ.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.errors import FileError, UsageError
from imagelock.files import decode, read_bytes
from imagelock.formats.lists import epiphany
from imagelock.formats.syntax.text import Text
from imagelock.interchange.epiphany_against import judge_platforms
from imagelock.model.lock import Lock
from imagelock.model.outcome import Change, Outcome, finding
from imagelock.model.place import Place, Unreadable
from imagelock.model.requirement import Requirement
from imagelock.ops.imports_against import sorted_out
from imagelock.ops.lock.plan import LockRequest
from imagelock.ops.lock.run import run_lock
from imagelock.ops.project import read_lock
from imagelock.ops.scan.collect import Collection, collect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from imagelock.interchange.base import Import
    from imagelock.model.digest import Digest
    from imagelock.model.outcome import Finding
    from imagelock.ops.project import Project
    from imagelock.ops.registry_access import RegistryAccess
    from imagelock.ops.scan.scanned_file import ScannedFile
    from imagelock.ops.writing import WriteMode

READERS: Mapping[str, Callable[[Text], Iterator[object]]] = {"epiphany": epiphany.requirements}
"""What reads the lists of each import."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What to take of which files, and what they must agree with: lists to load, templates, a cluster's manifest."""

    names: tuple[str, ...]
    against: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The requirements that were asked for, where they are, and the outcome.

    ``digests`` has those that the lock knows, by canonical reference; empty when nothing was locked.
    """

    requirements: tuple[Requirement, ...]
    collection: Collection
    outcome: Outcome
    digests: Mapping[str, Digest]


def run_import(
    project: Project, kind: Import, request: ImportRequest, locking: tuple[RegistryAccess, WriteMode] | None
) -> Imported:
    """Read and judge the lists; with ``locking`` resolve their images and write the lock.

    Raises :class:`FileError` for a file that is no such list and :class:`UsageError` for an unknown group.
    """
    lists = _lists(project, kind, request.names)
    around = sorted_out(project, request.against)
    others = _lists(project, kind, around.lists)
    chosen = _of_groups(lists.requirements, request.groups)
    digests: Mapping[str, Digest] = {}
    locked = Outcome(command="lock")
    if locking is not None:
        access, mode = locking
        locked = run_lock(project, _selected(lists.collection, chosen), _lock_request(project), access, mode)
        digests = _digests(read_lock(project, for_writing=True).lock, chosen)
    summary = {
        "entries": len(chosen),
        "images": len({item.reference.canonical for item in chosen}),
        "sha1_dropped": sum(1 for item in chosen if item.sha1 is not None),
        "allow_mismatch_dropped": sum(1 for item in chosen if item.allow_mismatch),
        "locked": len(digests),
    }
    known = read_lock(project).lock if project.lock_path.is_file() else Lock()
    findings = (
        *lists.findings,
        *others.findings,
        *kind.judge(lists.requirements, others.requirements),
        *around.findings(lists.requirements, others.requirements),
        *judge_platforms(chosen, known),
    )
    outcome = Outcome(
        command=f"import-{kind.name}",
        changes=_changes(chosen, digests),
        findings=tuple(dict.fromkeys((*findings, *locked.findings))),
        summary=summary,
        advice=(*_advice(chosen), *around.remarks(chosen), *locked.advice),
    )
    files = (*lists.collection.files, *others.collection.files, *around.files)
    both = replace(lists.collection, files=files)
    return Imported(requirements=chosen, collection=both, outcome=outcome, digests=digests)


@dataclass(frozen=True, slots=True)
class _Lists:
    """Some files as requirements, as places, and what is wrong with the files themselves."""

    requirements: tuple[Requirement, ...]
    collection: Collection
    findings: tuple[Finding, ...]


def _lists(project: Project, kind: Import, names: Sequence[str]) -> _Lists:
    if not names:
        return _Lists((), Collection(files=(), problems=(), exemptions=(), whole=False), ())
    collection = collect(project, names)
    read: dict[str, list[Requirement]] = {project.shown(project.directory / name): [] for name in names}
    for file in collection.files:
        items = [item for item in READERS[kind.name](file.text) if isinstance(item, Requirement)]
        read.setdefault(file.name, []).extend(items)
    reported = {item.file for item in collection.problems}
    # The scan passes over a text in which no format sees anything; here someone named it.
    silent = [name for name, items in read.items() if not items and name not in reported]
    texts = [(name, project.directory / name) for name in silent if (project.directory / name).is_file()]
    unread = [_unreadable(kind, Text(name, decode(read_bytes(path)))) for name, path in texts]
    requirements = tuple(item for items in read.values() for item in items)
    return _Lists(requirements, collection, (*collection.problems, *unread))


def _unreadable(kind: Import, text: Text) -> Finding:
    """Return why a text holds nothing; raise :class:`FileError` when it is of another kind altogether."""
    broken = next((item for item in READERS[kind.name](text) if isinstance(item, Unreadable)), None)
    if broken is None:
        hint = f"`imagelock import {kind.name}` reads {kind.summary}"
        raise FileError(f"not a list for {kind.name}", where=text.path, hint=hint)
    return finding("IL114", broken.reason, file=text.path, line=broken.line, column=broken.column)


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
            "sha1 sums belong to archives written once by one program; the lock records digests of the images instead"
        )
    if allowed:
        remarks.append(
            f"allow_mismatch is dropped too, because a digest must always match: {', '.join(allowed)}"
        )
    return tuple(remarks)
