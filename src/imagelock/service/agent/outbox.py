"""Carry what the agent found to others, in a thread of its own: a slow receiver never delays judging."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from imagelock.errors import ImagelockError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagelock.ops.cluster.check import Report
    from imagelock.ops.cluster.transitions import Transition

REPEAT_SECONDS = 60.0
"""How often receivers that forget are told again what is still so."""
_WAITING = 10_000
"""Changes that wait for a receiver; what comes then is left out, and reported."""


class Sink(Protocol):
    """One receiver."""

    name: str

    def hear(self, found: Sequence[Transition], report: Report) -> None:
        """Pass on one look; raise :class:`ImagelockError` when the receiver does not take it."""

    def repeat(self) -> None:
        """Say again what is still so, to a receiver that forgets."""


class Outbox:
    """Passes news to every sink in turn; what one does not take is remarked once, until it takes something.

    Looks that come while receivers are busy are passed on as one: all their changes, with the newest report.
    """

    def __init__(
        self, sinks: Sequence[Sink], remark: Callable[[str], None], repeat: float = REPEAT_SECONDS
    ) -> None:
        self._sinks = sinks
        self._remark = remark
        self._repeat = repeat
        self._found: list[Transition] = []
        self._report: Report | None = None
        self._is_over = False
        self._news = threading.Condition()
        self._complaints: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to pass on."""
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """End after what waits has been passed on, or after some seconds."""
        with self._news:
            self._is_over = True
            self._news.notify()
        self._thread.join(seconds)

    def put(self, found: Sequence[Transition], report: Report) -> None:
        """Pass on one look, later."""
        if not self._sinks:
            return
        with self._news:
            room = _WAITING - len(self._found)
            self._found += found[:room]
            self._report = report
            self._news.notify()
        if len(found) > room:
            left = len(found) - room
            self._complain("outbox", f"receivers are slower than the cluster: {left} changes were left out")

    def _run(self) -> None:
        due = time.monotonic() + self._repeat
        while True:
            with self._news:
                self._news.wait_for(self._has_news, max(due - time.monotonic(), 0.0))
                found, report = self._found, self._report
                self._found, self._report = [], None
                is_over = self._is_over
            if report is not None:
                for sink in self._sinks:
                    self._hear(sink, found, report)
            if is_over:
                return
            if time.monotonic() >= due:
                due = time.monotonic() + self._repeat
                for sink in self._sinks:
                    self._try(sink, sink.repeat)

    def _has_news(self) -> bool:
        return self._report is not None or self._is_over

    def _hear(self, sink: Sink, found: Sequence[Transition], report: Report) -> None:
        self._try(sink, lambda: sink.hear(found, report))

    def _try(self, sink: Sink, act: Callable[[], None]) -> None:
        try:
            act()
        except ImagelockError as error:
            self._complain(sink.name, error.message)
        else:
            self._complaints.pop(sink.name, None)

    def _complain(self, name: str, words: str) -> None:
        if self._complaints.get(name) != words:
            self._complaints[name] = words
            self._remark(f"{name}: {words}")
