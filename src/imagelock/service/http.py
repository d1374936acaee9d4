"""HTTP/1.1 for the embedded registry: requests and answers as values, threads and sockets below.

The standard library's server parses the request line and the headers.  Bodies are framed here
(RFC 9112, sections 6 and 7): they are read in pieces, chunked ones too, never beyond their end, and what
a handler left unread never becomes the next request.
"""

from __future__ import annotations

import http.server
import logging
import socket
import socketserver
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from imagelock.errors import ImagelockError
from imagelock.limits import CHUNK_LINE_BYTES, DRAIN_BYTES, IDLE_SECONDS, PIECE_BYTES, TRAILER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from io import BufferedIOBase

_log = logging.getLogger(__name__)
_HEX = frozenset("0123456789abcdefABCDEF")
_METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS")


class MalformedBodyError(Exception):
    """A body that is not framed as its headers say; the connection cannot be used any more."""


class BodyTooLongError(Exception):
    """A body longer than its reader takes."""


class Body:
    """A request's body, read once and in pieces; ``length`` is None for a chunked one."""

    def __init__(
        self, file: BufferedIOBase, length: int | None, begin: Callable[[], None] = lambda: None
    ) -> None:
        self.length = length
        self.begun = False
        self.ended = length == 0
        self._file = file
        self._begin = begin
        self._source = self._chunks() if length is None else self._plain(length)

    def pieces(self) -> Iterator[bytes]:
        """Yield what is left.

        Raises :class:`MalformedBodyError`, or :class:`ConnectionError` when the client goes away.
        """
        if not self.begun:
            self.begun = True
            self._begin()
        # Not `yield from`: a reader that stops early would close the source, and drain could not go on.
        for piece in self._source:  # noqa: UP028 - see above
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
        for piece in self._source:
            limit -= len(piece)
            if limit < 0:
                return False
        self.ended = True
        return True

    def _plain(self, left: int) -> Iterator[bytes]:
        while left:
            piece = self._file.read(min(left, PIECE_BYTES))
            if not piece:
                raise ConnectionAbortedError("the client went away in the middle of a body")
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            yield from self._plain(size)
            if self._file.read(2) != b"\r\n":
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
        line = self._file.readline(CHUNK_LINE_BYTES)
        if not line.endswith(b"\r\n"):
            raise MalformedBodyError("a chunk's line without an end")
        return line[:-2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; header names are in lower case, the path is decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer; ``length`` is the body's in bytes, and has to be given when it is streamed.

    An answer to HEAD has a length and no body.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""
    length: int | None = None


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A thread a connection, calling ``application`` for each request.

    ``observer`` is told the method, the path and the status of each answer before it is sent.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        application: Callable[[Request], Answer],
        observer: Callable[[str, str, int], None] | None = None,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.application = application
        self.observer = observer
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Serve one connection, known to :meth:`cut` while it lives."""
        connection = request
        if not isinstance(connection, socket.socket):  # pragma: no cover - TCPServer accepts sockets only
            raise TypeError
        with self._guard:
            self._open.add(connection)
        try:
            super().process_request_thread(connection, client_address)
        finally:
            with self._guard:
                self._open.discard(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that go away; log everything else."""
        del request, client_address
        _log.debug("a connection ended", exc_info=True)

    def cut(self) -> None:
        """End every open connection, so that their threads end too."""
        with self._guard:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # It ended by itself.


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection: requests in, answers out, one after the other."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "imagelock"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    # Headers and small bodies leave in one packet.
    wbufsize = 64 * 1024

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        try:
            answer = self.server.application(self._request(body))
        except (MalformedBodyError, ValueError):
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        self._send(answer, close=not body.ended and not self._can_drain(body))
        self._finish(body)

    def _request(self, body: Body) -> Request:
        url = urlsplit(self.path)
        return Request(
            method=self.command,
            path=unquote(url.path, errors="replace"),
            query=dict(reversed(parse_qsl(url.query, keep_blank_values=True, max_num_fields=32))),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )

    def _body(self) -> Body | None:
        """Frame the body; None when its headers contradict each other or ask for what is not spoken."""
        lengths = self.headers.get_all("Content-Length") or []
        coding = self.headers.get("Transfer-Encoding")
        if coding is not None:
            chunked = coding.strip().lower() == "chunked" and not lengths
            return Body(self.rfile, None, self._continue) if chunked else None
        if not lengths:
            return Body(self.rfile, 0)
        text = lengths[0].strip()
        if len(lengths) > 1 or not (text.isascii() and text.isdigit() and len(text) <= 18):
            return None
        return Body(self.rfile, int(text), self._continue)

    def _continue(self) -> None:
        if self._expects:
            self.send_response_only(HTTPStatus.CONTINUE)
            self.end_headers()
            self.wfile.flush()

    @property
    def _expects(self) -> bool:
        return self.headers.get("Expect", "").lower() == "100-continue"

    def _can_drain(self, body: Body) -> bool:
        if self._expects and not body.begun:
            return False  # It will not come, or what comes is the next request: nobody can tell.
        return body.length is None or body.length <= DRAIN_BYTES

    def _finish(self, body: Body) -> None:
        """Read what the application left, so that a client still writing sees the answer."""
        if body.ended or (self._expects and not body.begun):
            return
        self.wfile.flush()
        try:
            if not body.drain(DRAIN_BYTES):
                self.close_connection = True
        except MalformedBodyError:
            self.close_connection = True

    def _send(self, answer: Answer, *, close: bool = False) -> None:
        if self.server.observer is not None:
            self.server.observer(self.command, self.path.partition("?")[0], int(answer.status))
        self._send_head(answer, close=close)
        if self.command == "HEAD":
            return
        if isinstance(answer.body, bytes):
            self.wfile.write(answer.body)
            return
        try:
            for piece in answer.body:
                self.wfile.write(piece)
        except ImagelockError:
            # The client has been promised more bytes than it gets: it cannot take this for good.
            self.close_connection = True
            _log.warning("cut %s %s: the content is damaged", self.command, self.path)

    def _send_head(self, answer: Answer, *, close: bool) -> None:
        length = answer.length
        if length is None and isinstance(answer.body, bytes):
            length = len(answer.body)
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(length))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()

    def handle_expect_100(self) -> bool:
        """Wait with ``100 Continue`` until somebody wants the body."""
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request that could not be parsed, without the standard library's HTML."""
        del message, explain
        self.command = self.command or "GET"
        self._refuse(code)

    def _refuse(self, status: int) -> None:
        """Answer what is not understood, without asking the application or telling the observer."""
        self.request_version = self.protocol_version  # A line that was not understood counts as HTTP/0.9.
        self._send_head(Answer(status=status), close=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Write nothing: an observer can be asked for."""


for _method in _METHODS:
    setattr(_Handler, f"do_{_method}", _Handler._serve)  # noqa: SLF001 - the same for every method, of our own class
