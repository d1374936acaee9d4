"""The tree of errors: drawn as it is, and each carrying its exit code."""

from __future__ import annotations

import re

import pytest

from imagelock import errors
from imagelock.errors import FormatError, ImagelockError, IncompleteError, InvalidValueError, UsageError


def _all(kind: type[ImagelockError]) -> list[type[ImagelockError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _all(child))]


def test_the_drawing_is_the_tree() -> None:
    lines = re.findall(r"^    ((?:[│ ]   |[├└]── )*)(\w+)[ ]+([123])   ", errors.__doc__ or "", re.MULTILINE)
    drawn = {name: (len(indent) // 4, int(code)) for indent, name, code in lines}
    ours = [kind for kind in _all(ImagelockError) if kind.__module__ == "imagelock.errors"]
    assert {name: code for name, (_, code) in drawn.items()} == {
        kind.__name__: kind.exit_code for kind in ours
    }
    for kind in ours:
        if kind is not ImagelockError:
            parent = next(base for base in kind.__bases__ if issubclass(base, ImagelockError))
            assert drawn[kind.__name__][0] == drawn[parent.__name__][0] + 1


def test_an_error_says_where_and_what() -> None:
    error = UsageError("no such thing", where="a.yaml:3", hint="look again")
    assert str(error) == "a.yaml:3: no such thing"
    assert str(UsageError("no such thing")) == "no such thing"
    assert error.hint == "look again"


def test_errors_keep_what_they_are_about() -> None:
    assert InvalidValueError("no digest", text="x").text == "x"
    assert (FormatError("broken", line=2, column=3).line, FormatError("broken").line) == (2, 1)
    assert IncompleteError("not whole", missing=("sha256:x",)).missing == ("sha256:x",)
    with pytest.raises(ValueError, match="no digest"):
        raise InvalidValueError("no digest", text="x")
