"""``history``: what the lock's git history says an image was, and when it moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import LockError, UsageError
from imagelock.files import decode
from imagelock.lockfile.reader import parse
from imagelock.model.lock import Lock
from imagelock.ops.compare import differences, matches_image
from imagelock.subprocesses import git_log, git_show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.model.outcome import Change
    from imagelock.ops.project import Project
    from imagelock.subprocesses import Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry that came, moved or went, and the revision of the lock that says so."""

    revision: Revision
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What happened to an image, the newest first.

    ``revisions`` is how many revisions of the lock were read, ``unreadable`` are those that hold no lock.
    """

    events: tuple[Event, ...]
    revisions: int
    unreadable: tuple[Revision, ...]


def history(project: Project, image: str) -> History:
    """Read every revision of the lock and return what happened to an image (name, name:tag, glob).

    Raises :class:`FileError` where there is no git repository, and :class:`UsageError` for what is no image or for a lock
    that no revision holds.
    """
    matches_image(image, "", None)  # Says what is wrong with it before anything is read.
    path = project.lock_path
    revisions = git_log(path.parent, path.name)
    if not revisions:
        raise UsageError(
            "git knows no revision of the lock", where=project.shown(path), hint="commit it first"
        )
    unreadable: list[Revision] = []
    events = [
        Event(revision=revision, change=change)
        for revision, change in _changes(project, revisions, unreadable)
        if matches_image(image, *_name_and_tag(change))
    ]
    return History(
        events=tuple(reversed(events)), revisions=len(revisions), unreadable=tuple(reversed(unreadable))
    )


def _changes(
    project: Project, revisions: tuple[Revision, ...], unreadable: list[Revision]
) -> Iterator[tuple[Revision, Change]]:
    """Yield the changes from revision to revision, the oldest first; one in a merge conflict is passed over."""
    path, before = project.lock_path, Lock()
    for revision in reversed(revisions):
        if revision.deleted:
            lock = Lock()
        else:
            try:
                lock = parse(decode(git_show(path.parent, revision.commit, path.name)), path.name)
            except LockError:
                unreadable.append(revision)
                continue
        for change in differences(before, lock):
            if change.before != change.after:
                yield revision, change
        before = lock


def _name_and_tag(change: Change) -> tuple[str, str | None]:
    name = change.reference.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    return (path, tag) if colon and "/" not in tag else (name, None)
