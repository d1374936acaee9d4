"""Many questions at once: each is answered in its place, and a failure waits for nobody."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from imagelock.errors import ConfigError
from imagelock.ops.parallel import map_concurrently
from support.world import INTERRUPTIBLE


class Counted:
    """A progress that counts, from any thread."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.expected = self.ended = 0

    def expect(self, items: int, size: int = 0) -> None:
        self.expected += items + size

    def start(self, what: object, size: int = 0) -> None:
        self.told.append(str(what) * (size == 0))

    def reach(self, position: int) -> None:
        raise AssertionError(position)

    def end(self) -> None:
        self.ended += 1

    def advance(self, count: int = 1) -> None:
        assert count == 1


def test_answers_come_in_the_order_asked() -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.05 if number < 3 else 0)
        return number * 2

    progress = Counted()
    answers = map_concurrently(range(100), slow_at_first, jobs=8, hosts=1, progress=progress)
    assert answers == [number * 2 for number in range(100)]
    assert sorted(progress.told) == sorted(str(number) for number in range(100))
    assert (progress.expected, progress.ended) == (100, 100)


def test_nothing_asked_is_nothing_answered() -> None:
    assert map_concurrently([], str, jobs=8, hosts=1, progress=None) == []


def test_no_more_threads_than_connections() -> None:
    threads: set[int] = set()

    def who(_: int) -> None:
        threads.add(threading.get_ident())
        time.sleep(0.01)

    map_concurrently(range(50), who, jobs=3, hosts=1, progress=None)
    assert len(threads) <= 3


def test_a_failure_ends_it_without_waiting_for_what_has_begun() -> None:
    over, begun = threading.Event(), []

    def answer(number: int) -> None:
        begun.append(number)
        if number == 1:
            raise ConfigError("wrong")
        over.wait(120)

    begin = time.monotonic()
    with pytest.raises(ConfigError):
        map_concurrently(range(1000), answer, jobs=4, hosts=1, progress=None)
    assert time.monotonic() - begin < 60
    assert len(begun) <= 8
    over.set()


def test_where_no_more_threads_can_be_had_fewer_do_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    start = _thread.start_new_thread
    started: list[int] = []

    def limited(*arguments: Any) -> int:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(start(*arguments))
        return started[-1]

    monkeypatch.setattr(_thread, "start_new_thread", limited)
    assert map_concurrently(range(20), str, jobs=8, hosts=1, progress=None) == [
        str(number) for number in range(20)
    ]


FAILS = """
import time
from imagelock.ops.parallel import map_concurrently
def answer(number):
    if number == 1:
        raise ValueError
    time.sleep(1000)
map_concurrently(range(4), answer, jobs=4, hosts=1, progress=None)
"""


def test_the_end_of_the_process_does_not_wait_for_what_has_begun() -> None:
    done = subprocess.run([sys.executable, "-c", FAILS], check=False, capture_output=True, timeout=120)
    assert done.returncode == 1
    assert b"ValueError" in done.stderr


UNSEEN = """
import signal, threading
from imagelock.ops.parallel import map_concurrently

def silent(number):
    # The kernel may give a process's signal to any of its threads: the one that waits is not woken by it.
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    threading.Event().wait(100)

try:
    map_concurrently([1], silent, jobs=1, hosts=1, progress=None)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_signal_that_another_thread_was_given_ends_the_waiting() -> None:
    command = [*INTERRUPTIBLE, sys.executable, "-c", UNSEEN]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert done.stdout == b"interrupted\n"
