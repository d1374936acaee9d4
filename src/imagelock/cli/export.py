"""``imagelock export``: one subcommand for each format of :mod:`imagelock.interchange`."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

import click

from imagelock.cli.common import CONTEXT, VerbGroup, common
from imagelock.interchange.all import EXPORTS
from imagelock.interchange.base import ExportOptions
from imagelock.model.generated import mark

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.interchange.base import Export, Option


@click.group("export", cls=VerbGroup, context_settings=CONTEXT)
def command() -> None:
    r"""Write the lock in another tool's format, to stdout.

    \b
    Examples:
      imagelock export list > released.txt
      imagelock export list | xargs -n1 crictl pull
      imagelock export list v3 > external_images.txt
    """


def _subcommand(export: Export) -> click.Command:
    @click.command(
        export.name, short_help=export.summary, help=f"Write {export.summary}.", context_settings=CONTEXT
    )
    @common()
    def write(run: Run, **values: str | tuple[str, ...] | None) -> None:
        from imagelock.model.lock import Lock
        from imagelock.ops.export_project import ProjectSurroundings
        from imagelock.ops.project import read_lock

        project = run.open()
        lock = Lock() if values.get("export_source") else read_lock(project).lock
        around = ProjectSurroundings(project, lock)
        today = dt.datetime.now(tz=dt.UTC).date()
        asked = ExportOptions(
            values={option.name: _values(values[_parameter(option)]) for option in export.options},
            exemptions=tuple(
                item for item in project.config.exemptions if item.is_on(today) and not item.files
            ),
            project=around,
        )
        text = export.export(lock, asked)
        text = mark(export.name) + text if export.is_marked else text
        if around.findings:
            from imagelock.model.outcome import Outcome

            run.finish(Outcome(command="export", findings=around.findings), data=text, feeds=True)
        sys.stdout.write(text)

    for option in reversed(export.options):
        write.params.insert(0, _click_option(option))
    return write


def _click_option(option: Option) -> click.Parameter:
    if option.is_argument:
        return click.Argument([_parameter(option)], nargs=-1, metavar=f"[{option.metavar}]...")
    if option.is_flag:
        return click.Option(
            [f"--{option.name}", _parameter(option)],
            is_flag=True,
            flag_value="yes",
            default=None,
            help=option.help,
        )
    default = option.default if option.multiple else next(iter(option.default), None)
    return click.Option(
        [f"--{option.name}", _parameter(option)],
        help=option.help,
        metavar=None if option.choices else option.metavar,
        type=click.Choice(option.choices) if option.choices else str,
        default=default,
        show_default=bool(option.default),
        multiple=option.multiple,
        required=option.required,
    )


def _parameter(option: Option) -> str:
    """Return a parameter name that does not clash with a common option."""
    return "export_" + option.name.replace("-", "_")


def _values(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


for _export in EXPORTS:
    command.add_command(_subcommand(_export))
