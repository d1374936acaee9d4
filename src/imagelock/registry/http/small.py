"""Small requests and their answers over a pooled connection, without urllib3's and http.client's state for each.

A question of a kilobyte costs more in bookkeeping than on the wire: this is half of what ``drift`` and ``lock`` spend
(figures: docs/adr/0014-small-exchanges.md).  Connections, TLS, proxies and pools stay urllib3's; what is streamed,
uploaded, or goes through a proxy stays with its ``urlopen``.  What an answer may be, and how long it may take, is the
same in both ways (RFC 9112).
"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass
from http.client import BadStatusLine, IncompleteRead
from typing import TYPE_CHECKING

from urllib3.exceptions import ProtocolError

from imagelock import limits
from imagelock.registry.http.fields import Fields, HeadError, content_length, is_chunked, parse_fields

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

_STATUS = re.compile(r"HTTP/1\.([0-9]) +([1-9][0-9]{2})(?: .*)?", re.ASCII)
_END = re.compile(rb"\n\r?\n")
_TARGET = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/?-]*", re.ASCII)
_FIELD_BREAK = re.compile(r"[\r\n\0]")
_RECEIVE = 64 * limits.KIB
_CHUNK_LINE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, its body cut after the limit; ``keeps`` tells whether the connection can be used again."""

    status: int
    fields: Fields
    body: bytes
    keeps: bool


def is_plain(target: str) -> bool:
    """Whether a target goes out as it is: no character that anyone would write differently."""
    return _TARGET.fullmatch(target) is not None


def request_bytes(
    method: str, target: str, host: str, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    """Write a request; raise :class:`ValueError` for a value that would break out of its line."""
    fields = [f"{name}: {value}" for name, value in headers.items()]
    if any(_FIELD_BREAK.search(field) for field in fields):
        raise ValueError("a header field with a line break")
    if body is not None and not any(name.lower() == "content-length" for name in headers):
        fields.append(f"Content-Length: {len(body)}")
    head = "\r\n".join((f"{method} {target} HTTP/1.1", f"Host: {host}", *fields, "", "")).encode("latin-1")
    return head + body if body else head


def exchange(sock: socket.socket, request: bytes, *, has_body: bool, within: float, limit: int) -> Answer:
    """Send a request and read its answer; ``within`` is how long the first byte may take, in seconds.

    Of a good answer's body ``limit`` bytes and one more are taken, of another's what an error needs.  Raises what
    sockets and http.client raise.
    """
    sock.settimeout(within)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        # A server may refuse and close before it has read the body: what it said can still be read.
        sock.sendall(request)
    reader = _Reader(sock)
    while True:
        minor, status, fields = _head(reader)
        if not 100 <= status < 200:
            break
    ends = minor == 0 or "close" in fields.get("Connection", "").lower()
    if not has_body or status in {204, 304}:
        is_chunked(fields.getlist("Transfer-Encoding"))
        return Answer(status, fields, b"", not ends and not reader.left)
    reader.begin_body()
    most = (limit if status < 300 else limits.ERROR_BODY_BYTES) + 1
    body, is_whole = _body(reader, fields, most)
    return Answer(status, fields, body, is_whole and not ends and not reader.left)


def _head(reader: _Reader) -> tuple[int, int, Fields]:
    """Return the minor version, the status and the fields of the next head."""
    first, *lines = reader.head().decode("iso-8859-1").split("\n")
    match = _STATUS.fullmatch(first.rstrip("\r"))
    if match is None:
        raise BadStatusLine(first[:80])
    return int(match[1]), int(match[2]), Fields(parse_fields([line.rstrip("\r") for line in lines]))


def _body(reader: _Reader, fields: Fields, most: int) -> tuple[bytes, bool]:
    """Return at most ``most`` bytes of the body, and whether it was read to its end."""
    if is_chunked(fields.getlist("Transfer-Encoding")):
        return _chunked(reader, most)
    length = content_length(fields.getlist("Content-Length"))
    if length is None:
        return reader.rest(most), False
    return reader.take(min(length, most)), length <= most


def _chunked(reader: _Reader, most: int) -> tuple[bytes, bool]:
    pieces: list[bytes] = []
    size = 0
    while True:
        match = _CHUNK_LINE.fullmatch(reader.line())
        if match is None:
            raise HeadError("a chunk without a size")
        count = int(match[1], 16)
        if count == 0:
            break
        pieces.append(reader.take(min(count, most - size)))
        size += len(pieces[-1])
        if size >= most:
            return b"".join(pieces), False
        if reader.line().strip(b"\r\n"):
            raise HeadError("a chunk does not end where it should")
    for _ in range(limits.HEAD_FIELDS):
        if not reader.line().strip(b"\r\n"):
            return b"".join(pieces), True
    raise HeadError("it has too many trailers")


class _Reader:
    """What comes over one connection, with a deadline for the head and one for the body."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._until: float | None = None
        self.left = b""

    def head(self) -> bytes:
        """Return the next head without its empty line."""
        data = self.left or self._receive()
        while (end := _END.search(data)) is None:
            if len(data) > limits.HEAD_BYTES:
                raise HeadError("its header section is too long or cut off")
            data += self._receive()
        if end.start() > limits.HEAD_BYTES:
            raise HeadError("its header section is too long or cut off")
        self.left = data[end.end() :]
        return data[: end.start()]

    def begin_body(self) -> None:
        """Let the body have a deadline of its own."""
        self._until = time.monotonic() + limits.BODY_SECONDS

    def take(self, count: int) -> bytes:
        """Return so many bytes."""
        data, self.left = self.left[:count], self.left[count:]
        if len(data) == count:
            return data
        pieces, missing = [data], count - len(data)
        while missing:
            piece = self._receive(cut=b"".join(pieces))
            pieces.append(piece[:missing])
            self.left = piece[missing:]
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def rest(self, most: int) -> bytes:
        """Return what comes until the other side ends, at most so many bytes."""
        pieces, size = [self.left], len(self.left)
        self.left = b""
        while size < most and (piece := self._some()):
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)[:most]

    def line(self) -> bytes:
        """Return the next line with its end."""
        while b"\n" not in self.left:
            if len(self.left) > limits.CHUNK_LINE_BYTES:
                raise HeadError("a chunk's line without an end")
            self.left += self._receive(cut=self.left)
        line, end, self.left = self.left.partition(b"\n")
        return line + end

    def _receive(self, cut: bytes | None = None) -> bytes:
        piece = self._some()
        if not piece:
            if cut is not None:
                raise IncompleteRead(cut)
            raise ProtocolError("the connection was closed without an answer")
        return piece

    def _some(self) -> bytes:
        if self._until is None:
            piece = self._sock.recv(_RECEIVE)
            self._until = time.monotonic() + limits.HEAD_SECONDS
            return piece
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(left, limits.IDLE_SECONDS))
        return self._sock.recv(_RECEIVE)
