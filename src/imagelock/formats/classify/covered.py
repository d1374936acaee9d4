"""Which characters of a text something found or skipped accounts for."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import SHOWN_CHARS
from imagelock.formats.classify.prose import long_comments
from imagelock.model.place import Damaged, Place, Skipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found


class Covered:
    """Answers for each candidate whether something of what was found stands there already."""

    def __init__(self, text: Text, found: Sequence[Found]) -> None:
        self._text = text
        self._found = found

    def begins(self, offset: int) -> bool:
        """Whether what a place writes begins at this character: the quick answer, for most candidates."""
        return offset in self._starts

    def holds(self, start: int, end: int, line: int, written: str) -> bool:
        """Whether these characters belong to something found: the same characters, or its words on its line."""
        i = bisect_right(self._ranges, (end, 0)) - 1
        if i >= 0 and self._ranges[i][0] < end and self._ranges[i][1] > start:
            return True
        return any(
            written in words or (len(words) >= SHOWN_CHARS and words in written)
            for words in self._words.get(line, ())
        )

    @cached_property
    def long_comments(self) -> tuple[tuple[str, str], ...]:
        """The signs of the comments over several lines that the text has."""
        return long_comments(self._text)

    @cached_property
    def _starts(self) -> frozenset[int]:
        return frozenset(
            slot.span.offset(0) for item in self._found if isinstance(item, Place) for slot in item.slots
        )

    @cached_property
    def _ranges(self) -> list[tuple[int, int]]:
        """The characters that places write, in order; no two overlap."""
        slots = (slot for item in self._found if isinstance(item, Place) for slot in item.slots)
        return sorted((slot.span.offset(0), slot.span.offset(len(slot.span))) for slot in slots)

    @cached_property
    def _words(self) -> dict[int, list[str]]:
        """The texts that were skipped, damaged or found without characters to write, by their line."""
        words: dict[int, list[str]] = {}
        for item in self._found:
            if isinstance(item, Skipped | Damaged):
                words.setdefault(item.line, []).append(item.text)
            elif isinstance(item, Place) and not item.slots:
                words.setdefault(item.line, []).append(str(item.reference))
        return words
