"""``imagelock export``: one subcommand for each format of :mod:`imagelock.interchange`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from imagelock.cli.common import CONTEXT, VerbGroup, common
from imagelock.interchange.all import EXPORTS

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.interchange.all import Export


@click.group("export", cls=VerbGroup, context_settings=CONTEXT)
def command() -> None:
    r"""Write the lock in another tool's format, to stdout.

    \b
    Examples:
      imagelock export list > released.txt
      imagelock export list | xargs -n1 crictl pull
    """


def _subcommand(export: Export) -> click.Command:
    @click.command(
        export.name, short_help=export.summary, help=f"Write {export.summary}.", context_settings=CONTEXT
    )
    @common()
    def write(run: Run) -> None:
        from imagelock.ops.project import read_lock  # noqa: PLC0415 - --help must not pay for it

        sys.stdout.write(export.export(read_lock(run.open()).lock))

    return write


for _export in EXPORTS:
    command.add_command(_subcommand(_export))
