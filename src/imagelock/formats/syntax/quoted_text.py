"""Read languages by their quoted texts: where each is, and the key or the call it belongs to.  Comments are none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXTS = (
    r"'''[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*(?:''')?"
    r'|"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*(?:""")?'
    r"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*'?"
    r'|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*"?'
)
SLASHES = lazy_regex(rf"{_TEXTS}|//[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*(?:\*/)?", re.DOTALL)
"""Languages with the comments of C: Groovy."""
HASHES = lazy_regex(rf"{_TEXTS}|#[^\n]*+", re.DOTALL)
"""Languages with comments behind a number sign: TOML, Starlark."""
BOTH = lazy_regex(
    rf"{_TEXTS}|\|\|\|-?[ \t\r]*\n.*?\n[ \t]*\|\|\||(?://|#)[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*(?:\*/)?",
    re.DOTALL,
)
"""Languages with both, and Jsonnet's text blocks."""
_BLOCKS = ("'''", '"""', "|||")
_KEY = lazy_regex(
    r"(?:\"(?P<double>[^\"\n]{1,100})\"|'(?P<single>[^'\n]{1,100})'|(?P<bare>[\w.-]{1,100}))\s*"
    r"(?P<sign>\+?:{1,3}|=|=>|:=|\?:|\?\?)\Z"
)
_SIGNS = (":", "=", ">", "?")
_BEFORE_CHARS = 220


class Quoted(NamedTuple):
    """One quoted text: where what is between its quotes begins and ends, its key, and the sign between them.

    ``is_block`` says that it may run over several lines; the key is empty where none is written before it.
    """

    start: int
    end: int
    key: str
    sign: str
    is_block: bool


def quoted(content: str, tokens: re.Pattern[str]) -> Iterator[Quoted]:
    """Yield the quoted texts of a language in their order."""
    for token in tokens.finditer(content):
        start, end = token.span()
        opening = next((block for block in _BLOCKS if content.startswith(block, start)), content[start])
        if opening not in (*_BLOCKS, "'", '"'):
            continue
        size = len(opening)
        if end - start < 2 * size or not content.endswith(opening, start + size, end):
            continue
        before = content[max(content.rfind("\n", 0, start) + 1, start - _BEFORE_CHARS) : start].rstrip(" \t")
        if not before:
            before = content[max(0, start - _BEFORE_CHARS) : start].rstrip()
        # Almost every text without a key is known by the sign before it.
        match = _KEY.search(before) if before.endswith(_SIGNS) else None
        key = "" if match is None else match["double"] or match["single"] or match["bare"]
        yield Quoted(start + size, end - size, key, "" if match is None else match["sign"], size > 1)
