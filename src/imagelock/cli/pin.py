"""``imagelock pin``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagelock.cli.common import common, format_option, sources_argument, verb

if TYPE_CHECKING:
    from imagelock.cli.common import Run


@verb("pin")
@sources_argument
@click.option("--check", "check_only", is_flag=True, help="Exit 1 if a file would change; write nothing.")
@click.option("--diff", "show_diff", is_flag=True, help="Show what would change as a diff; write nothing.")
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write every visited file below DIR and leave the inputs unchanged.",
)
@click.option(
    "--untagged",
    type=click.Choice(["error", "first"]),
    default="error",
    show_default=True,
    help="What to do when a name without a tag matches several entries.",
)
@click.option(
    "--insert-keys",
    is_flag=True,
    help="Add the key for a digest where a tool reads it from nowhere else and the key is missing.",
)
@click.option("--keep-going", is_flag=True, help="Pin what can be pinned; the exit code is still 1.")
@format_option
@common()  # fmt: skip
def command(  # noqa: PLR0913 - the options of the contract
    run: Run,
    sources: tuple[str, ...],
    *,
    check_only: bool,
    show_diff: bool,
    output_dir: Path | None,
    untagged: str,
    insert_keys: bool,
    keep_going: bool,
    force: str | None,
) -> None:
    r"""Write the lock's digests into the files; no other byte changes.

    A reference that is not in the lock stops the run before any file is changed. Contacts no registry.
    With -, standard input is pinned and written to standard output.

    \b
    Examples:
      imagelock pin                       the whole project
      imagelock pin --diff deploy/        show it first
      imagelock pin --output-dir out      write pinned copies, leave the inputs alone
      imagelock pin --check               in a pipeline: is everything pinned?
    """
    from imagelock.cli.edits import copies_folder, diff_text, edited_stdin, takes_first
    from imagelock.cli.reading import read
    from imagelock.ops.pin.run import run_edits, write_copies
    from imagelock.ops.pin.whole import plan_project
    from imagelock.ops.usage import read_lock_for
    from imagelock.ops.writing import WriteMode

    project = run.open()
    if insert_keys:
        project = project.with_keys()
    target = None if output_dir is None else copies_folder(project, output_dir)
    collection = read(run, project, sources, force, besides=target)
    lock_file = read_lock_for(project, collection)
    mode = WriteMode(write=not (check_only or show_diff), keep_going=keep_going)
    first = takes_first(project, lock_file, untagged)
    plan = plan_project(project, collection, lock_file.lock, untagged_first=first, proves=mode.write)
    if target is not None:
        outcome = write_copies(collection, plan, target, mode)
    else:
        outcome = run_edits(project, plan, "pin", mode)
    data = diff_text(plan) if show_diff else edited_stdin(collection, plan, mode)
    run.finish(
        outcome,
        collection=collection,
        data=data,
        feeds=data is not None,
        at_least=int(check_only and bool(plan.texts)),
    )
