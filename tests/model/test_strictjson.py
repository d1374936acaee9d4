"""Strict JSON: what two readers could understand differently is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelock.errors import InvalidValueError
from imagelock.limits import JSON_DEPTH
from imagelock.model import strictjson

if TYPE_CHECKING:
    from imagelock.model.strictjson import Json

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@given(_JSON)
def test_json_round_trips(value: Json) -> None:
    assert strictjson.loads(json.dumps(value)) == value
    assert strictjson.loads(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "duplicate JSON key"),
        ('{"x": {"\\u0061": 1, "a": 2}}', "duplicate JSON key"),
        ("NaN", "NaN is not JSON"),
        ("[Infinity]", "Infinity"),
        ("[-Infinity]", "-Infinity"),
        ("{", "not JSON"),
        ("", "not JSON"),
        ("{} {}", "not JSON"),
        ("\ufeff{}", "not JSON"),
        ("1" * 5000, "not JSON"),
        ("[" * (JSON_DEPTH + 2) + "]" * (JSON_DEPTH + 2), "nested deeper"),
        ("[" * 200_000, "nested"),
    ],
)
def test_what_json_lets_through_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidValueError, match=reason):
        strictjson.loads(text)


def test_bytes_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="not JSON"):
        strictjson.loads(b'"\xff"')


def test_the_deepest_allowed_document_is_read() -> None:
    assert strictjson.loads("[" * JSON_DEPTH + "]" * JSON_DEPTH)
