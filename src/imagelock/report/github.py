"""Findings as GitHub's workflow commands: a step that prints them annotates the changed files.

Follows the escaping of GitHub's own toolkit (``core.error``): ``%``, CR and LF in messages, ``:`` and ``,`` in
properties as well.  A line begins a command only where this module began it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.report.facts import spot, words
from imagelock.report.style import printable, printable_lines

if TYPE_CHECKING:
    from imagelock.model.outcome import Finding, Outcome

_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A", "##[": "%23%23["}
"""``##[`` is the runner's older mark of a command, which it looks for anywhere in a line."""
_PROPERTY = {**_MESSAGE, ":": "%3A", ",": "%2C"}


def workflow_commands(outcome: Outcome) -> str:
    """Return one command a finding, errors first: the runner shows ten of each level and drops the rest."""
    ordered = sorted(outcome.findings, key=lambda item: item.level.value)
    return "".join(_annotation(item, outcome) for item in ordered)


def _annotation(item: Finding, outcome: Outcome) -> str:
    where = spot(item, outcome)
    properties = {"file": where.file, "line": str(where.line), "title": f"{item.code} {item.name}"}
    if where.column is not None:
        properties["col"] = str(where.column)
    given = ",".join(f"{name}={_escaped(printable(value), _PROPERTY)}" for name, value in properties.items())
    return f"::{item.level.value} {given}::{_escaped(printable_lines(words(item)), _MESSAGE)}\n"


def _escaped(text: str, table: dict[str, str]) -> str:
    for mark, code in table.items():
        text = text.replace(mark, code)
    return text
