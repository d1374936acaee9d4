"""The catalogue of findings: complete, and worded as the house does."""

from __future__ import annotations

import re

from imagelock.model.finding_codes import FINDING_CODES, Level

WARNINGS = {"IL103", "IL106", "IL108", "IL109", "IL113", "IL115"}


def test_every_code_of_the_contract_is_there() -> None:
    promised = [*range(101, 117), 120, 201, 202, 301, 302, 303, 304, 401, 402]
    assert {f"IL{number}" for number in promised} <= set(FINDING_CODES)


def test_codes_stand_in_their_order_and_names_are_unique() -> None:
    assert list(FINDING_CODES) == sorted(FINDING_CODES)
    assert all(
        code == kind.code and re.fullmatch(r"IL[1-9][0-9]{2}", code) for code, kind in FINDING_CODES.items()
    )
    names = [kind.name for kind in FINDING_CODES.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in names)


def test_warnings_are_those_of_the_contract() -> None:
    contract = {f"IL{number}" for number in [*range(101, 117), 120, 201, 202, 301, 302, 303, 304, 401, 402]}
    found = {code for code, kind in FINDING_CODES.items() if kind.level is Level.WARNING}
    assert found & contract == WARNINGS


def test_could_not_tell_costs_three_and_a_finding_one() -> None:
    assert {code for code, kind in FINDING_CODES.items() if kind.exit_code == 3} == {"IL301", "IL302"}
    assert {kind.exit_code for kind in FINDING_CODES.values()} == {1, 3}


def test_every_finding_says_what_it_means_and_what_to_do() -> None:
    for kind in FINDING_CODES.values():
        assert kind.meaning.endswith(".")
        assert kind.remedy.endswith(".")
