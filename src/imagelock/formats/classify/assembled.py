"""A reference put together from characters of several places, as one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.model.place import Place, Span

if TYPE_CHECKING:
    from imagelock.formats.classify.interpolation import Assembled
    from imagelock.formats.syntax.text import Text

ELSEWHERE = "its end is written in another file or place"
USED = "{} is used for something else as well: {}"


def nowhere(text: str, at: int = 0) -> Span:
    """Return a span for characters that are written elsewhere: they are read and never edited."""
    return Span((at,) * len(text), (at,) * len(text), at)


def place_of(
    assembled: Assembled,
    text: Text,
    at: int,
    path: str,
    format_name: str,
    document: int = 0,
    refusal: str | None = None,
) -> Place:
    """Return the place of a reference that is put together; ``refusal`` is why it must not be written."""
    line, column = text.position(at)
    reason = refusal or assembled.refusal
    return Place(
        reference=assembled.reference,
        slots=() if reason is not None else assembled.slots,
        line=line,
        column=column,
        document=document,
        path=path,
        format=format_name,
        refusal=reason,
    )
