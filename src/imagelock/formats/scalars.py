"""Where each character of a YAML or JSON scalar is written.

PyYAML gives a scalar's value and its raw range.  The functions here decode the raw text once more,
keeping positions, and give a span only when the result equals PyYAML's value: an edit through the span
is exact, and a scalar that cannot be followed is refused rather than guessed.

Follows YAML 1.1 as libyaml reads it (flow folding, block scalars) and RFC 8259 for JSON strings.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from imagelock.model.place import Span

JSON_STYLE = "json"
"""The style given to strings of JSON texts; they have JSON's escapes and no folding."""

_PROPERTIES = re.compile(r"(?:[&!]\S*[ \t\r\n]+)*")
_BREAK = re.compile(r"\r\n|\r|\n")
_FOLD = re.compile(r"[ \t]*(?:\r\n|\r|\n)[ \t]*(?:(?:\r\n|\r|\n)[ \t]*)*")
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
    quotes = 1 if style in ("'", '"', JSON_STYLE) else 0
    inner_start, inner_end = begin + quotes, end - quotes
    if inner_end - inner_start == len(value) and text.startswith(value, inner_start):
        return Span.plain(inner_start, inner_end)
    if not quotes:
        # A plain scalar's range may begin at its anchor; count back from its end.
        first = end - len(value)
        if first >= start and text[first:end] == value:
            return Span.plain(first, end)
    return _joined(_flow_pieces(text, inner_start, inner_end, style), value, inner_start)


def _joined(pieces: list[_Piece] | None, value: str, at: int) -> Span | None:
    if pieces is None or "".join(piece[0] for piece in pieces) != value:
        return None
    starts = tuple(start for chars, start, _ in pieces for _ in chars)
    ends = tuple(end for chars, _, end in pieces for _ in chars)
    return Span(starts, ends, at)


def _flow_pieces(text: str, start: int, end: int, style: str | None) -> list[_Piece] | None:
    """Decode a plain, single-quoted, double-quoted or JSON scalar; None where it is none."""
    pieces: list[_Piece] = []
    at = start
    while at < end:
        fold = None if style == JSON_STYLE else _FOLD.match(text, at, end)
        if fold:
            breaks = len(_BREAK.findall(fold[0]))
            pieces.append((" " if breaks == 1 else "\n" * (breaks - 1), at, fold.end()))
            at = fold.end()
        elif style == "'" and text.startswith("''", at):
            pieces.append(("'", at, at + 2))
            at += 2
        elif style in ('"', JSON_STYLE) and text[at] == "\\":
            piece = _escape(text, at, end, style)
            if piece is None:
                return None
            pieces.append(piece)
            at = piece[2]
        else:
            pieces.append((text[at], at, at + 1))
            at += 1
    return pieces


def _escape(text: str, at: int, end: int, style: str) -> _Piece | None:
    """Decode the escape at ``text[at]``; an escaped line break is an empty piece."""
    mark = text[at + 1 : at + 2]
    if mark in _HEX_CHARS:
        return _hex_escape(text, at, style)
    if mark and mark in "\r\n" and style != JSON_STYLE:
        fold = _FOLD.match(text, at + 1, end)
        return ("", at, fold.end()) if fold else None
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
    """Tell the block's indentation from its first line that is not blank."""
    for first, last, _ in lines:
        stripped = text[first:last].lstrip(" ")
        if stripped:
            spaces = last - first - len(stripped)
            own = value.lstrip("\n")
            return spaces - (len(own) - len(own.lstrip(" ")))
    return 0
