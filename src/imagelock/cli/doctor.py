"""``imagelock doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imagelock.cli.common import common, verb
from imagelock.errors import UsageError
from imagelock.model.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.cli.common import Run
    from imagelock.ops.verify.doctor import Row

_COULD_NOT_TELL = 3


@verb("doctor")
@click.argument("host")
@common()
def command(run: Run, host: str) -> None:
    r"""Show how a registry answers: challenge, realm, login, HEAD, remaining quota, TLS, digests, referrers.

    HOST is a registry or one of its images, which is then requested too. Mirrors that the
    configuration or other tools' files name for the host are asked as well. No pull is spent, and no password,
    token or query string is shown. Exits 3 when something could not be determined.

    \b
    Examples:
      imagelock doctor docker.io                    and what is left of the pull quota
      imagelock doctor registry.corp:5000
      imagelock doctor quay.io/acme/app:1.4         with this image
    """
    import os

    from imagelock.ops.verify.doctor import doctor, subject

    if run.settings.offline:
        raise UsageError("doctor needs a registry, and --offline contacts none")
    image, known = subject(host)
    project = run.open()
    rows = doctor(
        image, project.config.hosts, known=known, retry_time=run.settings.retry_time, environ=os.environ
    )
    failed = sum(row.could_not_tell for row in rows)
    outcome = Outcome(command="doctor", summary={"answers": len(rows) - failed, "could_not_tell": failed})
    run.finish(
        outcome,
        data=_text(rows),
        json=lambda: _json(rows, outcome),
        at_least=_COULD_NOT_TELL if failed else 0,
    )


def _text(rows: Sequence[Row]) -> str:
    width = max(len(row.what) for row in rows)
    return "".join(f"{row.what:<{width}}  {row.answer}\n" for row in rows)


def _json(rows: Sequence[Row], outcome: Outcome) -> str:
    from imagelock.report.json import document_json

    return document_json(
        "doctor",
        {
            "checks": [
                {"what": row.what, "answer": row.answer, "could_not_tell": row.could_not_tell} for row in rows
            ],
            "changes": [],
            "findings": [],
            "summary": outcome.summary,
        },
    )
