"""The verbs that write: plan, ask, write in one transaction, and tell it as an outcome.

Nothing is written unless everything is settled; with ``keep_going`` what could be settled is written
and the exit code still tells the rest.
"""

from __future__ import annotations

import stat
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.files import Write, check_inside, decode, encode, held, read_bytes, write_all
from imagelock.limits import GIB, HOLD_SECONDS, LOCK_BYTES
from imagelock.model.findings import Level
from imagelock.model.lock import Lock
from imagelock.model.outcome import Outcome, finding
from imagelock.ops import lock as locking
from imagelock.ops import pin as pinning
from imagelock.ops import relock
from imagelock.ops.about import not_in_lock
from imagelock.ops.compare import differences
from imagelock.ops.merge import settle
from imagelock.ops.project import LockFile, read_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from imagelock.model.lock import Source
    from imagelock.model.outcome import Change, Finding
    from imagelock.ops.asking import Asking
    from imagelock.ops.collect import Collection
    from imagelock.ops.lock import LockPlan, LockRequest
    from imagelock.ops.pin import EditPlan, PinRequest
    from imagelock.ops.project import Project
    from imagelock.ops.relock import LockResult
    from imagelock.ops.resolve import Want


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How far a writing verb goes: ``write`` False decides everything and writes nothing.

    ``settle``: the lock may be in merge conflict, and the run ends it.  ``tell`` hears that another run
    holds the lock and is waited for.
    """

    write: bool = True
    keep_going: bool = False
    settle: bool = False
    tell: Callable[[str], None] | None = None


def run_lock(
    project: Project, collection: Collection, request: LockRequest, asking: Asking, mode: Mode
) -> Outcome:
    """Make the lock say what the files need; write it when it changed."""
    with _hold(project, mode):
        lock_file, contested = (
            _settled(project) if mode.settle else (read_lock(project, for_writing=True), ())
        )
        result, plan = _resolve(lock_file, collection, request, asking)
        write = mode.write and (result.complete or mode.keep_going)
        if write:
            write_all([lock_file.write_of(result.lock)])
    told = write or not mode.write
    changes = result.changes if told else ()
    return Outcome(
        command="lock",
        changes=changes,
        findings=(*collection.problems, *result.findings),
        exempt=collection.exempted(),
        summary=_lock_summary(result.lock if told else lock_file.lock, changes, result.findings),
        advice=(
            *contested,
            *plan.remarks,
            *collection.remarks(),
            *_not_written(result, mode),
            *_partial(collection, lock_file, plan),
        ),
    )


def check_lock(project: Project, collection: Collection, request: LockRequest) -> Outcome:
    """Tell whether ``lock`` would change anything, without asking any registry."""
    lock_file = read_lock(project)
    plan = locking.plan(collection, lock_file.lock, request)
    missing = [not_in_lock(uses[0], lock_file.lock) for uses in plan.wants.values() if uses]
    unused = [
        finding(
            "IL103", f"nothing uses {image.reference}", reference=image.reference, hint="run `imagelock lock`"
        )
        for image in plan.removed
    ]
    missing += [_not_proved(want, source) for want, source in plan.sources.items()]
    # An entry that would go changes the lock, so it counts here although it is a warning elsewhere.
    findings = (*collection.problems, *missing, *plan.findings, *(_as_error(item) for item in unused))
    known = differences(lock_file.lock, Lock((*plan.keep, *plan.refresh)))
    return Outcome(
        command="lock",
        changes=tuple(change for change in known if change.after is not None),
        findings=findings,
        summary={"entries": len(lock_file.lock.images), "missing": len(missing), "unused": len(unused)},
    )


def run_edits(project: Project, plan: EditPlan, command: str, mode: Mode) -> Outcome:
    """Carry out an edit plan, all files or none."""
    write = mode.write and (not plan.blocking or mode.keep_going)
    if write:
        _write_files(project, plan.writes)
    refused = mode.write and not write
    return Outcome(
        command=command,
        changes=() if refused else plan.changes,
        findings=plan.findings,
        exempt=plan.exempt,
        summary=_edit_summary(plan, len({change.file for change in plan.changes}), refused=refused),
        advice=("no file was changed; --keep-going changes the rest",) if refused and plan.changes else (),
    )


def run_update(
    project: Project,
    collection: Collection,
    requests: tuple[LockRequest, PinRequest],
    asking: Asking,
    mode: Mode,
) -> Outcome:
    """Take new digests into the lock and the files in one transaction: all of it or nothing."""
    lock_request, pin_request = requests
    with _hold(project, mode):
        lock_file = read_lock(project, for_writing=True)
        result, plan = _resolve(lock_file, collection, lock_request, asking)
        edits = pinning.plan_pin(collection, result.lock, replace(pin_request, moved=result.moved))
        settled = result.complete and not edits.blocking
        write = mode.write and (settled or mode.keep_going)
        if write:
            check_inside((item.path for item in edits.writes), project.root)
            # The lock is renamed last: an interrupted update is finished by running it again.
            write_all([*edits.writes, lock_file.write_of(result.lock)])
    told = write or not mode.write
    findings = (*edits.findings, *result.findings)
    return Outcome(
        command="update",
        changes=(*result.changes, *edits.changes) if told else (),
        findings=findings,
        summary={
            "entries": len(result.lock.images),
            "moved": len(result.changes) if told else 0,
            "places": len(edits.changes) if told else 0,
        },
        advice=(*plan.remarks, *(() if told else ("nothing was written; --keep-going writes the rest",))),
    )


def run_copies(collection: Collection, plan: EditPlan, target: Path, mode: Mode) -> Outcome:
    """Write every visited file, changed or not, below ``target``; the inputs stay untouched."""
    write = mode.write and (not plan.blocking or mode.keep_going)
    copies = _copies(collection, plan, target) if write else []
    write_all([copy for copy, _ in copies])
    for copy, original in copies:
        if copy.before is None:
            copy.path.chmod(stat.S_IMODE(original.stat().st_mode))
    refused = mode.write and not write
    return Outcome(
        command="pin",
        changes=() if refused else plan.changes,
        findings=plan.findings,
        exempt=plan.exempt,
        summary=_edit_summary(plan, len(copies), refused=refused),
        advice=("nothing was written; --keep-going writes the rest",) if refused else (),
    )


def _edit_summary(plan: EditPlan, files: int, *, refused: bool) -> dict[str, int]:
    """Count what became of the places; what could be written and was not is held back, never changed."""
    counts = {**plan.counts, "files": files}
    return {**counts, "changed": 0, "files": 0, "held_back": counts["changed"]} if refused else counts


def _copies(collection: Collection, plan: EditPlan, target: Path) -> list[tuple[Write, Path]]:
    changed = {name: encode(after) for name, _, after in plan.texts}
    for file in collection.visited:
        if file.name.startswith("../"):
            raise UsageError("a file outside the directory cannot be copied", where=file.name, hint="use -C")
    originals = ((file.name, Path(file.path)) for file in collection.visited)
    return [(_copy_of(target / name, changed.get(name), path), path) for name, path in originals]


def _copy_of(copy: Path, data: bytes | None, path: Path) -> Write:
    before = read_bytes(copy, GIB) if copy.exists() else None
    return Write(copy, before, read_bytes(path, GIB) if data is None else data)


def _write_files(project: Project, writes: Sequence[Write]) -> None:
    check_inside((item.path for item in writes), project.root)
    write_all(writes)


def _settled(project: Project) -> tuple[LockFile, tuple[str, ...]]:
    """Read a lock in merge conflict; return it with a remark for each contested image."""
    path, where = project.lock_path, project.shown(project.lock_path)
    data = read_bytes(path, LOCK_BYTES)
    settled = settle(decode(data), where)
    remarks = (
        f"{one.reference} was {one.digest} on one side and {other.digest} on the other: settled anew"
        for one, other in settled.contested
    )
    return LockFile(path, settled.lock, data), tuple(remarks)


def _hold(project: Project, mode: Mode) -> AbstractContextManager[None]:
    if not mode.write:
        return nullcontext()
    return held(project.lock_path, wait=HOLD_SECONDS, tell=mode.tell)


def _resolve(
    lock_file: LockFile, collection: Collection, request: LockRequest, asking: Asking
) -> tuple[LockResult, LockPlan]:
    plan = locking.plan(collection, lock_file.lock, request)
    with asking.open_reader() as reader:
        result = relock.apply(
            plan, lock_file.lock, request, reader, jobs=asking.jobs, progress=asking.progress
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


def _not_written(result: LockResult, mode: Mode) -> tuple[str, ...]:
    if result.complete or not mode.write or mode.keep_going:
        return ()
    return ("the lock was not written; --keep-going writes what was resolved",)


def _partial(collection: Collection, lock_file: LockFile, plan: LockPlan) -> tuple[str, ...]:
    """Say that a partial run removes nothing, when there would be something to say."""
    if collection.whole and not collection.problems:
        return ()
    if plan.removed or not lock_file.lock.images:
        return ()
    why = "some files could not be read" if collection.whole else "only a part of the project was scanned"
    return (f"{why}, so no entry was removed",)


def _not_proved(want: Want, source: Source | None) -> Finding:
    return finding(
        "IL112",
        f"{want.shown} is not in the lock",
        reference=want.shown,
        file=source.origin if source else None,
        hint="run `imagelock lock`",
    )


def _as_error(item: Finding) -> Finding:
    return replace(item, level=Level.ERROR)
