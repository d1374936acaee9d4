"""``imagelock history``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imagelock.cli import values
from imagelock.cli.common import common, verb
from imagelock.cli.terminal import stdout_style, table_width
from imagelock.model.outcome import Outcome

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.ops.verify.history import Event, History


@verb("history")
@click.argument("image", shell_complete=values.images)
@common()
def command(run: Run, image: str) -> None:
    r"""Show what an image was and when it moved, from the git history of the lock.

    IMAGE is a name, name:tag or a glob. Reads git alone; contacts no registry.

    \b
    Examples:
      imagelock history nginx
      imagelock history 'quay.io/acme/*'
      imagelock history nginx:1.27 -o json
    """
    from imagelock.ops.verify.history import history

    found = history(run.open(), image)
    skipped = tuple(f"{one.commit[:12]} holds no lock that can be read" for one in found.unreadable)
    summary = {"changes": len(found.events), "revisions": found.revisions}
    outcome = Outcome(command="history", summary=summary, advice=skipped)
    run.finish(outcome, data=_text(found), json=lambda: _json(found, outcome))


def _text(found: History) -> str:
    from imagelock.report.text import table_text

    if not found.events:
        return ""
    rows = [
        (
            one.revision.date,
            one.revision.commit[:12],
            one.change.reference,
            _short(one.change.before),
            _short(one.change.after),
            one.revision.subject,
        )
        for one in found.events
    ]
    columns = ("DATE", "COMMIT", "IMAGE", "BEFORE", "AFTER", "SUBJECT")
    return table_text(columns, rows, stdout_style(), table_width())


def _short(digest: str | None) -> str:
    return "-" if digest is None else f"{digest[:19]}…"


def _json(found: History, outcome: Outcome) -> str:
    from imagelock.report.json import document_json, outcome_fields

    return document_json("history", {"history": list(map(_event, found.events)), **outcome_fields(outcome)})


def _event(one: Event) -> dict[str, str | None]:
    return {
        "commit": one.revision.commit,
        "date": one.revision.date,
        "subject": one.revision.subject,
        "reference": one.change.reference,
        "before": one.change.before,
        "after": one.change.after,
    }
