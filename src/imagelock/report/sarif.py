"""Findings as SARIF 2.1.0, for code scanning.

Follows OASIS SARIF 2.1.0 (errata 01): rules are the catalogue of findings, addresses of files are relative
to the root of the sources, and partial fingerprints know no line numbers, so that a finding stays the same one
when lines above it come and go.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from imagelock import __version__
from imagelock.model.finding_codes import FINDING_CODES
from imagelock.report import facts
from imagelock.report.facts import exempt_place, fingerprints, help_command, help_url, spot, words
from imagelock.report.style import printable_json, printable_lines

if TYPE_CHECKING:
    from imagelock.model.finding_codes import FindingCode
    from imagelock.model.outcome import Exempted, Finding, Outcome

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_LINK = re.compile(r"[\\\[\]]")
"""What makes a link of a message's text (section 3.11.6), and what takes that meaning away."""


def sarif(outcome: Outcome) -> str:
    """Return the findings as one SARIF log with one run."""
    codes = sorted({item.code for item in outcome.findings})
    marks = fingerprints(outcome.findings)
    results = [
        _result(item, outcome, codes.index(item.code), mark)
        for item, mark in zip(outcome.findings, marks, strict=True)
    ]
    run = {
        "tool": {"driver": _driver([FINDING_CODES[code] for code in codes])},
        "automationDetails": {"id": f"imagelock/{outcome.command}/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"exempt": [_exempted(item) for item in outcome.exempt]},
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return printable_json(msgspec.json.format(msgspec.json.encode(document), indent=2).decode()) + "\n"


def _driver(kinds: list[FindingCode]) -> dict[str, Any]:
    return {
        "name": "imagelock",
        "semanticVersion": __version__,
        "rules": [_rule(kind) for kind in kinds],
    } | ({} if facts.DOCS is None else {"informationUri": f"{facts.DOCS}/"})


def _rule(kind: FindingCode) -> dict[str, Any]:
    url = help_url(kind.code)
    rule: dict[str, Any] = {
        "id": kind.code,
        "name": "".join(part.capitalize() for part in kind.name.split("-")),
        "shortDescription": {"text": kind.name.replace("-", " ")},
        "fullDescription": {"text": _plain(kind.meaning)},
        "help": {
            "text": f"{_plain(kind.remedy)} ({help_command(kind.code)})",
            "markdown": f"{kind.remedy} (`{help_command(kind.code)}`)",
        },
        "defaultConfiguration": {"level": kind.level.value},
    }
    return rule if url is None else rule | {"helpUri": url}


def _result(item: Finding, outcome: Outcome, index: int, mark: str) -> dict[str, Any]:
    return {
        "ruleId": item.code,
        "ruleIndex": index,
        "level": item.level.value,
        "message": {"text": _plain(words(item))},
        "locations": [{"physicalLocation": _location(item, outcome)}],
        "partialFingerprints": {"imagelock/v1": mark},
    }


def _location(item: Finding, outcome: Outcome) -> dict[str, Any]:
    where = spot(item, outcome)
    region = {"startLine": where.line} | ({} if where.column is None else {"startColumn": where.column})
    # Colons and bytes that are no UTF-8 are escaped too: a file's name is never taken for a scheme.
    uri = quote(os.fsencode(where.file), safe="/")
    return {"artifactLocation": {"uri": uri, "uriBaseId": _ROOT}, "region": region}


def _exempted(item: Exempted) -> dict[str, str]:
    return {
        "reference": printable_lines(item.reference),
        "reason": printable_lines(item.reason),
        "place": printable_lines(exempt_place(item)),
    }


def _plain(text: str) -> str:
    """Return words that show as they are: no control characters, no links."""
    return _LINK.sub(r"\\\g<0>", printable_lines(text))
