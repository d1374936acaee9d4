"""Recognise flow collections (``{…}``, ``[…]``) from the characters of a text alone."""

from __future__ import annotations

from imagelock.lazy_regex import lazy_regex

_PAIRS = {
    "{": lazy_regex(r"\{[^{}\n\"'#]*+(?:(?:\"[^\"\\{}\n]*+\"|'[^'{}\n]*+')[^{}\n\"'#]*+){0,1000}\}"),
    "[": lazy_regex(r"\[[^\[\]\n\"'#]*+(?:(?:\"[^\"\\\[\]\n]*+\"|'[^'\[\]\n]*+')[^\[\]\n\"'#]*+){0,1000}\]"),
}
"""A collection on one line; a quoted bracket or one in a comment closes none."""
_LEVELS = 16
"""Of brackets in each other; deeper ones are taken for open, because each level reads the text once more."""


def runs_over_lines(raw: str) -> bool:
    """Whether a bracket may be open at the end of a line; quoted and commented ones count as well."""
    return any(sign in raw and _is_left_open(raw, sign) for sign in _PAIRS)


def _is_left_open(raw: str, sign: str) -> bool:
    """Take away pairs on one line, the innermost first, and see whether an opening one is left."""
    for _ in range(_LEVELS):
        raw, found = _PAIRS[sign].subn("", raw)
        if not found or sign not in raw:
            break
    return sign in raw
