"""Locate each character of a YAML or JSON scalar in its text.

PyYAML gives a scalar's value and its raw range.  The functions here decode the raw text once more,
keeping positions, and give a span only when the result equals PyYAML's value: an edit through the span
is exact, and a scalar whose characters cannot be located is refused rather than guessed.

Follows YAML 1.1 as libyaml reads it (flow folding, block scalars) and RFC 8259 for JSON strings.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Span

JSON_STYLE = "json"
"""The style given to strings of JSON texts; they have JSON's escapes and no folding."""

_PROPERTIES = lazy_regex(r"(?:(?:[&!]\S*+|#[^\r\n]*+)[ \t\r\n]++)*")
"""Anchor and tag before a value, and the comments between."""
_BREAK = lazy_regex(r"\r\n|\r|\n")
_FOLD = lazy_regex(r"[ \t]*+(?:(?:\r?\n|\r(?!\n))[ \t]*+)+")
_RUN = {"'": re.compile(r"[^ \t\r\n']++"), '"': re.compile(r"[^ \t\r\n\\]++")}
_PLAIN_RUN = lazy_regex(r"[^ \t\r\n]++")
_JSON_RUN = lazy_regex(r"[^\\]++")
_WORD = lazy_regex(r"[^ \n]")
_BLANKS = lazy_regex(r"[ \t]++")
_ESCAPES = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    " ": " ",
    '"': '"',
    "/": "/",
    "\\": "\\",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}
_HEX_CHARS = {"x": 2, "u": 4, "U": 8}

_Piece: TypeAlias = tuple[str, int, int]
"""Decoded characters, and the raw range that every one of them is written in."""


def scalar_span(text: str, start: int, end: int, value: str, style: str | None) -> Span | None:
    """Return where ``value`` is written in ``text[start:end]``, or None if it cannot be followed."""
    match = _PROPERTIES.match(text, start, end)
    begin = match.end() if match else start
    if style in ("|", ">"):
        return _block_span(text, begin, end, value, folded=style == ">")
    quote = _quote(text, begin, style)
    if quote and not (end - begin >= 2 and text[begin] == text[end - 1] == quote):
        return None
    inner_start, inner_end = begin + len(quote), end - len(quote)
    if inner_end - inner_start == len(value) and text.startswith(value, inner_start):
        return Span.plain(inner_start, inner_end)
    if not quote:
        # A plain scalar's range may begin at its anchor; count back from its end.
        first = end - len(value)
        if first >= start and text[first:end] == value:
            return Span.plain(first, end)
    return _flow_span(text, inner_start, inner_end, value, style)


def _quote(text: str, begin: int, style: str | None) -> str:
    """Return the character a scalar of this style is quoted with; JSON's numbers have none."""
    if style == JSON_STYLE:
        return '"' if text.startswith('"', begin) else ""
    return style if style in ("'", '"') else ""


def _flow_span(text: str, start: int, end: int, value: str, style: str | None) -> Span | None:
    """Decode a plain, single-quoted, double-quoted or JSON scalar and compare it with its value."""
    run = _JSON_RUN if style == JSON_STYLE else _RUN.get(style or "", _PLAIN_RUN)
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = start
    while at < end:
        match = run.match(text, at, end)
        piece = None if match else _piece(text, at, end, style)
        if piece is not None:
            decoded, first, after = piece
            starts += [first] * len(decoded)
            ends += [after] * len(decoded)
        else:
            # What stands for itself: a run of ordinary characters, or blanks that no line break follows.
            match = match or _BLANKS.match(text, at, end)
            if match is None:
                return None
            decoded, after = match[0], match.end()
            starts += range(at, after)
            ends += range(at + 1, after + 1)
        chars.append(decoded)
        at = after
    return Span(tuple(starts), tuple(ends), start) if "".join(chars) == value else None


def _piece(text: str, at: int, end: int, style: str | None) -> _Piece | None:
    """Decode a folded line break, a doubled quote or an escape at ``at``; None where there is none."""
    if style == "'" and text.startswith("''", at):
        return ("'", at, at + 2)
    if style in ('"', JSON_STYLE) and text[at] == "\\":
        return _escape(text, at, end, style)
    fold = None if style == JSON_STYLE else _FOLD.match(text, at, end)
    if fold is None:
        return None
    breaks = len(_BREAK.findall(fold[0]))
    return (" " if breaks == 1 else "\n" * (breaks - 1), at, fold.end())


def _escape(text: str, at: int, end: int, style: str) -> _Piece | None:
    """Decode the escape at ``text[at]``; an escaped line break is nothing, blank lines after it count."""
    mark = text[at + 1 : at + 2]
    if mark in _HEX_CHARS:
        return _hex_escape(text, at, style)
    if mark and mark in "\r\n" and style != JSON_STYLE:
        fold = _FOLD.match(text, at + 1, end)
        return ("\n" * (len(_BREAK.findall(fold[0])) - 1), at, fold.end()) if fold else None
    char = _ESCAPES.get(mark)
    return None if char is None else (char, at, at + 2)


def _hex_escape(text: str, at: int, style: str) -> _Piece | None:
    stop = at + 2 + _HEX_CHARS[text[at + 1]]
    try:
        code = int(text[at + 2 : stop], 16)
        if style == JSON_STYLE and 0xD800 <= code < 0xDC00 and text.startswith("\\u", stop):
            low = int(text[stop + 2 : stop + 6], 16)
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), at, stop + 6
        return chr(code), at, stop
    except (ValueError, OverflowError):
        return None


def _block_span(text: str, begin: int, end: int, value: str, *, folded: bool) -> Span | None:
    """Follow a literal or folded block scalar line by line; its header is at ``begin``."""
    header = _BREAK.search(text, begin, end)
    if header is None:
        return None
    lines = _lines(text, header.end(), end)
    indent = _indent(text, lines, value)
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for first, last, after in lines:
        content = min(first + indent, last)
        piece = text[content:last]
        if not folded or piece:
            if not value.startswith(piece, at):
                return None if value[at:].strip("\n") else _finish(starts, ends, value, after)
            starts.extend(range(content, last))
            ends.extend(range(content + 1, last + 1))
            at += len(piece)
        if at < len(value) and (value[at] == "\n" or (folded and value[at] == " ")):
            starts.append(last)
            ends.append(after)
            at += 1
    return _finish(starts, ends, value, end) if not value[at:].strip("\n") else None


def _finish(starts: list[int], ends: list[int], value: str, end: int) -> Span:
    """Give the line breaks that chomping keeps a place at the end."""
    missing = len(value) - len(starts)
    return Span(tuple(starts) + (end,) * missing, tuple(ends) + (end,) * missing, end)


def _lines(text: str, start: int, end: int) -> list[tuple[int, int, int]]:
    """Split into (first character, end without the break, start of the next line)."""
    lines = []
    at = start
    while at < end:
        match = _BREAK.search(text, at, end)
        if match is None:
            lines.append((at, end, end))
            break
        lines.append((at, match.start(), match.end()))
        at = match.end()
    return lines


def _indent(text: str, lines: list[tuple[int, int, int]], value: str) -> int:
    """Tell the block's indentation: what its first line with words has more of than the value."""
    word = _WORD.search(value)
    if word is None:
        return 0
    own = word.start() - (value.rfind("\n", 0, word.start()) + 1)
    for first, last, _ in lines:
        stripped = text[first:last].lstrip(" ")
        if stripped:
            return max(last - first - len(stripped) - own, 0)
    return 0
