"""TOML that costs tomllib memory beyond all measure is refused with its line."""

from __future__ import annotations

import tomllib

import pytest

from imagelock.limits import TOML_KEY_PARTS
from imagelock.model.toml_text import loads


@pytest.mark.parametrize(
    "form", ["{key} = 1", "[{key}]", "[[{key}]]", "z = {{ {key} = 1 }}", "'a'.{key} = 1"]
)
@pytest.mark.parametrize("part", ["x", '"x"', "'x y'", "x-1"])
def test_a_key_of_thousands_of_parts_is_refused_with_its_line(form: str, part: str) -> None:
    text = "a = 1\n" + form.format(key=" . ".join([part] * 15_000)) + "\n"
    with pytest.raises(tomllib.TOMLDecodeError, match=r"more than 100 parts \(at line 2, column [0-9]+\)"):
        loads(text)


def test_a_key_of_fewer_parts_is_read() -> None:
    assert loads(".".join(["x"] * TOML_KEY_PARTS) + " = 1\n")["x"]["x"]


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000 + " = 1", "a = '" + "b.c d" * 100_000 + "'", ("k" * 99 + "-") * 9_999 + " = 1"]
)
def test_long_words_and_values_are_no_deep_keys(text: str) -> None:
    assert len(loads(text)) == 1
