"""Run ``lock``: plan, ask the registries, write in one transaction, and report an outcome.

Nothing is written unless everything is resolved; with ``keep_going`` what could be resolved is written
and the exit code still reports the rest.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from imagelock.files import decode, file_lock, read_bytes, write_all
from imagelock.limits import HOLD_SECONDS, LOCK_BYTES
from imagelock.model.finding_codes import Level
from imagelock.model.lock import Lock
from imagelock.model.outcome import Outcome, finding
from imagelock.ops.compare import differences
from imagelock.ops.findings import not_in_lock
from imagelock.ops.lock import apply as relock
from imagelock.ops.lock import plan as locking
from imagelock.ops.lock.merge import settle
from imagelock.ops.project import LockFile, nothing_here, read_lock
from imagelock.ops.usage import unused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from imagelock.model.lock import Source
    from imagelock.model.outcome import Change, Finding
    from imagelock.ops.lock.apply import LockResult
    from imagelock.ops.lock.plan import LockPlan, LockRequest
    from imagelock.ops.lock.resolve import ImageQuery
    from imagelock.ops.project import Project
    from imagelock.ops.registry_access import RegistryAccess
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.writing import WriteMode


def run_lock(
    project: Project, collection: Collection, request: LockRequest, access: RegistryAccess, mode: WriteMode
) -> Outcome:
    """Make the lock say what the files need; write it when it changed."""
    with hold_lock(project, mode):
        lock_file, contested = (
            _settled(project) if mode.settle else (read_lock(project, for_writing=True), ())
        )
        result, plan = resolve_and_merge(lock_file, collection, request, access)
        _require_entries(project, collection, lock_file, result)
        write = mode.write and (result.complete or mode.keep_going) and bool(result.lock.images)
        if write:
            write_all([lock_file.write_of(result.lock)])
    is_reported = write or not mode.write
    changes = result.changes if is_reported else ()
    return Outcome(
        command="lock",
        changes=changes,
        findings=(*collection.problems, *result.findings),
        exempt=collection.exempted(),
        summary=_lock_summary(result.lock if is_reported else lock_file.lock, changes, result.findings),
        advice=(
            *contested,
            *plan.remarks,
            *collection.remarks(),
            *_not_written(result, mode),
            *_next_step(result, collection, written=write),
            *_partial(collection, lock_file, plan),
        ),
    )


def _require_entries(
    project: Project, collection: Collection, lock_file: LockFile, result: LockResult
) -> None:
    """Refuse to write a lock without an entry: as a lock it would say nothing, and look like one."""
    if result.lock.images or result.findings or collection.problems or collection.all_uses:
        return
    if lock_file.lock.images:
        raise nothing_here(
            project,
            (),
            "no image reference here, so the lock would lose all of its entries",
            hint=f"delete {project.shown(project.lock_path)} if that is meant, or name another directory with -C",
        )
    raise nothing_here(project, (), "no image reference here, so there is nothing to lock")


def check_lock(project: Project, collection: Collection, request: LockRequest) -> Outcome:
    """Report whether ``lock`` would change anything, without asking any registry."""
    lock_file = read_lock(project)
    plan = locking.plan(collection, lock_file.lock, request)
    missing = [not_in_lock(uses[0], lock_file.lock) for uses in plan.queries.values() if uses]
    # An entry that would go changes the lock, so it counts here although it is a warning elsewhere.
    leaving = [unused(image, level=Level.ERROR) for image in plan.removed]
    missing += [_not_proved(query, source) for query, source in plan.sources.items()]
    findings = (*collection.problems, *missing, *plan.findings, *leaving)
    known = differences(lock_file.lock, Lock((*plan.keep, *plan.refresh)))
    return Outcome(
        command="lock",
        changes=tuple(change for change in known if change.after is not None),
        findings=findings,
        summary={"entries": len(lock_file.lock.images), "missing": len(missing), "unused": len(leaving)},
    )


def _settled(project: Project) -> tuple[LockFile, tuple[str, ...]]:
    """Read a lock in merge conflict; return it with a remark for each contested image."""
    path, where = project.lock_path, project.shown(project.lock_path)
    data = read_bytes(path, LOCK_BYTES)
    settled = settle(decode(data), where)
    remarks = (
        f"{one.reference} was {one.digest} on one side and {other.digest} on the other: resolved again"
        for one, other in settled.contested
    )
    return LockFile(path, settled.lock, data), tuple(remarks)


def hold_lock(project: Project, mode: WriteMode) -> AbstractContextManager[None]:
    """Hold the lock file against other runs while it may be written; a run that writes nothing waits for no one."""
    if not mode.write:
        return nullcontext()
    project.require_lock(for_writing=True)
    return file_lock(project.lock_path, wait=HOLD_SECONDS, notify=mode.notify)


def resolve_and_merge(
    lock_file: LockFile, collection: Collection, request: LockRequest, access: RegistryAccess
) -> tuple[LockResult, LockPlan]:
    """Plan against the lock as it is, ask the registries, and return the new lock with the plan."""
    plan = locking.plan(collection, lock_file.lock, request)
    with access.open_reader() as reader:
        result = relock.apply(
            plan, lock_file.lock, request, reader, jobs=access.jobs, progress=access.progress
        )
    return result, plan


def _lock_summary(lock: Lock, changes: Sequence[Change], findings: Sequence[Finding]) -> dict[str, int]:
    """Count what ``lock`` holds now: added to it, moved in it, told in more detail, kept; and what went."""
    added = sum(1 for change in changes if change.before is None)
    removed = sum(1 for change in changes if change.after is None)
    detailed = sum(1 for change in changes if change.before == change.after)
    moved = len(changes) - added - removed - detailed
    return {
        "entries": len(lock.images),
        "added": added,
        "moved": moved,
        "detailed": detailed,
        "removed": removed,
        "kept": len(lock.images) - added - moved - detailed,
        "failed": sum(1 for item in findings if item.code in ("IL301", "IL104", "IL120", "IL121")),
    }


def _not_written(result: LockResult, mode: WriteMode) -> tuple[str, ...]:
    if result.complete or not mode.write or mode.keep_going:
        return ()
    return ("the lock was not written; --keep-going writes what was resolved",)


def _next_step(result: LockResult, collection: Collection, *, written: bool) -> tuple[str, ...]:
    """Say what to do with a lock that was just written, while places have no digest yet."""
    places = sum(1 for use in collection.uses if use.reference.digest is None)
    if not (written and result.complete and result.changes and places):
        return ()
    return (f"next: `imagelock pin` writes the digests into {places} {'place' if places == 1 else 'places'}",)


def _partial(collection: Collection, lock_file: LockFile, plan: LockPlan) -> tuple[str, ...]:
    """Say that a partial run removes nothing, when there would be something to say."""
    if collection.whole and not collection.problems:
        return ()
    if plan.removed or not lock_file.lock.images:
        return ()
    why = "some files could not be read" if collection.whole else "only part of the project was scanned"
    return (f"{why}, so no entry was removed",)


def _not_proved(query: ImageQuery, source: Source | None) -> Finding:
    return finding(
        "IL112",
        f"{query.shown} is not in the lock",
        reference=query.shown,
        file=source.origin if source else None,
        hint="run `imagelock lock`",
    )
