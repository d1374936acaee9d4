"""HTTP/1.1 for the embedded registry, as values: heads, bodies, requests and answers; no sockets.

Follows RFC 9112, strictly where two readers could disagree about where a request ends: lines end in CRLF,
a name has no space before its colon, no line is folded, a length and a coding never stand together.
Bodies are read in pieces, chunked ones too (sections 6 and 7), never beyond their end, and what a handler
left unread never becomes the next request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, unquote

from imagelock.limits import CHUNK_LINE_BYTES, HEAD_FIELDS, QUERY_FIELDS, TRAILER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"})
_HEX = frozenset("0123456789abcdefABCDEF")
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP/([0-9])\.([0-9])")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSAFE = re.compile(rb"[\x00\r\n]")
_BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
"""Statuses that never have a body; a length would be that of another answer (RFC 9110, section 8.6)."""
_ONCE = frozenset({"host", "content-length", "transfer-encoding", "content-range", "content-type", "expect"})
"""Headers that mean one thing or nothing: a second one is refused, and not joined or dropped."""


class MalformedBodyError(Exception):
    """A body that is not framed as its headers say; the connection cannot be used any more."""


class BodyTooLongError(Exception):
    """A body longer than its reader takes."""


class HeadError(Exception):
    """A head that is not taken; ``status`` is the answer, and the connection ends with it."""

    def __init__(self, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A request without its body; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    keep: bool

    @property
    def path(self) -> str:
        """The path as it was sent, without the query."""
        return self.target.partition("?")[0]

    @property
    def length(self) -> int | None:
        """What the body's length is; None for a chunked one.  Raises :class:`HeadError`."""
        coding, length = self.headers.get("transfer-encoding"), self.headers.get("content-length")
        if coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise HeadError
            return None
        if length is None:
            return 0
        if not (length.isascii() and length.isdigit() and len(length) <= 18):
            raise HeadError
        return int(length)

    @property
    def asks_first(self) -> bool:
        """Whether the client waits for ``100 Continue`` before it sends the body."""
        return self.headers.get("expect", "").lower() == "100-continue"


def parse_head(data: bytes) -> Head:
    """Read a request line and its headers, without the empty line; raise :class:`HeadError`."""
    first, *lines = data.split(b"\r\n")
    match = _LINE.fullmatch(first)
    if match is None:
        raise HeadError
    method, target, major, minor = (part.decode("latin-1") for part in match.groups())
    if major != "1":
        raise HeadError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    headers = _headers(lines)
    if minor != "0" and "host" not in headers:
        raise HeadError
    if method not in METHODS:
        raise HeadError(HTTPStatus.NOT_IMPLEMENTED)
    if minor == "0" and "transfer-encoding" in headers:
        raise HeadError
    words = {word.strip().lower() for word in headers.get("connection", "").split(",")}
    return Head(
        method=method,
        target=_origin_form(target),
        headers=headers,
        keep=minor != "0" and "close" not in words,
    )


def _headers(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > HEAD_FIELDS:
        raise HeadError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name) or _UNSAFE.search(value):
            raise HeadError
        key, text = name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")
        if key in headers:
            if key in _ONCE:
                raise HeadError
            text = f"{headers[key]}, {text}"
        headers[key] = text
    return headers


def _origin_form(target: str) -> str:
    """Return the path and query of a target that names scheme and host as well (a proxy's form)."""
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in {"http", "https"}:
        return target
    return "/" + rest.partition("/")[2]


class Source(Protocol):
    """Where a body's bytes come from."""

    def pieces(self, length: int) -> Iterator[memoryview]:
        """Yield the next ``length`` bytes; a piece is good until the next one is asked for."""

    def line(self, limit: int) -> bytes:
        """Return up to and with the next line feed, or ``limit`` bytes without one."""


class Body:
    """A request's body, read once and in pieces; ``length`` is None for a chunked one.

    ``taken`` counts the bytes that were read.
    """

    def __init__(self, source: Source, length: int | None, begin: Callable[[], None] = lambda: None) -> None:
        self.length = length
        self.begun = False
        self.ended = length == 0
        self.taken = 0
        self._source = source
        self._begin = begin
        self._pieces = self._chunks() if length is None else source.pieces(length)

    def pieces(self) -> Iterator[memoryview]:
        """Yield what is left; a piece is good until the next one is asked for.

        Raises :class:`MalformedBodyError`, or :class:`ConnectionError` when the client goes away.
        """
        if not self.begun:
            self.begun = True
            self._begin()
        # A reader that stops early closes this generator, but not the source: drain can go on.
        for piece in self._pieces:
            self.taken += len(piece)
            yield piece
        self.ended = True

    def read(self, limit: int) -> bytes:
        """Return the whole body; raise :class:`BodyTooLongError` when it is longer than ``limit``."""
        if self.length is not None and self.length > limit:
            raise BodyTooLongError
        data = bytearray()
        for piece in self.pieces():
            data += piece
            if len(data) > limit:
                raise BodyTooLongError
        return bytes(data)

    def drain(self, limit: int) -> bool:
        """Read what is left, at most ``limit`` bytes; return whether the end was reached."""
        for piece in self._pieces:
            limit -= len(piece)
            if limit < 0:
                return False
        self.ended = True
        return True

    def _chunks(self) -> Iterator[memoryview]:
        while size := self._chunk_size():
            yield from self._source.pieces(size)
            if self._source.line(2) != b"\r\n":
                raise MalformedBodyError("a chunk does not end where it should")
        left = TRAILER_BYTES
        while (line := self._line()) != b"":
            left -= len(line)
            if left < 0:
                raise MalformedBodyError("the trailers are too long")

    def _chunk_size(self) -> int:
        text = self._line().partition(b";")[0].strip(b" \t").decode("latin-1")
        if not text or len(text) > 15 or not set(text) <= _HEX:
            raise MalformedBodyError("a chunk without a size")
        return int(text, 16)

    def _line(self) -> bytes:
        line = self._source.line(CHUNK_LINE_BYTES)
        if not line.endswith(b"\r\n"):
            raise MalformedBodyError("a chunk's line without an end")
        return line[:-2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; header names are in lower case, the path is decoded."""

    method: str
    path: str
    fields: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: Body

    @property
    def query(self) -> Mapping[str, str]:
        """The query's fields; the first of each name."""
        return dict(reversed(self.fields))

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values that the query has for ``name``."""
        return tuple(value for key, value in self.fields if key == name)


def request_of(head: Head, body: Body) -> Request:
    """Join a head and its body; raise :class:`HeadError` when the query is too long."""
    path, _, query = head.target.partition("?")
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=QUERY_FIELDS) if query else []
    except ValueError as error:
        raise HeadError from error
    return Request(
        method=head.method,
        path=unquote(path, errors="replace") if "%" in path else path,
        fields=tuple(fields),
        headers=head.headers,
        body=body,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer; ``length`` is the body's in bytes, and has to be given when it is streamed.

    An answer to HEAD has a length and no body.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""
    length: int | None = None


def answer_head(answer: Response, date: str, *, close: bool) -> bytes:
    """Write the status line and the headers of an answer."""
    length = answer.length
    if length is None and isinstance(answer.body, bytes):
        length = len(answer.body)
    lines = [f"HTTP/1.1 {int(answer.status)} {HTTPStatus(answer.status).phrase}", f"Date: {date}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if answer.status not in _BODILESS:
        lines.append(f"Content-Length: {length}")
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
