"""``imagelock unpin``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imagelock.cli.common import common, format_option, sources_argument, verb

if TYPE_CHECKING:
    from imagelock.cli.common import Run


@verb("unpin")
@sources_argument
@click.option("--diff", "show_diff", is_flag=True, help="Show what would change as a diff; write nothing.")
@click.option("--keep-going", is_flag=True, help="Restore what can be restored; the rest is reported.")
@format_option
@common()
def command(
    run: Run, sources: tuple[str, ...], *, show_diff: bool, keep_going: bool, force: str | None
) -> None:
    r"""Put the tags back into the files, as the lock has them.

    Files that held tags and were pinned in the default form are restored byte for byte. A digest that has no
    single tag in the lock is left unchanged and reported (IL113). Contacts no registry.

    \b
    Examples:
      imagelock unpin                 the whole project
      imagelock unpin --diff deploy/  show it first
    """
    from imagelock.cli.edits import diff_text, edited_stdin
    from imagelock.cli.reading import read
    from imagelock.ops.pin.forms import Forms
    from imagelock.ops.pin.plan import plan_unpin
    from imagelock.ops.pin.run import run_edits
    from imagelock.ops.project import read_lock
    from imagelock.ops.writing import WriteMode

    project = run.open()
    lock = read_lock(project).lock
    collection = read(run, project, sources, force)
    plan = plan_unpin(
        collection, lock, Forms.of(project.config), keep_existing=project.config.existing == "keep"
    )
    mode = WriteMode(write=not show_diff, keep_going=keep_going)
    outcome = run_edits(project, plan, "unpin", mode)
    data = diff_text(plan) if show_diff else edited_stdin(collection, plan, mode)
    run.finish(outcome, collection=collection, data=data, feeds=data is not None)
