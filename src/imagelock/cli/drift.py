"""``imagelock drift``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.cli.common import common, verb
from imagelock.cli.quota import quota_option

if TYPE_CHECKING:
    from imagelock.cli.common import Run


@verb("drift")
@quota_option
@common()
def command(run: Run) -> None:
    r"""Ask the registries what has moved or gone since the lock was written.

    Sends one HEAD per reference; only a difference is read in full. Exits 1 when something moved or is gone, 3
    when a registry did not answer: that is neither fine nor drift.

    \b
    Examples:
      imagelock drift                  every entry of images.lock
      imagelock drift -o json          for a dashboard
      imagelock drift --lock-file released.txt
    """
    from imagelock.cli.registry_access import registry_access
    from imagelock.ops.project import read_lock
    from imagelock.ops.verify.drift import drift

    project = run.open()
    lock = read_lock(project).lock
    with registry_access(run, project, "asking registries") as access, access.open_reader() as reader:
        outcome = drift(lock, reader, jobs=access.jobs, progress=access.progress)
    run.finish(outcome, data="")
