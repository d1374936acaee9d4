"""Helpers for the commands that edit files."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from imagelock.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from imagelock.ops.pin.plan import EditPlan
    from imagelock.ops.project import LockFile, Project
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.writing import WriteMode


def diff_text(plan: EditPlan) -> str:
    """Return the plan's edits as one unified diff that ``patch -p1`` takes."""
    pieces = []
    for name, before, after in plan.texts:
        old, new = _lines(before), _lines(after)
        pieces += [_ended(line) for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")]
    return "".join(pieces)


def edited_stdin(collection: Collection, plan: EditPlan, mode: WriteMode) -> str | None:
    """Return the edited standard input for stdout; None without ``-``, the unchanged text if nothing is edited."""
    given = next((file for file in collection.files if file.path is None), None)
    if given is None or not mode.write:
        return None
    if plan.blocking and not mode.keep_going:
        return ""
    return next((after for name, _, after in plan.texts if name == given.name), given.text.content)


def _lines(text: str) -> list[str]:
    """Split as patch does, at line feeds only; form feeds and the like are part of a line."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def copies_folder(project: Project, given: Path) -> Path:
    """Return where copies go; not a folder that the inputs are in, which copies would overwrite."""
    folder = project.directory / given
    if project.directory.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            "the copies would overwrite the inputs", where=str(given), hint="name another folder"
        )
    return folder


def takes_first(project: Project, lock_file: LockFile, untagged: str) -> bool:
    """Whether names without a tag mean the first entry; that needs a list, which keeps its order."""
    if untagged != "first":
        return False
    if not lock_file.is_list:
        raise UsageError(
            "--untagged first needs a list, which keeps its order",
            where=project.shown(project.lock_path),
            hint="give a plain list with --lock-file",
        )
    return True
