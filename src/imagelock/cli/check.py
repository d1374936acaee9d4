"""``imagelock check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imagelock.cli.common import common, format_option, sources_argument, verb

if TYPE_CHECKING:
    from imagelock.cli.common import Run


@verb("check")
@sources_argument
@click.option("--registry", is_flag=True, help="Ask the registries as well, like `imagelock drift`.")
@format_option
@common()
def command(run: Run, sources: tuple[str, ...], *, registry: bool, force: str | None) -> None:
    r"""Prove that every reference is pinned as the lock says: the gate of a pipeline.

    Offline, and nothing is run. With --registry what moved or is gone counts too: one report, one exit
    code (0 fine, 1 findings, 2 a file or the lock cannot be read, 3 could not tell).

    \b
    Examples:
      imagelock check                               the whole project
      imagelock check --strict deploy/              warnings count too
      imagelock check --registry --report json=check.json
    """
    from imagelock.ops.check import check  # noqa: PLC0415 - --help must not pay for the formats
    from imagelock.ops.collect import collect  # noqa: PLC0415
    from imagelock.ops.project import read_lock  # noqa: PLC0415

    project = run.open()
    lock = read_lock(project).lock
    collection = collect(project, sources, force)
    outcome = check(collection, lock)
    if registry:
        from imagelock.cli.asking import asking  # noqa: PLC0415 - offline checks must not pay for it
        from imagelock.ops.check import with_drift  # noqa: PLC0415
        from imagelock.ops.drift import drift  # noqa: PLC0415

        with asking(run, project, "asking registries") as how, how.open_reader() as reader:
            outcome = with_drift(outcome, drift(lock, reader, jobs=how.jobs, progress=how.progress))
    run.finish(outcome, collection=collection)
