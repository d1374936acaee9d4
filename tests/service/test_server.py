"""The server's places: slow, silent and hostile clients cost their own, and nobody else's."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.limits import HEAD_BYTES, HEAD_FIELDS
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.stores.local import LocalStore

GET = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n"
SLOW_STARTS = (
    b"",
    b"GET /v2/ HT",
    GET + b"X-Slow: ",
    b"PUT /v2/app/manifests/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
    b"PUT /v2/app/manifests/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
)


@pytest.fixture
def slow(registry: EmbeddedRegistry) -> Iterator[list[socket.socket]]:
    """Give 200 clients that began a request, or nothing, and say no more."""
    host, _, port = registry.address.rpartition(":")
    clients = [socket.create_connection((host, int(port)), timeout=60) for _ in range(200)]
    try:
        for number, client in enumerate(clients):
            client.sendall(SLOW_STARTS[number % len(SLOW_STARTS)])
        yield clients
    finally:
        for client in clients:
            client.close()


def test_a_hundred_pulls_beside_two_hundred_slow_clients(
    registry: EmbeddedRegistry, store: LocalStore, slow: list[socket.socket]
) -> None:
    image = sample_image("fast")
    push_sample(store, "app", "1", image)

    def pull(_number: int) -> int:
        with Wire(registry.address) as wire:
            parts = [wire.ask("GET", "/v2/app/manifests/1").body == image.content.body]
            for descriptor, data in image.blobs:
                parts.append(wire.ask("GET", f"/v2/app/blobs/{descriptor.digest}").body == data)
            return sum(parts)

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(pull, range(100))) == 300
    assert len(slow) == 200


def _fill(address: str, count: int) -> list[socket.socket]:
    host, _, port = address.rpartition(":")
    return [socket.create_connection((host, int(port)), timeout=60) for _ in range(count)]


def test_who_kept_us_waiting_longest_gives_up_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagelock.service.server.EVICT_SECONDS", 0.0)
    with EmbeddedRegistry(MemoryStore()) as registry:
        registry._server._places = 8
        first = _fill(registry.address, 8)
        _until(lambda: len(registry._server._open) == 8)
        _until(lambda: all(one.since < float("inf") for one in registry._server._open))
        for _ in range(20):
            with Wire(registry.address) as wire:
                assert wire.ask("GET", "/v2/").status == 200
        assert len(registry._server._open) <= 8
        assert first[0].recv(100) == b""
        for client in first:
            client.close()


def test_without_a_place_a_client_is_told_so_and_those_at_work_are_left_alone() -> None:
    with EmbeddedRegistry(MemoryStore()) as registry:
        registry._server._places = 4
        taken = _fill(registry.address, 4)
        _until(lambda: len(registry._server._open) == 4)
        for connection in registry._server._open:
            connection._stream.since = float("inf")
        extra = _fill(registry.address, 1)[0]
        assert extra.recv(1000).startswith(b"HTTP/1.1 503 ")
        taken[0].sendall(GET + b"\r\n")
        assert taken[0].recv(1000).startswith(b"HTTP/1.1 200 ")
        for client in (*taken, extra):
            client.close()


def _until(condition: object) -> None:
    assert callable(condition)
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.002)


def test_a_head_that_trickles_has_a_deadline(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagelock.service.stream.HEAD_SECONDS", 0.3)
    with socket.create_connection(wire.where, timeout=60) as client:
        client.sendall(GET)
        sent = 0
        try:
            while sent < 10_000:
                client.sendall(b"X")
                sent += 1
                threading.Event().wait(0.01)
        except OSError:
            pass
    assert sent < 10_000


def test_a_body_that_trickles_has_a_deadline(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagelock.service.stream.IDLE_SECONDS", 0.3)
    with socket.create_connection(wire.where, timeout=60) as client:
        client.sendall(b"POST /v2/app/blobs/uploads/?digest=sha256:" + b"0" * 64 + b" HTTP/1.1\r\n")
        client.sendall(b"Host: x\r\nContent-Length: 99999\r\n\r\n")
        sent = 0
        try:
            while sent < 10_000:
                client.sendall(b"X")
                sent += 1
                threading.Event().wait(0.01)
        except OSError:
            pass
    assert sent < 10_000


def test_a_client_that_reads_nothing_has_a_deadline(
    registry: EmbeddedRegistry, store: LocalStore, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagelock.service.stream.IDLE_SECONDS", 0.3)
    image = sample_image("unread")
    push_sample(store, "app", "1", image)
    with socket.create_connection(wire.where, timeout=60) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall((b"GET /v2/app/manifests/1 HTTP/1.1\r\nHost: x\r\n\r\n") * 30_000)
        _until(lambda: len(registry._server._open) == 0)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /v2/ HTTP/1.1\nHost: x\n\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\n\r\n", 400),
        (b"GET  /v2/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v2/\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", 400),
        (b"GET /v2/ HTTP/1.1\r\nHost: x\r\nnocolon\r\n\r\n", 400),
        (b"GET /v2/\r\n\r\n", 400),
        (b"GET /v2/ HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"POST /v2/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400),
        (GET + b"X: " + b"x" * HEAD_BYTES + b"\r\n\r\n", 431),
        (GET + b"X: y\r\n" * HEAD_FIELDS + b"\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ],
)
def test_a_head_that_two_readers_could_read_differently_is_refused(
    wire: Wire, data: bytes, status: int
) -> None:
    with socket.create_connection(wire.where, timeout=60) as client:
        client.sendall(data)
        answer = client.recv(65536)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"Connection: close" in answer
        assert client.recv(65536) == b""


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n" + GET + b"Connection: close\r\n\r\n",
        b"GET http://x/v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /v2/ HTTP/1.0\r\n\r\n",
        GET + b"Accept: a\r\nAccept: b\r\nConnection: close\r\n\r\n",
    ],
)
def test_a_head_that_is_only_unusual_is_answered(wire: Wire, data: bytes) -> None:
    assert wire.raw(data).startswith(b"HTTP/1.1 200 ")


def test_requests_may_be_sent_ahead_and_in_crumbs(wire: Wire) -> None:
    assert wire.raw((GET + b"\r\n") * 5).count(b"HTTP/1.1 200 OK") == 5
    with socket.create_connection(wire.where, timeout=60) as client:
        for byte in GET + b"Connection: close\r\n\r\n":
            client.sendall(bytes([byte]))
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_answers_under_way_are_finished_when_there_is_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    store, release, begun = MemoryStore(), threading.Event(), threading.Event()
    registry = EmbeddedRegistry(store)
    registry.start()

    def slow(_name: str) -> tuple[str, ...]:
        begun.set()
        release.wait(120)
        return ("1",)

    monkeypatch.setattr(store, "tags", slow)
    with ThreadPoolExecutor(2) as pool, Wire(registry.address) as wire:
        reply = pool.submit(wire.ask, "GET", "/v2/app/tags/list")
        begun.wait(120)
        closing = pool.submit(registry.close, 10.0)
        _until(lambda: registry._server.closing)
        release.set()
        assert reply.result(10).json == {"name": "app", "tags": ["1"]}
        closing.result(10)
