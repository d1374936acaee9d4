"""Marks: suffixes that tell, in the output, which leaf a character came from.

A suffix leaves enumerations and conditions mostly as they are, is legal in every part of a reference, and is
taken away again without a trace.
"""

from __future__ import annotations

from dataclasses import dataclass

from imagelock.lazy_regex import lazy_regex
from imagelock.model.digest import Digest

_MARK = lazy_regex(r"-zq([0-9]{4})qz")
MOST_MARKS = 9_999


@dataclass(frozen=True, slots=True)
class Seen:
    """A mark in a text: its leaf's number, and where it stood once all marks are taken away."""

    number: int
    at: int


def mark(number: int) -> str:
    """Return the suffix of a leaf."""
    return f"-zq{number:04d}qz"


def unmarked(text: str) -> tuple[str, tuple[Seen, ...]]:
    """Take all marks away and tell where each was."""
    pieces, seen, at, length = [], [], 0, 0
    for match in _MARK.finditer(text):
        pieces.append(text[at : match.start()])
        length += match.start() - at
        seen.append(Seen(int(match[1]), length))
        at = match.end()
    return "".join([*pieces, text[at:]]), tuple(seen)


def trial_digest(number: int) -> Digest:
    """Return a digest of its own for each edit, so that a leak names its culprit."""
    return Digest.of(f"imagelock trace {number}".encode())
