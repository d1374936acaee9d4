"""``imagelock diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagelock.cli.common import common, verb
from imagelock.cli.terminal import stdout_style

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.model.lock import Lock
    from imagelock.ops.project import Project


@verb("diff")
@click.argument("old")
@click.argument("new", required=False)
@common(("text", "json", "markdown"))
def command(run: Run, old: str, new: str | None) -> None:
    r"""Compare two locks: what was added, removed, or moved to another digest under the same tag.

    OLD and NEW are files (locks or plain lists) or git revisions of the lock; NEW defaults to the lock as it
    is now. Exits 0 whatever the difference is.

    \b
    Examples:
      imagelock diff HEAD                       what this change does to the lock
      imagelock diff v1.4 v1.5                  what the release changed
      imagelock diff old.lock new.lock -o json
      imagelock diff v1.4 v1.5 -o markdown      for a release note
    """
    from imagelock.ops.project import read_lock
    from imagelock.ops.verify.why import diff
    from imagelock.report.text import changes_text

    project = run.open()
    before = _lock(project, old)
    after = read_lock(project).lock if new is None else _lock(project, new)
    outcome = diff(before, after)
    if run.output == "markdown":
        from imagelock.report.markdown import release_note

        run.finish(outcome, data=release_note(outcome))
    run.finish(outcome, data=changes_text(outcome.changes, stdout_style()))


def _lock(project: Project, text: str) -> Lock:
    """Read a lock from a file, or from a git revision when there is no such file."""
    from imagelock.files import decode, read_bytes
    from imagelock.limits import LOCK_BYTES
    from imagelock.lockfile.reader import parse

    path = project.directory / Path(text)
    if path.is_file():
        return parse(decode(read_bytes(path, LOCK_BYTES)), text)
    from imagelock.errors import FileError
    from imagelock.subprocesses import git_show

    lock = project.lock_path
    try:
        data = git_show(lock.parent, text, lock.name)
    except FileError as error:
        raise FileError(
            f"neither a file nor a revision of the lock: {error.message}",
            where=text,
            hint="name a lock, a list, or a git revision such as HEAD",
        ) from error
    return parse(decode(data), f"{text}:{lock.name}")
