"""One connection: where it may lead, the exact request target, and how long a response may take.

urllib3 and http.client restart their time-outs with every packet, so that a server which trickles one
byte now and then holds a request for ever.  Here the head of an answer has a deadline as a whole, and a
body has one, or a least speed where it is streamed.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPMessage, HTTPResponse, UnknownProtocol
from typing import TYPE_CHECKING, Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from imagelock import limits
from imagelock.registry.http.address_policy import require_allowed
from imagelock.registry.http.connect import connect_to
from imagelock.registry.http.fields import HeadError, content_length, is_chunked, parse_fields
from imagelock.registry.http.file_sending import send_segment
from imagelock.stores.base import FileSegment

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from imagelock.registry.http.address_policy import HomeNetwork


class RequestHeaders(dict[str, str]):
    """Request headers that carry what a connection of ours must know of the request.

    ``target`` goes out exactly as it is: urllib3 rewrites percent escapes, which breaks signed links.
    ``streamed``: the body of the answer has a least speed and no deadline.
    """

    def __init__(self, headers: Mapping[str, str], *, target: str | None, streamed: bool) -> None:
        super().__init__(headers)
        self.target = target
        self.streamed = streamed

    def copy(self) -> RequestHeaders:
        """Copy the rest too: urllib3 copies headers before it sends them."""
        return RequestHeaders(self, target=self.target, streamed=self.streamed)


class Connection(HTTPConnection):
    """A connection to a host that a person chose, or (``chosen_by``) one that a registry sent us to."""

    def __init__(
        self,
        *args: Any,
        home: HomeNetwork | None = None,
        chosen_by: HomeNetwork | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._home = home
        self._chosen_by = chosen_by
        self._streamed = False

    def connect(self) -> None:
        """Connect, and take note of where the host lives once it is known to be the host."""
        super().connect()
        if self._home is not None and self.proxy is None:
            self._home.reached(self.sock.getpeername()[0])

    def _new_conn(self) -> socket.socket:
        """Resolve, check, and connect to what was checked: a second answer of the resolver counts nothing."""
        timeout = self.timeout if isinstance(self.timeout, int | float) else limits.CONNECT_SECONDS
        try:
            return connect_to(
                self._dns_host,
                self.port,
                seconds=min(timeout, limits.CONNECT_SECONDS),
                admit=None if self._chosen_by is None or self.proxy is not None else self._admit,
                options=self.socket_options or (),
            )
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no connection before the timeout") from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, "no connection") from error

    def _admit(self, address: str) -> None:
        if self._chosen_by is not None:
            require_allowed(self._dns_host, address, self._chosen_by)

    def request(  # type: ignore[override]  # urllib3's own signature breaks http.client's, on purpose
        self, method: str, url: str, body: bytes | None = None, headers: object = None, **options: bool
    ) -> None:
        """Send the request; the arguments are urllib3's."""
        target = url
        if isinstance(headers, RequestHeaders):
            self._streamed = headers.streamed
            target = headers.target or url
        super().request(method, target, body=body, headers=headers, **options)  # type: ignore[arg-type]

    def send(self, data: Any) -> None:
        """Send bytes, or a stretch of a file."""
        if isinstance(data, FileSegment) and self.sock is not None:
            send_segment(self.sock, data)
        else:
            super().send(data)

    def response_class(self, sock: socket.socket, **options: Any) -> HTTPResponse:  # type: ignore[override]
        """Make what reads an answer: http.client's reader over a stream that keeps the time."""
        return _Answer(_DeadlineReader(sock, streamed=self._streamed), **options)


class ConnectionTLS(Connection, HTTPSConnection):
    """The same over TLS."""


class _DeadlineReader(io.RawIOBase):
    """The bytes of one answer as they come, with deadlines that no trickle moves."""

    def __init__(self, sock: socket.socket, *, streamed: bool) -> None:
        self._sock = sock
        self._bytes = sock.makefile("rb", buffering=0)
        self._each = sock.gettimeout() or limits.FIRST_BYTE_SECONDS
        self._until: float | None = None
        self._in_head = True
        self._streamed = streamed
        self._waited = 0.0
        self._brought = 0

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002  # what http.client asks of a socket
        """Return the stream that http.client reads."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Say that this is for reading."""
        return True

    def close(self) -> None:
        """Let go of the socket."""
        self._bytes.close()
        super().close()

    def head_is_read(self) -> None:
        """Begin the body: with a deadline, or with a least speed where it is streamed."""
        self._in_head = False
        self._until = None if self._streamed else time.monotonic() + limits.BODY_SECONDS
        self._sock.settimeout(self._each)

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there, within what is left of the time."""
        began = time.monotonic()
        if self._until is not None:
            left = self._until - began
            if left <= 0:
                raise TimeoutError
            if left < self._each:
                self._sock.settimeout(left)
        count = self._bytes.readinto(buffer)
        if self._in_head:
            if self._until is None:
                self._until = time.monotonic() + limits.HEAD_SECONDS
        elif self._streamed:
            self._require_speed(time.monotonic() - began, count or 0)
        return count

    def _require_speed(self, waited: float, count: int) -> None:
        self._waited += waited
        self._brought += count
        if self._waited >= limits.IDLE_SECONDS:
            if count and self._brought < limits.TRICKLE_BYTES:
                raise TimeoutError
            self._waited, self._brought = 0.0, 0


class _Fields(HTTPMessage):
    """Header fields as they came: the e-mail policies would look at each of them again at every question."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        self._pairs = self._headers = pairs

    def items(self) -> list[tuple[str, str]]:
        """Return the fields in order, names as they were written."""
        return list(self._pairs)

    def get(self, name: str, failobj: Any = None) -> Any:
        """Return the first field of that name."""
        wanted = name.lower()
        return next((value for key, value in self._pairs if key.lower() == wanted), failobj)

    def get_all(self, name: str, failobj: Any = None) -> Any:
        """Return every field of that name."""
        wanted = name.lower()
        return [value for key, value in self._pairs if key.lower() == wanted] or failobj


class _Answer(HTTPResponse):
    """http.client's answer, its head read strictly and without the e-mail parser, which costs most of it."""

    def __init__(self, clock: _DeadlineReader, **options: Any) -> None:
        super().__init__(clock, **options)  # type: ignore[arg-type]  # of a socket it wants nothing but a stream
        self._clock = clock

    def begin(self) -> None:
        """Read the status line and the header fields (RFC 9112, sections 4 and 5); http.client calls once."""
        while True:
            version, status, reason = self._read_status()  # type: ignore[attr-defined]  # not in the stubs
            fields = _read_fields(self.fp)
            if not 100 <= status < 200:
                break
        if not version.startswith("HTTP/1."):
            raise UnknownProtocol(version)
        self.code = self.status = status
        self.reason = reason.strip()
        self.version = 10 if version == "HTTP/1.0" else 11
        self.headers = self.msg = fields
        self._frame()
        self._clock.head_is_read()

    def _frame(self) -> None:
        """Decide where the body ends (RFC 9112, section 6.3)."""
        self.chunked = is_chunked(self.headers.get_all("transfer-encoding", ()))
        self.chunk_left = None
        lengths = self.headers.get_all("content-length", ())
        self.length = None if self.chunked else content_length(lengths)
        if self.status in {204, 304} or self._method == "HEAD":  # type: ignore[attr-defined]  # not in the stubs
            self.length = 0
        unbounded = not self.chunked and self.length is None
        self.will_close = bool(self._check_close()) or unbounded  # type: ignore[attr-defined]  # not in the stubs


def _read_fields(stream: io.BufferedIOBase) -> HTTPMessage:
    """Read header fields up to the empty line; a line that is none is an error."""
    lines: list[str] = []
    size = 0
    for _ in range(limits.HEAD_FIELDS + 1):
        line = stream.readline(limits.HEAD_BYTES + 1 - size)
        size += len(line)
        if size > limits.HEAD_BYTES or not line.endswith(b"\n"):
            raise HeadError("its header section is too long or cut off")
        if line in {b"\r\n", b"\n"}:
            return _Fields(parse_fields(lines))
        lines.append(line.decode("iso-8859-1").rstrip("\r\n"))
    raise HeadError("it has too many header fields")
