"""``imagelock explain``."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

from imagelock.cli import values
from imagelock.cli.common import common, verb
from imagelock.cli.terminal import stdout_style
from imagelock.errors import UsageError
from imagelock.model.finding_codes import FINDING_CODES, Level
from imagelock.model.outcome import Outcome

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.model.finding_codes import FindingCode


@verb("explain")
@click.argument("code", required=False, shell_complete=values.codes)
@common()
def command(run: Run, code: str | None) -> None:
    r"""Explain what a finding means and what to do; without CODE, list all findings.

    \b
    Examples:
      imagelock explain IL105
      imagelock explain tag-moved
    """
    kinds = tuple(FINDING_CODES.values()) if code is None else (_kind(code),)
    data = _table(kinds) if code is None else _page(kinds[0])
    outcome = Outcome(command="explain", summary={"findings": len(kinds)})
    if run.is_json:
        run.finish(outcome, json=lambda: _json(kinds, outcome))
    click.echo(data, nl=False)
    raise click.exceptions.Exit(0)


def _kind(code: str) -> FindingCode:
    kind = FINDING_CODES.get(code.upper()) or next(
        (item for item in FINDING_CODES.values() if item.name == code.lower()), None
    )
    if kind is None:
        import difflib

        known = [word for item in FINDING_CODES.values() for word in (item.code, item.name)]
        near = difflib.get_close_matches(code, known, n=1) or difflib.get_close_matches(
            code.upper(), known, n=1
        )
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError("no such finding", where=code, hint=f"{hint}`imagelock explain` lists them all")
    return kind


def _table(kinds: tuple[FindingCode, ...]) -> str:
    return "".join(f"{item.code}  {item.level.value:<8} {item.name}\n" for item in kinds)


def _page(kind: FindingCode) -> str:
    style = stdout_style()
    paint = style.red if kind.level is Level.ERROR else style.yellow
    cost = f"exit {kind.exit_code}" if kind.level is Level.ERROR else "counts with --strict"
    head = f"{paint(kind.code)} {style.bold(kind.name)} ({kind.level.value}, {cost})"
    body = textwrap.fill(kind.meaning, 96)
    remedy = textwrap.fill(kind.remedy, 96, initial_indent="help: ", subsequent_indent="      ")
    return f"{head}\n\n{body}\n\n{remedy}\n"


def _json(kinds: tuple[FindingCode, ...], outcome: Outcome) -> str:
    from imagelock.report.json import document_json

    explained = [
        {
            "code": item.code,
            "name": item.name,
            "level": item.level.value,
            "exit_code": item.exit_code,
            "meaning": item.meaning,
            "remedy": item.remedy,
        }
        for item in kinds
    ]
    return document_json(
        "explain", {"explained": explained, "changes": [], "findings": [], "summary": outcome.summary}
    )
