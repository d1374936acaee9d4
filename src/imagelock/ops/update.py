"""``update``: write new digests into the lock and the files in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.files import write_all
from imagelock.model.outcome import Outcome
from imagelock.ops.lock.run import hold_lock, resolve_and_merge
from imagelock.ops.pin import plan as pinning
from imagelock.ops.project import read_lock
from imagelock.paths import check_inside

if TYPE_CHECKING:
    from imagelock.ops.lock.plan import LockRequest
    from imagelock.ops.pin.plan import PinRequest
    from imagelock.ops.project import Project
    from imagelock.ops.registry_access import RegistryAccess
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.writing import WriteMode


def run_update(
    project: Project,
    collection: Collection,
    requests: tuple[LockRequest, PinRequest],
    access: RegistryAccess,
    mode: WriteMode,
) -> Outcome:
    """Write new digests into the lock and the files in one transaction: all or nothing."""
    lock_request, pin_request = requests
    with hold_lock(project, mode):
        lock_file = read_lock(project, for_writing=True)
        result, plan = resolve_and_merge(lock_file, collection, lock_request, access)
        edits = pinning.plan_pin(collection, result.lock, replace(pin_request, moved=result.moved))
        settled = result.complete and not edits.blocking
        write = mode.write and (settled or mode.keep_going)
        if write:
            check_inside((item.path for item in edits.writes), project.root)
            # The lock is renamed last: an interrupted update is finished by running it again.
            write_all([*edits.writes, lock_file.write_of(result.lock)])
    is_reported = write or not mode.write
    findings = (*edits.findings, *result.findings)
    return Outcome(
        command="update",
        changes=(*result.changes, *edits.changes) if is_reported else (),
        findings=findings,
        summary={
            "entries": len(result.lock.images),
            "moved": len(result.changes) if is_reported else 0,
            "places": len(edits.changes) if is_reported else 0,
        },
        advice=(
            *plan.remarks,
            *(() if is_reported else ("nothing was written; --keep-going writes the rest",)),
        ),
    )
