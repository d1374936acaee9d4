"""Looking a name up and connecting share one deadline, and nobody waits for a resolver that hangs."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from imagelock import limits
from imagelock.errors import UnreachableError
from imagelock.registry.http.connect import LookupTimeoutError, connect_to
from support.world import INTERRUPTIBLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry.conftest import NewClient
    from support.lying import Lying

NAME = "registry.example"


class Hanging:
    """A resolver that does not answer for made-up names until it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()
        self._real = socket.getaddrinfo

    def __call__(self, host: str, port: int, *args: Any, **how: Any) -> Any:
        if host == NAME:
            self.asked.append(host)
            self.go.wait(120)
            host = "127.0.0.1"
        return self._real(host, port, *args, **how)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    resolver = Hanging()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver
    resolver.go.set()


def test_a_resolver_that_hangs_ends_with_the_deadline(hanging: Hanging) -> None:
    begin = time.monotonic()
    with pytest.raises(LookupTimeoutError):
        connect_to(NAME, 443, seconds=0.2)
    assert time.monotonic() - begin < 60


def test_a_registry_whose_name_is_not_resolved_in_time_is_told_as_that(
    hanging: Hanging, new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONNECT_SECONDS", 0.2)
    begin = time.monotonic()
    with pytest.raises(UnreachableError, match="the host name was not resolved in time"):
        new_client().head(f"{NAME}/app", "1")
    assert time.monotonic() - begin < 60


def test_many_who_ask_for_one_name_wait_for_one_lookup(lying: Lying, hanging: Hanging) -> None:
    found: list[socket.socket] = []
    callers = [
        threading.Thread(target=lambda: found.append(connect_to(NAME, lying.port, seconds=30)))
        for _ in range(20)
    ]
    for caller in callers:
        caller.start()
    while not hanging.asked:
        time.sleep(0.01)
    time.sleep(0.2)
    hanging.go.set()
    for caller in callers:
        caller.join(120)
    assert len(found) == 20
    assert len(hanging.asked) == 1
    for each in found:
        each.close()


def test_a_name_that_is_not_known_is_told_as_that(
    new_client: NewClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: Any, **how: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UnreachableError, match="the host name is unknown"):
        new_client().head(f"{NAME}/app", "1")


def test_an_address_that_is_silent_leaves_time_for_the_next(
    lying: Lying, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            # Who fills the queue of a host leaves the next one without any answer.
            each.setblocking(False)  # noqa: FBT003  # the only way to say it
            each.connect_ex(full.getsockname())
        places = [full.getsockname(), ("127.0.0.1", lying.port)]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        begin = time.monotonic()
        with connect_to(NAME, 443, seconds=1) as plain:
            assert plain.getpeername() == places[1]
            assert plain.gettimeout() == 1
        assert 0.3 < time.monotonic() - begin < 60
        for each in waiting:
            each.close()


def test_every_address_is_admitted_before_any_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [("127.0.0.1", 9), ("10.0.0.1", 9)]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    def admit(address: str) -> None:
        if address.startswith("10."):
            raise UnreachableError("no")

    with pytest.raises(UnreachableError):
        connect_to(NAME, 443, seconds=1, admit=admit)


HANGS = f"""
import socket, sys, time
from imagelock import limits
limits.CONNECT_SECONDS = float(sys.argv.pop(1))
real = socket.getaddrinfo
def hang(host, *args, **how):
    if host == "{NAME}":
        print("asked", flush=True)
        time.sleep(1000)
    return real(host, *args, **how)
socket.getaddrinfo = hang
from imagelock.__main__ import main
main()
"""


def drift(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """Run `drift` as a process whose resolver hangs."""
    (folder / "images.txt").write_text(f"{NAME}/app:1@sha256:{'0' * 64}\n")
    arguments = ["drift", "--lock-file", "images.txt", "--retry-time", "0"]
    return subprocess.Popen(
        [*INTERRUPTIBLE, sys.executable, "-c", HANGS, str(seconds), *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_end_of_the_process_does_not_wait_for_a_resolver_that_hangs(tmp_path: Path) -> None:
    with drift(tmp_path, 0.2) as process:
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "the host name was not resolved in time" in out


def test_an_interrupt_does_not_wait_for_a_resolver_that_hangs(tmp_path: Path) -> None:
    with drift(tmp_path, 500) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 130
