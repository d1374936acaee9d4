"""Read files in other languages by their words: classify what is written between quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import SHOWN_CHARS, has_variable, is_template, judge_words
from imagelock.model.place import SkipKind, Skipped, Span

if TYPE_CHECKING:
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found


def words(
    text: Text, start: int, end: int, format_name: str, *, variables: str, built: str | None = None
) -> Found:
    """Judge the characters from ``start`` to ``end`` where a reference must be.

    ``variables`` is the reason for which words with ``$VAR`` are skipped, ``built`` why these are none.
    """
    written = text.content[start:end]
    line, column = text.position(start)
    has_variables = has_variable(written) and not is_template(written)
    reason = variables if has_variables else built
    if reason is not None:
        return Skipped(
            text=written[:SHOWN_CHARS],
            line=line,
            column=column,
            reason=reason,
            format=format_name,
            kind=SkipKind.TEMPLATE if has_variables else SkipKind.BUILT,
        )
    return judge_words(
        written,
        span=Span.plain(start, end),
        where=(line, column),
        path=f"[{line}:{column}]",
        document=0,
        format_name=format_name,
    )
