"""``imagelock why``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imagelock.cli import values
from imagelock.cli.common import common, verb
from imagelock.cli.terminal import stdout_style, table_width
from imagelock.model.outcome import Outcome

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.ops.verify.why import Why


@verb("why")
@click.argument("image", shell_complete=values.images)
@common()
def command(run: Run, image: str) -> None:
    r"""Show the entries of an image and every place that uses it.

    IMAGE is a name, name:tag, a glob, or (the beginning of) a digest.

    \b
    Examples:
      imagelock why nginx
      imagelock why 'quay.io/acme/*'
      imagelock why sha256:4c1c
    """
    from imagelock.cli.reading import read
    from imagelock.ops.project import read_lock
    from imagelock.ops.verify.why import why

    project = run.open()
    found = why(read(run, project), read_lock(project).lock, image)
    outcome = Outcome(command="why", summary={"entries": len(found.entries), "places": len(found.uses)})
    run.finish(outcome, data=_text(found), json=lambda: _json(found, outcome))


def _text(found: Why) -> str:
    from imagelock.report.style import printable
    from imagelock.report.text import table_text

    style = stdout_style()
    lines = []
    for entry in found.entries:
        lines.append(style.bold(printable(entry.reference)))
        lines.append(f"  {entry.digest}")
        lines += [f"  {part.platform}  {style.dim(str(part.digest))}" for part in entry.platforms]
    rows = [(str(use.reference), use.where, use.place.path) for use in found.uses]
    table = "\n" + table_text(("USED AS", "WHERE", "PATH"), rows, style, table_width()) if rows else ""
    return "".join(f"{line}\n" for line in lines) + table


def _json(found: Why, outcome: Outcome) -> str:
    from imagelock.report.json import document_json

    return document_json(
        "why",
        {
            "entries": [
                {
                    "reference": entry.reference,
                    "digest": str(entry.digest),
                    "platforms": [
                        {"platform": str(part.platform), "digest": str(part.digest)}
                        for part in entry.platforms
                    ],
                }
                for entry in found.entries
            ],
            "uses": [
                {
                    "reference": str(use.reference),
                    "file": use.file.name,
                    "line": use.place.line,
                    "column": use.place.column,
                    "path": use.place.path,
                }
                for use in found.uses
            ],
            "changes": [],
            "findings": [],
            "summary": outcome.summary,
        },
    )
