"""Send a stretch of a file over a socket: by the system where nothing encrypts, in large pieces over TLS."""

from __future__ import annotations

import os
import select
import ssl
import time
from typing import TYPE_CHECKING

from imagelock import limits

if TYPE_CHECKING:
    import socket

    from imagelock.stores.base import FileSegment

_PIECE_BYTES = limits.MIB


def send_segment(sock: socket.socket, segment: FileSegment) -> None:
    """Send all of a stretch; raise :class:`TimeoutError` when the other side does not take it, as ``sendall``.

    Raises :class:`OSError` too when the file became shorter meanwhile: the length is promised already.
    """
    if isinstance(sock, ssl.SSLSocket):
        _send_read(sock, segment)
    else:
        _send_by_system(sock, segment)


def _send_read(sock: socket.socket, segment: FileSegment) -> None:
    at, end = segment.offset, segment.offset + segment.size
    while at < end:
        piece = os.pread(segment.file, min(_PIECE_BYTES, end - at), at)
        if not piece:
            raise _shorter()
        sock.sendall(piece)
        at += len(piece)


def _send_by_system(sock: socket.socket, segment: FileSegment) -> None:
    at, end = segment.offset, segment.offset + segment.size
    limit = sock.gettimeout() or limits.IDLE_SECONDS
    wanted, deadline = at + limits.TRICKLE_BYTES, time.monotonic() + limit
    while at < end:
        try:
            count = os.sendfile(sock.fileno(), segment.file, at, end - at)
        except BlockingIOError:
            _wait(sock, deadline)
            continue
        if not count:
            raise _shorter()
        at += count
        if at >= wanted:
            wanted, deadline = at + limits.TRICKLE_BYTES, time.monotonic() + limit


def _wait(sock: socket.socket, deadline: float) -> None:
    """Wait until the socket takes more."""
    left = deadline - time.monotonic()
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError("the other side does not take what is sent")


def _shorter() -> OSError:
    return OSError("the file became shorter while it was sent")
