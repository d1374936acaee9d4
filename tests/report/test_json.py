"""JSON as the contract says it: the schema's name, the keys, and nothing where nothing is known."""

from __future__ import annotations

import json

from imagelock.model.outcome import Change, Outcome, finding
from imagelock.report.json import outcome_json


def test_an_outcome_has_the_keys_of_the_contract() -> None:
    outcome = Outcome(
        command="check",
        changes=(
            Change(reference="a:1", before=None, after="sha256:x"),
            Change(reference="b:1", before="b:1", after="b:1@sha256:x", file="f", line=2),
        ),
        findings=(
            finding("IL303", "gone"),
            finding("IL101", "m", reference="b:1", file="f", line=2, column=3, hint="h", notes=["n"]),
        ),
        summary={"entries": 1},
    )
    text = outcome_json(outcome)
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "schema": "imagelock/check/v1",
        "changes": [
            {"reference": "a:1", "before": None, "after": "sha256:x"},
            {"reference": "b:1", "before": "b:1", "after": "b:1@sha256:x", "file": "f", "line": 2},
        ],
        "findings": [
            {"code": "IL303", "name": "digest-gone", "level": "error", "message": "gone"},
            {
                "code": "IL101", "name": "unpinned-reference", "level": "error", "message": "m",
                "reference": "b:1", "file": "f", "line": 2, "column": 3, "hint": "h", "notes": ["n"],
            },
        ],
        "summary": {"entries": 1},
    }  # fmt: skip


def test_bytes_that_are_no_text_do_not_break_the_document() -> None:
    outcome = Outcome(command="x", findings=(finding("IL114", "m", file="caf\udce9\ud800"),))
    assert json.loads(outcome_json(outcome))["findings"][0]["file"] == "caf\ufffd\ufffd"
