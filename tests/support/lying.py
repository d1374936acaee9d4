"""A scriptable registry, token service or proxy on loopback that says whatever a test wants.

Real sockets and real HTTP/1.1 with keep-alive: what a client sees is what a bad server could send.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import ssl
    from types import TracebackType
    from typing import Self


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def authorization(self) -> str | None:
        """What the client offered as its right to ask."""
        return self.headers.get("authorization")


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer.

    ``headers`` are pairs, so that one name can come twice; Content-Length is added unless one is there
    or ``unsized``.  ``cut`` drops the connection after so many bytes of the body, ``reset`` before any
    answer.  ``wait`` (an event) holds the answer back.  ``drip_head`` and ``drip_body`` send a field of the
    head, or the size of a chunk, that never ends: a byte every so many seconds, :data:`DRIPS` at most.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut: int | None = None
    reset: bool = False
    unsized: bool = False
    wait: threading.Event | None = None
    drip_head: float | None = None
    drip_body: float | None = None


DRIPS = 400
Answerer: TypeAlias = Callable[[Seen], Reply]


def document(value: object, status: int = 200, **headers: str) -> Reply:
    """Return a JSON answer; header names are written with ``_`` for ``-``."""
    pairs = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Reply(
        status=status,
        headers=(("Content-Type", "application/json"), *pairs),
        body=json.dumps(value).encode(),
    )


def oci_error(status: int, code: str, **headers: str) -> Reply:
    """Return an error as the OCI distribution specification writes it."""
    return document({"errors": [{"code": code, "message": "made up"}]}, status, **headers)


@dataclass
class _Route:
    replies: list[Reply | Answerer]
    position: int = field(default=0)

    def next(self) -> Reply | Answerer:
        """Return the next answer; the last one is repeated."""
        reply = self.replies[min(self.position, len(self.replies) - 1)]
        self.position += 1
        return reply


class Lying:
    """The server; routes are by path (without the query), or ``METHOD path``.

    ``dripped`` counts the answers whose every drip somebody waited for.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.dripped = 0
        self.default: Reply | Answerer = oci_error(404, "MANIFEST_UNKNOWN")
        self._routes: dict[str, _Route] = {}
        self._lock = threading.Lock()
        self._server = _Server(self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.port: int = self._server.server_address[1]

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """``scheme://host:port``."""
        return f"{self._scheme}://{self.address}"

    def on(self, route: str, *replies: Reply | Answerer) -> None:
        """Answer a route with these, in order; the last one is repeated."""
        self._routes[route] = _Route(list(replies))

    def requests(self, method: str | None = None) -> list[str]:
        """Return the targets that were asked for, in order."""
        return [seen.target for seen in self.seen if method in {None, seen.method}]

    def answer(self, seen: Seen) -> Reply:
        """Choose what to answer, and remember the request."""
        path = seen.target.partition("?")[0]
        with self._lock:
            self.seen.append(seen)
            route = self._routes.get(f"{seen.method} {path}") or self._routes.get(path)
            reply = route.next() if route is not None else self.default
        return reply if isinstance(reply, Reply) else reply(seen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(120)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, owner: Lying) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that break off are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Say nothing."""

    def handle(self) -> None:
        """Serve a connection until somebody breaks it off."""
        with contextlib.suppress(OSError):
            super().handle()

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        seen = Seen(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
            connection=self.client_address[1],
        )
        self._send(self.server.owner.answer(seen))

    def _send(self, reply: Reply) -> None:
        if reply.wait is not None:
            reply.wait.wait(300)
        if reply.reset:
            self._break_off()
            return
        self.send_response_only(reply.status)
        if reply.drip_head is not None:
            self.flush_headers()
            self._drip(b"X: ", reply.drip_head)
            return
        for name, value in reply.headers:
            self.send_header(name, value)
        names = {name.lower() for name, _ in reply.headers}
        if not reply.unsized and "content-length" not in names and reply.drip_body is None:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if reply.drip_body is not None:
            self._drip(b"", reply.drip_body)
            return
        if self.command != "HEAD":
            self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
        if reply.cut is not None or reply.unsized:
            self.close_connection = True

    def _drip(self, begin: bytes, pause: float) -> None:
        """Send a line that never ends."""
        self.close_connection = True
        self.wfile.write(begin)
        for _ in range(DRIPS):
            self.wfile.write(b"0")
            time.sleep(pause)
        self.server.owner.dripped += 1

    def _break_off(self) -> None:
        """Reset the connection, as a crashed server does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_CONNECT = _any  # noqa: N815  # the base class wants these names
