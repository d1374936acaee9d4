"""Small exchanges on the wire: what may be sent, how an answer is framed, and when a connection is used again."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from http.client import BadStatusLine, IncompleteRead
from typing import TYPE_CHECKING

import pytest
from urllib3.exceptions import ProtocolError

from imagelock import limits
from imagelock.registry.http.fields import HeadError
from imagelock.registry.http.small import exchange, is_plain, request_bytes

if TYPE_CHECKING:
    from http.client import HTTPException

    from imagelock.registry.http.small import Answer

OK = b"HTTP/1.1 200 OK\r\n"


def answered(*pieces: bytes, has_body: bool = True, limit: int = 1000, within: float = 5.0) -> Answer:
    """Exchange with a server that sends these pieces, one after the other, and ends."""
    near, far = socket.socketpair()

    def serve() -> None:
        with far, contextlib.suppress(OSError):  # The client may go before the end.
            far.recv(65536)
            for piece in pieces:
                far.sendall(piece)
                time.sleep(0.01)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with near:
            return exchange(near, b"GET / HTTP/1.1\r\n\r\n", has_body=has_body, within=within, limit=limit)
    finally:
        thread.join()


def test_a_body_of_a_length_is_read_and_the_connection_kept() -> None:
    answer = answered(OK + b"Content-Length: 4\r\nX: a\r\nx: b\r\n\r\nbo", b"dy")
    assert (answer.status, answer.body, answer.keeps) == (200, b"body", True)
    assert (answer.fields["X"], answer.fields.get("nothing"), "content-length" in answer.fields) == (
        "a, b",
        None,
        True,
    )


@pytest.mark.parametrize(
    ("pieces", "has_body", "keeps"),
    [
        ((OK + b"Content-Length: 9\r\n\r\n",), False, True),
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), True, True),
        ((OK + b"Content-Length: 0\r\nConnection: close\r\n\r\n",), True, False),
        ((b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",), True, False),
        ((OK + b"Content-Length: 0\r\n\r\nHTTP/1.1 200 OK",), True, False),
        ((b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",), True, True),
        ((b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",), True, True),
        ((b"HT", b"TP/1.1 200", b" OK\r\nContent-Le", b"ngth: 0\r\n\r", b"\n"), True, True),
    ],
)
def test_a_connection_is_kept_only_when_nothing_is_in_doubt(
    pieces: tuple[bytes, ...], *, has_body: bool, keeps: bool
) -> None:
    answer = answered(*pieces, has_body=has_body)
    assert (answer.body, answer.keeps) == (b"", keeps)


def test_chunks_are_joined_and_trailers_passed_over() -> None:
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    answer = answered(head + b"4;x=y\r\nbo", b"dy\r\n3\r\n", b"two\r\n0\r\nTrailer: x\r\n\r\n")
    assert (answer.body, answer.keeps) == (b"bodytwo", True)


def test_without_a_length_the_end_of_the_connection_is_the_end() -> None:
    answer = answered(OK + b"\r\nall", b" of it")
    assert (answer.body, answer.keeps) == (b"all of it", False)


@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 5000\r\n\r\n" + b"x" * 5000, b"\r\n" + b"x" * 5000,
     b"Transfer-Encoding: chunked\r\n\r\n1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n"],
)  # fmt: skip
def test_no_more_than_the_limit_and_one_byte_is_taken(body: bytes) -> None:
    answer = answered(OK + body)
    assert (len(answer.body), answer.keeps) == (1001, False)


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ((), ProtocolError),
        ((b"HTTP/1.1 200",), ProtocolError),
        ((b"SSH-2.0-OpenSSH\r\n\r\n",), BadStatusLine),
        ((b"HTTP/2 200 OK\r\n\r\n",), BadStatusLine),
        ((b"HTTP/1.1 99 Low\r\n\r\n",), BadStatusLine),
        ((OK + b"Content-Length: 9\r\n\r\ncut",), IncompleteRead),
        ((OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\ncut",), IncompleteRead),
        ((OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",), HeadError),
        ((OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n",), HeadError),
        ((OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",), HeadError),
        ((OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",), HeadError),
        ((OK + b"no field\r\n\r\n",), HeadError),
        ((OK + b" folded: first\r\n\r\n",), HeadError),
        ((OK + b"A : b\r\n\r\n",), HeadError),
        ((OK + b"X: y\r\n" * (limits.HEAD_FIELDS + 1) + b"\r\n",), HeadError),
        ((OK + b"X: " + b"y" * (limits.HEAD_BYTES + 10) + b"\r\n\r\n",), HeadError),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_an_error(
    pieces: tuple[bytes, ...], error: type[HTTPException]
) -> None:
    with pytest.raises(error):
        answered(*pieces)


def test_silence_and_trickles_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TimeoutError):
        answered(*[b""] * 40, within=0.1)
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.1)
    with pytest.raises(TimeoutError):
        answered(*[OK[at : at + 1] for at in range(len(OK))] * 3)
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.1)
    with pytest.raises(TimeoutError):
        answered(OK + b"Content-Length: 100\r\n\r\n", *[b"x"] * 50)


def test_a_refusal_before_the_body_was_read_is_heard() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        far.shutdown(socket.SHUT_RD)
        answer = exchange(near, b"x" * 4_000_000, has_body=True, within=5.0, limit=10)
    assert (answer.status, answer.keeps) == (413, False)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\0b"])
def test_a_value_does_not_break_out_of_its_line(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        request_bytes("GET", "/", "host", {"Authorization": value}, None)


def test_a_request_is_one_piece() -> None:
    assert request_bytes("POST", "/v2/", "h:1", {"A": "b"}, b"x") == (
        b"POST /v2/ HTTP/1.1\r\nHost: h:1\r\nA: b\r\nContent-Length: 1\r\n\r\nx"
    )
    assert b"Content-Length: 0\r\n" in request_bytes("POST", "/", "h", {"Content-Length": "0"}, b"")
    assert b"Content-Length" not in request_bytes("GET", "/", "h", {}, None)


@pytest.mark.parametrize(
    ("target", "plain"),
    [
        ("/v2/a/b/manifests/sha256:00", True),
        ("/v2/?a=b&c=d", True),
        ("/v2/%2F", False),
        ("/v2/a b", False),
        ("/v2/a\r\nX: y", False),
        ("/v2/ä", False),
        ("http://other/", False),
        ("/v2/[x]", False),
    ],
)
def test_only_addresses_without_a_doubt_go_out_as_they_are(target: str, *, plain: bool) -> None:
    assert is_plain(target) is plain
