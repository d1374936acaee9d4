"""Carry out an edit plan: in place, or as copies below another directory."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.files import Write, encode, read_bytes, write_all
from imagelock.limits import GIB
from imagelock.model.outcome import Outcome
from imagelock.paths import check_inside, require_own

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.ops.pin.plan import EditPlan
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.writing import WriteMode


def run_edits(project: Project, plan: EditPlan, command: str, mode: WriteMode) -> Outcome:
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


def write_copies(collection: Collection, plan: EditPlan, target: Path, mode: WriteMode) -> Outcome:
    """Write every visited file, changed or not, below ``target``; the inputs stay untouched."""
    write = mode.write and (not plan.blocking or mode.keep_going)
    copies = _copies(collection, plan, target) if write else []
    for copy, _ in copies:
        require_own(copy.path, target)
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
    changed = {name: after for name, _, after in plan.texts}
    for file in collection.visited:
        if file.name.startswith("../"):
            raise UsageError(
                "a file outside of the directory cannot be copied", where=file.name, hint="use -C"
            )
    originals = ((file.name, Path(file.path)) for file in collection.visited if not file.is_outside)
    return [(_copy_of(target / name, changed.get(name), path), path) for name, path in originals]


def _copy_of(copy: Path, after: str | None, path: Path) -> Write:
    before = read_bytes(copy, GIB) if copy.exists() else None
    original = read_bytes(path, GIB)
    return Write(copy, before, original if after is None else encode(after, original))


def _write_files(project: Project, writes: Sequence[Write]) -> None:
    check_inside((item.path for item in writes), project.root)
    write_all(writes)
