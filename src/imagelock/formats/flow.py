"""Flow collections (``{…}``, ``[…]``) told from the characters of a text alone."""

from __future__ import annotations

from imagelock.patterns import lazily

_PAIRS = {"{": lazily(r"\{[^{}\n]*+\}"), "[": lazily(r"\[[^\[\]\n]*+\]")}


def runs_over_lines(raw: str) -> bool:
    """Whether a bracket may be open at the end of a line; quoted and commented ones count as well."""
    return any(sign in raw and _is_left_open(raw, sign) for sign in _PAIRS)


def _is_left_open(raw: str, sign: str) -> bool:
    """Take away pairs on one line, the innermost first, and see whether an opening one is left."""
    pair = _PAIRS[sign]
    found = 1
    while found and sign in raw:
        raw, found = pair.subn("", raw)
    return sign in raw
