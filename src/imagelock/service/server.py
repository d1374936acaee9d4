"""The embedded registry's server: one thread per connection, a bounded number of them.

When every place is taken, the client that has kept us waiting longest loses its place; a client whose
response is being sent keeps it.  So slow and silent clients cost places, but never another client's pull.
"""

from __future__ import annotations

import email.utils
import errno
import logging
import socket
import socketserver
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from imagelock.errors import ImagelockError
from imagelock.limits import CONNECTIONS, DRAIN_BYTES, EVICT_SECONDS, HEAD_SECONDS
from imagelock.service.exchange import Exchange
from imagelock.service.http import (
    Body,
    HeadError,
    MalformedBodyError,
    Response,
    answer_head,
    parse_head,
    request_of,
)
from imagelock.service.stream import BUSY, Stream
from imagelock.service.tls import say_goodbye, shake_hands

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.service.http import Head, Request
    from imagelock.service.tls import Certificate

_log = logging.getLogger(__name__)
_JOIN_BYTES = 64 * 1024
"""A head and a piece up to this size leave in one packet."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_SECONDS = 0.02


class Server(socketserver.TCPServer):
    """Calls ``application`` for each request of each connection.

    ``observer`` is told the method, the path and the status of each answer before it is sent, each of
    ``recorders`` all of it after that.  With a ``certificate`` it speaks TLS.
    """

    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(
        self,
        address: tuple[str, int],
        application: Callable[[Request], Response],
        observer: Callable[[str, str, int], None] | None = None,
        *,
        places: int = CONNECTIONS,
        certificate: Certificate | None = None,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.application = application
        self.observer = observer
        self.recorders: list[Callable[[Exchange], None]] = []
        self.certificate = certificate
        self.closing = False
        self._places = places
        self._open: set[Connection] = set()
        self._guard = threading.Lock()
        # The handler's class is never used: process_request starts a Connection instead.
        super().__init__(address, socketserver.BaseRequestHandler)

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept; without descriptors left, the slowest client's one is taken back first."""
        try:
            accepted: tuple[socket.socket, object] = super().get_request()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._make_place(1)
                time.sleep(_PAUSE_SECONDS)
            raise
        return accepted

    def process_request(self, request: object, client_address: object) -> None:
        """Serve a connection in a thread of its own, or refuse it when there is no place."""
        if not isinstance(request, socket.socket):  # pragma: no cover - TCPServer accepts sockets only
            raise TypeError
        client = client_address[0] if isinstance(client_address, tuple) else "-"
        connection = Connection(self, request, client)
        if not self._make_place(self._places):
            connection.turn_away()
            return
        with self._guard:
            self._open.add(connection)
        try:
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        except RuntimeError:  # The system has no thread left.
            self._forget(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that go away; log everything else."""
        del request, client_address
        _log.debug("a connection ended", exc_info=True)

    def connections(self) -> int:
        """Return how many clients are connected."""
        return len(self._open)

    def cut(self, grace: float = 0.0) -> None:
        """End every connection; answers under way get ``grace`` seconds to be finished."""
        self.closing = True
        end = time.monotonic() + grace
        self._cut(idle_only=grace > 0)
        while self._open and time.monotonic() < end:
            time.sleep(_PAUSE_SECONDS)
        self._cut(idle_only=False)

    def _cut(self, *, idle_only: bool) -> None:
        with self._guard:
            for connection in self._open:
                if connection.is_idle or not idle_only:
                    connection.cut()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve()
        except (OSError, MalformedBodyError):
            _log.debug("a connection ended", exc_info=True)
        finally:
            self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        with self._guard:
            self._open.discard(connection)
        connection.close()

    def _make_place(self, places: int) -> bool:
        """Whether fewer than ``places`` are taken now; the slowest client may have lost its one for it."""
        with self._guard:
            if len(self._open) < places:
                return True
            slowest = min(self._open, key=lambda one: one.since)
            if slowest.since > time.monotonic() - EVICT_SECONDS:
                return False
            self._open.discard(slowest)
            slowest.cut()
            return True


class Connection:
    """One connection: requests in, answers out, one after the other."""

    def __init__(self, server: Server, connection: socket.socket, client: str) -> None:
        self.is_idle = True
        self._server = server
        self._client = client
        self._socket = connection
        self._stream = Stream(connection)

    @property
    def since(self) -> float:
        """Since when (monotonic seconds) its client keeps us waiting; infinite while it does not."""
        return self._stream.since

    def serve(self) -> None:
        """Answer until one side has had enough; raise :class:`OSError` when the client goes away."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._server.certificate is not None:
            self._start_tls(self._server.certificate)
        while not self._server.closing:
            self.is_idle = True
            try:
                data = self._stream.head()
                self.is_idle = False
                if data is None or not self._answer(parse_head(data)):
                    return
            except HeadError as error:
                # Neither the application nor the observer hears of what is not a request.
                self._stream.send(_refusal(error.status))
                return

    def _start_tls(self, certificate: Certificate) -> None:
        secured = certificate.accept(self._socket)
        self._socket, self._stream = secured, Stream(secured)
        self._stream.since = time.monotonic()  # A silent client loses its place here too.
        shake_hands(secured, HEAD_SECONDS)

    def turn_away(self) -> None:
        """Refuse a client for lack of a place, if that can be sent at once."""
        try:
            self._socket.settimeout(0)
            if self._server.certificate is None:
                self._socket.send(_refusal(HTTPStatus.SERVICE_UNAVAILABLE))
        except OSError:
            _log.debug("a connection was turned away without a word")
        self.close()

    def cut(self) -> None:
        """End it from another thread, so that its own thread ends too."""
        try:
            # Not SSLSocket's own: it would switch to plain text first, under the thread that is sending.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            _log.debug("a connection ended by itself")

    def close(self) -> None:
        """Close the socket."""
        say_goodbye(self._socket)
        self._socket.close()

    def _answer(self, head: Head) -> bool:
        """Answer one request; return whether the connection can carry another one."""
        start = time.monotonic()
        body = Body(self._stream, head.length, lambda: self._go_on(head))
        try:
            answer = self._server.application(request_of(head, body))
        except MalformedBodyError as error:
            raise HeadError from error
        will_drain = body.ended or _can_drain(head, body)
        keep = head.keep and will_drain and not self._server.closing
        is_whole = False
        before = self._stream.sent
        try:
            is_whole = self._send(head, answer, keep=keep)
        finally:
            self._record(head, answer, body, start, before, is_whole=is_whole)
        return is_whole and self._drain(head, body) and keep

    def _record(
        self, head: Head, answer: Response, body: Body, start: float, before: int, *, is_whole: bool
    ) -> None:
        if not self._server.recorders:
            return
        exchange = Exchange(
            client=self._client,
            method=head.method,
            path=head.path,
            headers=head.headers,
            status=int(answer.status),
            received=body.taken,
            sent=max(self._stream.sent - before, 0),
            seconds=time.monotonic() - start,
            is_whole=is_whole,
        )
        for record in self._server.recorders:
            record(exchange)

    def _go_on(self, head: Head) -> None:
        if head.asks_first:
            self._stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _drain(self, head: Head, body: Body) -> bool:
        """Read what the application left, so that a client still writing sees the answer."""
        if body.ended or (head.asks_first and not body.begun):
            return True
        try:
            return body.drain(DRAIN_BYTES)
        except MalformedBodyError:
            return False

    def _send(self, head: Head, answer: Response, *, keep: bool) -> bool:
        """Send an answer; return False when its body could not be sent whole."""
        if self._server.observer is not None:
            self._server.observer(head.method, head.path, int(answer.status))
        start = answer_head(answer, _date(), close=not keep)
        if head.method == "HEAD":
            self._stream.send(start)
            return True
        if isinstance(answer.body, bytes):
            self._stream.send(start + answer.body, of_body=len(answer.body))
            return True
        try:
            for piece in answer.body:
                if start and len(piece) <= _JOIN_BYTES:
                    self._stream.send(start + piece, of_body=len(piece))
                else:
                    if start:
                        self._stream.send(start)
                    self._stream.send(piece, of_body=len(piece))
                start = b""
        except ImagelockError:
            # The client has been promised more bytes than it gets: it cannot take this for good.
            _log.warning("cut %s %.200r: the content is damaged", head.method, head.path)
            return False
        self._stream.since = BUSY
        return True


def _can_drain(head: Head, body: Body) -> bool:
    if head.asks_first and not body.begun:
        return False  # It will not come, or what comes is the next request: no one can tell.
    return body.length is None or body.length <= DRAIN_BYTES


def _refusal(status: HTTPStatus) -> bytes:
    return answer_head(Response(status=status), _date(), close=True)


_dated: tuple[int, str] = (0, "")


def _date() -> str:
    """Return the time as HTTP writes it; it is formatted once a second."""
    global _dated  # noqa: PLW0603 - a value that may be written twice and is always right
    now = int(time.time())
    if _dated[0] != now:
        _dated = (now, email.utils.formatdate(now, usegmt=True))
    return _dated[1]
