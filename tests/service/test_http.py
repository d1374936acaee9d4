"""The server's framing: what is read is what was sent, and a connection never loses its step."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.model.digest import Digest
from support.wire import Wire

if TYPE_CHECKING:
    from imagelock.service.embedded import EmbeddedRegistry
    from imagelock.stores.local import LocalStore

UPLOADS = "/v2/app/blobs/uploads/"
NEXT = b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def _post(data: bytes, *headers: str) -> bytes:
    digest = Digest.of(b"hello")
    lines = [f"POST {UPLOADS}?digest={digest} HTTP/1.1", "Host: x", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + data


def _statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(
    "data",
    [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"2\r\nhe\r\n3;name=value\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
        b"0005\r\nhello\r\n000\r\n\r\n",
    ],
)
def test_chunked_bodies_are_read_to_their_end(wire: Wire, data: bytes) -> None:
    answer = wire.raw(_post(data, "Transfer-Encoding: chunked") + NEXT)
    assert _statuses(answer) == [201, 200]


@pytest.mark.parametrize(
    "data",
    [
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"x\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"5" + b" " * 5000 + b"\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\n" + b"T: x\r\n" * 5000 + b"\r\n",
        b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_a_malformed_chunked_body_ends_the_connection(wire: Wire, data: bytes) -> None:
    answer = wire.raw(_post(data, "Transfer-Encoding: chunked") + NEXT)
    assert _statuses(answer) == [400]
    assert wire.ask("GET", f"/v2/app/blobs/{Digest.of(b'hello')}").status == 404


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: -5",),
        ("Content-Length: 5, 5",),
        ("Content-Length: \u0665",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: identity",),
    ],
)
def test_contradicting_or_unknown_framing_is_refused(wire: Wire, headers: tuple[str, ...]) -> None:
    assert _statuses(wire.raw(_post(b"hello", *headers) + NEXT)) == [400]


def test_a_body_cut_short_stores_nothing(wire: Wire) -> None:
    assert wire.raw(_post(b"hel", "Content-Length: 5")) == b""
    assert wire.ask("GET", f"/v2/app/blobs/{Digest.of(b'hello')}").status == 404


def test_a_refused_body_does_not_become_the_next_request(wire: Wire) -> None:
    smuggled = b"DELETE /v2/app/manifests/1 HTTP/1.1\r\nHost: x\r\n\r\n"
    head = f"PUT /v2/app/manifests/.bad HTTP/1.1\r\nHost: x\r\nContent-Length: {len(smuggled)}\r\n\r\n"
    assert _statuses(wire.raw(head.encode() + smuggled + NEXT)) == [400, 200]


def test_a_client_that_asks_first_is_told_to_go_on(wire: Wire) -> None:
    with socket.create_connection(wire.where, timeout=60) as connection:
        connection.sendall(_post(b"", "Content-Length: 5", "Expect: 100-continue", "Connection: close"))
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")


def test_a_client_that_asks_first_and_is_refused_need_not_send(wire: Wire) -> None:
    head = (
        "PUT /v2/app/manifests/.bad HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    )
    answer = wire.raw(head.encode())
    assert _statuses(answer) == [400]
    assert b"Connection: close" in answer


def test_garbage_is_answered_and_not_observed(wire: Wire) -> None:
    assert wire.raw(b"\x16\x03\x01\x02\x00\r\n\r\n").startswith(b"HTTP/1.")
    assert wire.raw(b"BREW /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 501 ")


def test_too_many_query_fields_are_refused(wire: Wire) -> None:
    query = "&".join(f"a{number}=1" for number in range(100))
    assert wire.ask("GET", f"/v2/?{query}").status == 400


def test_many_requests_share_a_connection(wire: Wire, store: LocalStore) -> None:
    image = sample_image("kept")
    push_sample(store, "app", "1", image)
    for _ in range(50):
        assert wire.ask("GET", "/v2/app/manifests/1").body == image.content.body
        assert wire.ask("HEAD", "/v2/app/manifests/1").status == 200
        assert wire.ask("GET", "/v2/app/manifests/2").status == 404


def test_an_unexpected_error_ends_only_its_connection(
    registry: EmbeddedRegistry, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(_repository: str) -> tuple[str, ...]:
        raise ZeroDivisionError

    monkeypatch.setattr(registry.store, "tags", burst)
    reply = wire.ask("GET", "/v2/app/tags/list")
    assert (reply.status, json.loads(reply.body)["errors"][0]["code"]) == (500, "UNKNOWN")
    with Wire(registry.address) as other:
        assert other.ask("GET", "/v2/").status == 200


def test_a_client_that_stops_talking_is_let_go(
    registry: EmbeddedRegistry, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagelock.service.stream.IDLE_SECONDS", 0.1)
    monkeypatch.setattr("imagelock.service.stream.HEAD_SECONDS", 0.1)
    for start in (b"GET /v2/ HT", _post(b"hel", "Content-Length: 5"), b""):
        with socket.create_connection(wire.where, timeout=60) as connection:
            connection.sendall(start)
            assert connection.recv(65536) == b""


def test_silent_clients_do_not_keep_others_waiting(registry: EmbeddedRegistry, wire: Wire) -> None:
    silent = [socket.create_connection(wire.where, timeout=60) for _ in range(100)]
    try:
        for connection in silent:
            connection.sendall(
                b"PUT /v2/app/manifests/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"
            )
        for _ in range(20):
            assert wire.ask("GET", "/v2/").status == 200
    finally:
        for connection in silent:
            connection.close()
