"""Findings as GitLab's code quality report, which merge requests show beside the changed lines.

Follows GitLab's "Code Quality report format": an array of ``description``, ``check_name``, ``fingerprint``,
``severity`` and ``location`` with ``path`` and ``lines.begin``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from imagelock.model.finding_codes import Level
from imagelock.report.facts import fingerprints, spot
from imagelock.report.style import printable, printable_json

if TYPE_CHECKING:
    from imagelock.model.outcome import Finding, Outcome

_SEVERITY = {Level.ERROR: "major", Level.WARNING: "minor"}


def code_quality(outcome: Outcome) -> str:
    """Return the findings as a JSON array; none make an empty one, which GitLab reads as all fixed."""
    marks = fingerprints(outcome.findings)
    issues = [_issue(item, outcome, mark) for item, mark in zip(outcome.findings, marks, strict=True)]
    return printable_json(msgspec.json.format(msgspec.json.encode(issues), indent=2).decode()) + "\n"


def _issue(item: Finding, outcome: Outcome, mark: str) -> dict[str, Any]:
    where = spot(item, outcome)
    help_ = f"; {item.hint}" if item.hint else ""
    return {
        "description": printable(f"{item.code} {item.name}: {item.message}{help_}"),
        "check_name": f"imagelock {item.code}",
        "fingerprint": mark,
        "severity": _SEVERITY[item.level],
        "location": {"path": printable(where.file), "lines": {"begin": where.line}},
    }
