"""Map a function over many values with threads, results in order."""

from __future__ import annotations

import _thread
import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


T = TypeVar("T")
R = TypeVar("R")

THREADS = 64
"""Threads at most, whatever the number of hosts; a host's own connections are limited by the client."""

_LOOK_SECONDS = 0.2
"""How often a waiting main thread wakes: a signal that comes as it falls asleep, or to another thread, is not
seen before."""


class Progress(Protocol):
    """Receives progress, from many threads: what is expected, what each thread does, what is finished."""

    def expect(self, items: int, size: int = 0) -> None:
        """Expect so many more items, and so many more bytes."""

    def start(self, what: object, size: int = 0) -> None:
        """Begin something of so many bytes in this thread; ``str(what)`` is its name."""

    def reach(self, position: int) -> None:
        """Say how many bytes of what this thread does are through; less than before when they are sent again."""

    def end(self) -> None:
        """End what this thread does."""

    def advance(self, count: int = 1) -> None:
        """Count finished items."""


def map_concurrently(
    items: Sequence[T], function: Callable[[T], R], *, jobs: int, hosts: int, progress: Progress | None
) -> list[R]:
    """Map ``function`` over all items with threads, in order; what it raises ends everything.

    Running calls are then not waited for, nor on an interrupt or at the end of the process: a silent
    registry would hold it up for its whole deadline.
    """
    if progress is not None:
        progress.expect(len(items))
    pool = _WorkerPool(items, function, progress)
    try:
        return pool.results(_start(pool.work, min(THREADS, len(items), jobs * max(hosts, 1))))
    except BaseException:
        pool.cancel()
        raise


def _start(work: Callable[[], None], count: int) -> int:
    """Start threads and return how many: where a container has no room for more, fewer do the work.

    The ``threading`` module waits until each one runs; with 64 that takes as long as two round trips.
    """
    for number in range(count):
        try:
            _thread.start_new_thread(work, ())
        except RuntimeError:
            if number == 0:
                raise
            return number
    return count


class _WorkerPool(Generic[T, R]):
    """Threads that work on one list of items; a future for each item would cost as much as a request."""

    def __init__(self, items: Sequence[T], function: Callable[[T], R], progress: Progress | None) -> None:
        self._function = function
        self._progress = progress
        self._waiting = deque(enumerate(items))
        self._results: dict[int, R] = {}
        self._error: BaseException | None = None
        self._ended = threading.Semaphore(0)

    def work(self) -> None:
        """Work until no item is left."""
        try:
            while True:
                try:
                    number, item = self._waiting.popleft()
                except IndexError:
                    return
                if self._progress is not None:
                    self._progress.start(item)
                self._results[number] = self._function(item)
                if self._progress is not None:
                    self._progress.end()
                    self._progress.advance()
        except BaseException as error:  # noqa: BLE001  # raised where the results are waited for
            self._error = self._error or error
            self.cancel()
        finally:
            self._ended.release()

    def cancel(self) -> None:
        """Start no further item."""
        self._waiting.clear()

    def results(self, workers: int) -> list[R]:
        """Wait for so many workers and return the results in order; raise what the first of them raised."""
        for _ in range(workers):
            while not self._ended.acquire(timeout=_LOOK_SECONDS):
                pass  # and Python runs the handler of a signal that came meanwhile
            if self._error is not None:
                raise self._error
        return [self._results[number] for number in range(len(self._results))]
