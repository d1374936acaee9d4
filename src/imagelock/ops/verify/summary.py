"""Summarise a project for the bare command: counts, and the next step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.ops.lock.plan import LockRequest, plan
from imagelock.ops.project import read_lock
from imagelock.ops.verify.check import check

if TYPE_CHECKING:
    from imagelock.model.lock import Lock
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of a project; ``entries`` is None without a lock."""

    files: int
    references: int
    images: int
    pinned: int
    entries: int | None
    lock_name: str
    problems: int
    next_command: str
    next_reason: str


def summarize(project: Project, collection: Collection) -> Summary:
    """Summarise a project; raises :class:`LockError` for a lock that cannot be read."""
    lock = read_lock(project).lock if project.lock_path.exists() else None
    uses = collection.all_uses
    command, reason = _next(collection, lock)
    return Summary(
        files=len({use.file.name for use in uses}),
        references=len(uses),
        images=len({use.reference.canonical for use in uses}),
        pinned=sum(1 for use in uses if use.reference.digest is not None),
        entries=None if lock is None else len(lock.images),
        lock_name=project.shown(project.lock_path),
        problems=len(collection.problems),
        next_command=command,
        next_reason=reason,
    )


def _next(collection: Collection, lock: Lock | None) -> tuple[str, str]:
    if lock is None and not collection.all_uses:
        return "imagelock scan --help", "no file here names an image"
    if lock is None or plan(collection, lock, LockRequest()).changes_something:
        return "imagelock lock", "resolve what is new and write the lock"
    if any(item.code in ("IL101", "IL105", "IL120") for item in check(collection, lock).findings):
        return "imagelock pin", "write the lock's digests into the files"
    return "imagelock drift", "everything is pinned; ask the registries what moved"
