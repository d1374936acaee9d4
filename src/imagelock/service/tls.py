"""The server's side of TLS: a certificate and its key, read again when their files change.

The standard library's ``ssl`` does all of it; here is only which files, and when they are read.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.limits import RELOAD_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger(__name__)
_WORDS = b"this registry speaks HTTPS only\n"
_PLAIN = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_WORDS), _WORDS)
)


class Changing:
    """Files that may be replaced while the server runs: :meth:`changed` is true once for each change.

    They are looked at once in :data:`~imagelock.limits.RELOAD_SECONDS`.
    """

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._seen = self._stamps()
        self._next = time.monotonic() + RELOAD_SECONDS

    def changed(self) -> bool:
        """Whether a file is another one than at the last call."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + RELOAD_SECONDS
        before, self._seen = self._seen, self._stamps()
        return before != self._seen

    def _stamps(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(map(_stamp, self._paths))


class Certificate:
    """A certificate chain and its key, both PEM; raises :class:`FileError` when they cannot be used.

    New connections get what the files hold now.  Files that cannot be used, half of a renewal perhaps,
    are logged, and what was read before stays in use.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain, self._key = chain, key
        self._files = Changing(chain, key)
        self._context = _context(chain, key)
        self._guard = threading.Lock()

    def accept(self, connection: socket.socket) -> ssl.SSLSocket:
        """Take over a connection; the handshake is still to come (:func:`shake_hands`)."""
        with self._guard:
            if self._files.changed():
                self._read_again()
        return self._context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=True
        )

    def _read_again(self) -> None:
        try:
            self._context = _context(self._chain, self._key)
            _log.warning("%s: the certificate was read again", self._chain)
        except FileError as error:
            _log.warning("%s; the certificate before stays in use", error)


def shake_hands(connection: ssl.SSLSocket, seconds: float) -> None:
    """Agree on keys within ``seconds``; raise :class:`OSError` when that fails.

    A client that speaks plain HTTP is answered in its own language.
    """
    connection.settimeout(seconds)
    try:
        connection.do_handshake()
    except ssl.SSLError as error:
        if error.reason == "HTTP_REQUEST":
            socket.socket.send(connection, _PLAIN)
        raise


def say_goodbye(connection: socket.socket) -> None:
    """Say in TLS that no more comes, if that can be sent at once; nothing on a plain connection."""
    if not isinstance(connection, ssl.SSLSocket):
        return
    try:
        connection.settimeout(0)
        connection.unwrap()
    except (OSError, ValueError):  # The answer is not waited for, and the client may be gone.
        return


def _context(chain: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    for path in (chain, key):
        _require_readable(path)
    try:
        context.load_cert_chain(chain, key, password=_refusing(key))
    except (ssl.SSLError, ValueError) as error:
        raise FileError(
            "not a certificate and its key",
            where=f"{chain}, {key}",
            hint="give PEM files: the certificate with its chain, and the key that belongs to it",
        ) from error
    return context


def _refusing(key: Path) -> Callable[[], str]:
    """Refuse a key with a passphrase: OpenSSL would ask for it on the terminal."""

    def refuse() -> str:
        raise FileError(
            "the key has a passphrase", where=str(key), hint="write it without: openssl pkey -in KEY -out NEW"
        )

    return refuse


def _require_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise FileError((error.strerror or str(error)).lower(), where=str(path)) from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
