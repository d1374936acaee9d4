"""Outcomes: one exit code from many findings."""

from __future__ import annotations

import pytest

from imagelock.model.finding_codes import Level
from imagelock.model.outcome import Outcome, finding


@pytest.mark.parametrize(
    ("codes", "code", "strict_code"),
    [
        ((), 0, 0),
        (("IL103",), 0, 1),
        (("IL101",), 1, 1),
        (("IL302",), 3, 3),
        (("IL101", "IL302", "IL103"), 3, 3),
    ],
)
def test_could_not_tell_weighs_more_than_a_finding(
    codes: tuple[str, ...], code: int, strict_code: int
) -> None:
    outcome = Outcome(command="check", findings=tuple(finding(item, "something") for item in codes))
    assert outcome.exit_code() == code
    assert outcome.exit_code(strict=True) == strict_code


def test_a_finding_takes_its_level_from_the_catalogue_unless_given() -> None:
    assert finding("IL105", "x").level is Level.ERROR
    assert finding("IL105", "x", level=Level.WARNING).level is Level.WARNING
    assert finding("IL105", "x").name == "digest-not-in-lock"


def test_where_a_finding_is_names_what_is_known() -> None:
    assert finding("IL101", "x").where is None
    assert finding("IL101", "x", file="a.yaml").where == "a.yaml"
    assert finding("IL101", "x", file="a.yaml", line=3, column=5).where == "a.yaml:3:5"
