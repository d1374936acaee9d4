"""An outcome as JSON: ``{"schema": "imagelock/<command>/v1", …}`` (docs/guides/reports.md)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from imagelock.report.style import printable_json

if TYPE_CHECKING:
    from imagelock.model.outcome import Change, Exempted, Finding, Outcome


_LONE = re.compile("[\ud800-\udfff]")


def outcome_json(outcome: Outcome) -> str:
    """Return an outcome as one JSON document with a final newline."""
    return document_json(outcome.command, outcome_fields(outcome))


def outcome_fields(outcome: Outcome) -> dict[str, Any]:
    """Return what every document has: changes, findings, summary."""
    return {
        "changes": [_change(change) for change in outcome.changes],
        "findings": [_finding(item) for item in outcome.findings],
        "summary": outcome.summary,
        **({"exempt": [_exempted(item) for item in outcome.exempt]} if outcome.exempt else {}),
    }


def document_json(command: str, fields: dict[str, Any]) -> str:
    """Return the fields of one command under its schema."""
    document = {"schema": f"imagelock/{command}/v1", **fields}
    # Lone surrogates stand for bytes of a file that are no UTF-8; JSON cannot say them.
    text = msgspec.json.format(msgspec.json.encode(_clean(document)), indent=2).decode()
    return printable_json(text) + "\n"


def finding_fields(item: Finding) -> dict[str, Any]:
    """Return a finding's fields as JSON names them."""
    return _finding(item)


def _change(change: Change) -> dict[str, Any]:
    fields = {"reference": change.reference, "before": change.before, "after": change.after}
    return {**fields, **_known(file=change.file, line=change.line)}


def _exempted(item: Exempted) -> dict[str, Any]:
    return {"reference": item.reference, "reason": item.reason, **_known(file=item.file, line=item.line)}


def _finding(item: Finding) -> dict[str, Any]:
    fields = {"code": item.code, "name": item.name, "level": item.level.value, "message": item.message}
    known = _known(
        reference=item.reference, file=item.file, line=item.line, column=item.column, hint=item.hint
    )
    return {**fields, **known, **({"notes": list(item.notes)} if item.notes else {})}


def _known(**fields: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in fields.items() if value is not None}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _LONE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, (list, tuple)) else value
