"""Read and write one connection: one buffer, and a deadline for each wait.

A client has to show progress: a head within :data:`~imagelock.limits.HEAD_SECONDS` of its first byte,
however it trickles, and of a body some :data:`~imagelock.limits.TRICKLE_BYTES` each
:data:`~imagelock.limits.IDLE_SECONDS`; and it has to take what it asked for at that pace.
"""

from __future__ import annotations

import math
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from imagelock.limits import HEAD_BYTES, HEAD_SECONDS, IDLE_SECONDS, KIB, PIECE_BYTES, TRICKLE_BYTES
from imagelock.service.http import HeadError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from imagelock.model.digest import Buffer

_RECEIVE = 64 * KIB
_END = b"\r\n\r\n"
BUSY = math.inf
"""What :attr:`Stream.since` is while no one waits for the client."""


class Stream:
    """Reads and writes one socket; ``since`` tells for how long the client has kept us waiting.

    ``sent`` counts the bytes of bodies that were sent.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.since = BUSY
        self.sent = 0
        self._socket = connection
        self._buffer = bytearray()
        self._piece: bytearray | None = None

    def head(self) -> bytes | None:
        """Return the next request's head, without its empty line; None when the client has gone.

        Raises :class:`TimeoutError`, and :class:`HeadError` for one that is too long or no HTTP.
        """
        self.since = time.monotonic()
        if not self._buffer and not self._receive(self.since + IDLE_SECONDS):
            return None
        deadline, seen = time.monotonic() + HEAD_SECONDS, 0
        while (end := self._end_of_head(seen)) < 0:
            seen = len(self._buffer)
            if seen > HEAD_BYTES:
                raise HeadError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            if not self._receive(deadline):
                return None
        if end > HEAD_BYTES:
            raise HeadError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        head = bytes(self._buffer[:end])
        del self._buffer[: end + len(_END)]
        self.since = BUSY
        return head

    def pieces(self, length: int) -> Iterator[memoryview]:
        """Yield the next ``length`` bytes; a piece is good until the next one is asked for."""
        self._piece = self._piece or bytearray(min(length, PIECE_BYTES))
        if len(self._piece) < min(length, PIECE_BYTES):
            self._piece = bytearray(PIECE_BYTES)
        view = memoryview(self._piece)
        while length:
            piece = view[: min(length, PIECE_BYTES)]
            self._fill(piece)
            length -= len(piece)
            yield piece

    def line(self, limit: int) -> bytes:
        """Return up to and with the next line feed, or ``limit`` bytes without one."""
        self.since = time.monotonic()
        deadline = self.since + IDLE_SECONDS
        while (end := self._buffer.find(b"\n", 0, limit) + 1) == 0 and len(self._buffer) < limit:
            if not self._receive(deadline):
                raise ConnectionAbortedError("the client went away in the middle of a line")
        line = bytes(self._buffer[: end or limit])
        del self._buffer[: len(line)]
        self.since = BUSY
        return line

    def send(self, data: Buffer, *, of_body: int = 0) -> None:
        """Send all of it; raise :class:`TimeoutError` when the client does not take it.

        ``of_body`` is how many of the bytes are a body's.
        """
        self.since = time.monotonic()
        self._socket.settimeout(IDLE_SECONDS)
        self._socket.sendall(data)
        self.sent += of_body
        self.since = BUSY

    def _end_of_head(self, seen: int) -> int:
        """Find where the head ends; -1 when it has not come yet."""
        while self._buffer[:2] == b"\r\n":  # An empty line before a request is forgiven (section 2.2).
            del self._buffer[:2]
        if self._buffer and not self._buffer[:1].isalpha() and self._buffer != b"\r":
            # Clients try TLS first and wait for our answer; a head's end would never come.
            raise HeadError
        start = max(seen - len(_END), 0)
        end = self._buffer.find(_END, start)
        if end < 0 and self._buffer.find(b"\n\n", start) >= 0:
            raise HeadError
        return end

    def _receive(self, deadline: float) -> bool:
        """Take more bytes into the buffer; False at the end."""
        self._wait_until(deadline)
        data = self._socket.recv(_RECEIVE)
        self._buffer += data
        return bool(data)

    def _fill(self, view: memoryview) -> None:
        """Fill a piece; each part of it has to come in time."""
        got = min(len(self._buffer), len(view))
        view[:got] = self._buffer[:got]
        del self._buffer[:got]
        wanted = 0
        deadline = 0.0
        while got < len(view):
            if got >= wanted:
                self.since = time.monotonic()
                wanted, deadline = got + TRICKLE_BYTES, self.since + IDLE_SECONDS
            self._wait_until(deadline)
            count = self._socket.recv_into(view[got:])
            if not count:
                raise ConnectionAbortedError("the client went away in the middle of a body")
            got += count
        self.since = BUSY

    def _wait_until(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
