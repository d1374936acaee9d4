"""Carry what the agent found to others, in a thread of its own: a slow receiver never delays judging."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Protocol, TypeAlias

from imagelock.errors import ImagelockError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagelock.ops.cluster.check import Report
    from imagelock.ops.cluster.transitions import Transition

REPEAT_SECONDS = 60.0
"""How often receivers that forget are told again what is still so."""
_WAITING = 1000
"""Looks that wait for a receiver; what comes then is left out, and said to be."""
News: TypeAlias = "tuple[Sequence[Transition], Report]"


class Sink(Protocol):
    """One receiver."""

    name: str

    def hear(self, found: Sequence[Transition], report: Report) -> None:
        """Pass on one look; raise :class:`ImagelockError` when the receiver does not take it."""

    def repeat(self) -> None:
        """Say again what is still so, to a receiver that forgets."""


class Outbox:
    """Passes news to every sink in turn; what one does not take is remarked once, until it takes something."""

    def __init__(self, sinks: Sequence[Sink], remark: Callable[[str], None]) -> None:
        self._sinks = sinks
        self._remark = remark
        self._news: queue.Queue[News | None] = queue.Queue(_WAITING)
        self._complaints: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to pass on."""
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """End after what waits has been passed on, or after some seconds."""
        try:
            self._news.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(seconds)

    def put(self, found: Sequence[Transition], report: Report) -> None:
        """Pass on one look, later."""
        try:
            self._news.put_nowait((found, report))
        except queue.Full:
            self._complain(
                "outbox", f"receivers are slower than the cluster: {len(found)} changes were left out"
            )

    def _run(self) -> None:
        while True:
            try:
                news = self._news.get(timeout=REPEAT_SECONDS)
            except queue.Empty:
                for sink in self._sinks:
                    self._try(sink, sink.repeat)
                continue
            if news is None:
                return
            for sink in self._sinks:
                self._hear(sink, news)

    def _hear(self, sink: Sink, news: News) -> None:
        self._try(sink, lambda: sink.hear(*news))

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
