"""Show how far a command is: a live display on a terminal, a line every 15 seconds elsewhere, a word on Ctrl-C.

Nothing of it is imported or drawn in the first half second: most commands are finished by then.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagelock.model.sizes import in_units
from imagelock.report.style import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.ops.parallel import Progress

FIRST_SECONDS = 0.5
"""A command that is faster shows nothing."""
_FRAME_SECONDS = 0.125
LINE_SECONDS = 15.0
"""How often a log gets a line."""
_WINDOW_SECONDS = 20.0
"""The rate is that of the last seconds, so that it follows what the network does now."""
_SHOWN = 4
"""How many of what is under way are named; the largest first."""

SAME_AGAIN = "nothing was changed; run the same command again"
GOES_ON = "the same command goes on from here"


@dataclass(slots=True)
class _Task:
    """One thing under way: ``at`` of ``size`` bytes are through, since ``begun`` (monotonic seconds)."""

    what: object
    size: int = 0
    at: int = 0
    begun: float = field(default_factory=time.monotonic)


class Counter:
    """Counts what is done and knows what is under way; safe to call from many threads.

    It is a :class:`~imagelock.ops.parallel.Progress`.  ``ticked`` is called at each step by a display without a
    thread of its own.
    """

    def __init__(self, title: str, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.title = title
        self.unit = unit
        self.items = self.total = self.size = 0
        self.ticked: Callable[[], None] | None = None
        self._finished = 0
        self._clock = clock
        self._running: dict[int, _Task] = {}
        self._lock = threading.Lock()
        self._samples: deque[tuple[float, int, int]] = deque()
        self._begun = clock()

    def expect(self, items: int, size: int = 0) -> None:
        """Expect so many more items, and so many more bytes."""
        with self._lock:
            self.total += items
            self.size += size

    def start(self, what: object, size: int = 0) -> None:
        """Begin something of so many bytes in this thread."""
        self._running[threading.get_ident()] = _Task(what, size, begun=self._clock())

    def reach(self, position: int) -> None:
        """Say how many bytes of what this thread does are through."""
        task = self._running.get(threading.get_ident())
        if task is not None:
            task.at = position

    def end(self) -> None:
        """End what this thread does; all its bytes are through."""
        task = self._running.pop(threading.get_ident(), None)
        if task is not None and task.size:
            with self._lock:
                self._finished += task.size

    def advance(self, count: int = 1) -> None:
        """Count finished items."""
        with self._lock:
            self.items += count
        if self.ticked is not None:
            self.ticked()

    @property
    def moved(self) -> int:
        """Bytes that are through."""
        return min(self.size, self._finished + sum(task.at for task in self._tasks()))

    def under_way(self) -> list[tuple[str, str]]:
        """Return what is under way with how far it is, the largest first, else the oldest first."""
        tasks = sorted(self._tasks(), key=lambda task: (-task.size, task.begun))
        now = self._clock()
        return [
            (
                printable(str(task.what)),
                f"{in_units(min(task.at, task.size))} of {in_units(task.size)}"
                if task.at
                else f"{in_units(task.size)}, {clock(now - task.begun)}"
                if task.size
                else clock(now - task.begun),
            )
            for task in tasks
        ]

    def words(self) -> str:
        """Return how far everything is: counts, bytes, rate, and the time that is left."""
        now, moved = self._clock(), self.moved
        parts = [f"{self.items:,} of {self.total:,} {self.unit}" if self.total else ""]
        if self.size:
            parts.append(f"{in_units(moved)} of {in_units(self.size)}")
        rate, left = self._pace(now, moved)
        if self.size and rate:
            parts.append(f"{in_units(int(rate))}/s")
        parts.append(f"{clock(now - self._begun)} so far")
        if left is not None:
            parts.append(f"about {clock(left)} left")
        return ", ".join(filter(None, parts))

    def _tasks(self) -> list[_Task]:
        return list(self._running.copy().values())

    def _pace(self, now: float, moved: int) -> tuple[float, float | None]:
        """Return bytes (or items) a second of late, and the seconds that are left; None while nobody knows."""
        samples = self._samples
        samples.append((now, moved, self.items))
        while len(samples) > 2 and now - samples[0][0] > _WINDOW_SECONDS:
            samples.popleft()
        which, done, total = (1, moved, self.size) if self.size else (2, self.items, self.total)
        since, first = samples[0][0], samples[0][which]
        if now <= since or done <= first:
            return 0.0, None
        rate = (done - first) / (now - since)
        return rate, (total - done) / rate if total > done else None


def clock(seconds: float) -> str:
    """Return a time as a clock shows it: ``0:07``, ``1:02:03``."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def line(counter: Counter) -> str:
    """Return one line for a log."""
    running = counter.under_way()
    names = ", ".join(f"{what} ({how})" for what, how in running[:2])
    more = f" and {len(running) - 2} more" if len(running) > 2 else ""
    return f"imagelock: {counter.title}: {counter.words()}" + (f"; {names}{more}" if names else "")


@contextmanager
def progress(
    title: str, *, quiet: bool, unit: str = "images", onward: str = SAME_AGAIN, threads: bool = True
) -> Iterator[Progress | None]:
    """Yield where to count, and show it; None where nobody wants to see it.

    ``onward`` is what a user who interrupts should know.  With ``threads=False`` no thread is started, as a
    process that forks must have none: the display then moves only when something is counted.
    """
    if quiet:
        yield None
        return
    counter = Counter(title, unit)
    display = (_Live if _is_terminal() else _Log)(counter)
    display.start(threads=threads)
    try:
        yield counter
    except KeyboardInterrupt:
        display.stop()
        done = f"{counter.words()}; " if counter.total else ""
        _write(f"imagelock: stopped while {title}: {done}{onward}\n")
        raise
    finally:
        display.stop()


def say(text: str) -> None:
    """Write words to stderr, above a display that is being drawn."""
    with _drawing:
        if _drawn:
            _drawn[-1].above(text)
        else:
            sys.stderr.write(text)


_drawing = threading.RLock()
_drawn: list[_Live] = []


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _write(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


class _Display:
    """Draws a counter from time to time, from a thread of its own or whenever something is counted."""

    first: float
    every: float

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._due = time.monotonic() + self.first

    def start(self, *, threads: bool) -> None:
        if threads:
            self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
            self._thread.start()
        else:
            self.counter.ticked = self._tick

    def stop(self) -> None:
        self.counter.ticked = None
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        with _drawing:
            self.close()

    def draw(self) -> None:
        """Show the counter as it is now."""

    def close(self) -> None:
        """Leave no trace on the terminal."""

    def _run(self) -> None:
        wait = self.first
        while not self._ended.wait(wait):
            wait = self.every
            with _drawing:
                self.draw()

    def _tick(self) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self.every
            self.draw()


class _Log(_Display):
    first = every = LINE_SECONDS

    def draw(self) -> None:
        _write(line(self.counter) + "\n")


class _Live(_Display):
    first, every = FIRST_SECONDS, _FRAME_SECONDS

    def __init__(self, counter: Counter) -> None:
        super().__init__(counter)
        self._live: Any = None

    def draw(self) -> None:
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            # Data that is written meanwhile belongs to stdout as it is: rich would fold it and put it on stderr.
            self._live = Live(
                console=Console(stderr=True, highlight=False),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
            _drawn.append(self)
        self._live.update(self._picture(), refresh=True)

    def above(self, text: str) -> None:
        """Write words above the display."""
        from rich.text import Text

        self._live.console.print(Text.from_ansi(text.removesuffix("\n")), soft_wrap=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
            _drawn.remove(self)

    def _picture(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        counter = self.counter
        done, total = (counter.moved, counter.size) if counter.size else (counter.items, counter.total)
        picture = Table.grid(padding=(0, 1), expand=False)
        head = Table.grid(padding=(0, 1))
        head.add_row(
            Text(counter.title, style="bold"), ProgressBar(total=total or None, completed=done, width=20)
        )
        picture.add_row(head)
        picture.add_row(Text(counter.words()))
        running = counter.under_way()
        for what, how in running[:_SHOWN]:
            picture.add_row(Text(f"  {what}  {how}", style="dim", no_wrap=True, overflow="ellipsis"))
        if len(running) > _SHOWN:
            picture.add_row(Text(f"  and {len(running) - _SHOWN} more under way", style="dim"))
        return picture
