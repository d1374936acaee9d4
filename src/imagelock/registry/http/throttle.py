"""Throttle requests to one host, for all threads together: connections, pauses, and when to give up.

One gate per host.  A ``Retry-After`` that one thread received holds all of them back; the time that is
spent on retries is counted from the host's first trouble to its next good answer, so many threads
waiting at once do not multiply it.
"""

from __future__ import annotations

import random
import re
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import UnreachableError
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.errors import RegistryError

_DAY_SECONDS = 86_400.0
_SECONDS = lazy_regex(r"[+-]?[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryableFailure:
    """One failed attempt that may be repeated.

    ``absent``: waiting rarely heals it, so only a part of the budget is spent.  ``whole_host``: it says
    something of the host and not only of what was asked.  ``pause`` is what the host asked for, seconds.
    ``at_once``: nothing was wrong but the connection; the first repetition needs no pause.
    """

    error: RegistryError
    absent: bool = False
    whole_host: bool = True
    at_once: bool = False
    pause: float | None = None


@dataclass(frozen=True, slots=True)
class _GivenUp:
    until: float
    patience: float
    error: RegistryError


class Slot:
    """A place in a gate while a ``with`` lasts; a generator for it would cost as much as the gate."""

    __slots__ = ("_patience", "_throttle")

    def __init__(self, throttle: HostThrottle, patience: float) -> None:
        self._throttle = throttle
        self._patience = patience

    def __enter__(self) -> None:
        self._throttle.enter(self._patience)

    def __exit__(self, *_: object) -> None:
        self._throttle.leave()


class HostThrottle:
    """Let at most ``jobs`` requests at a time through to one host, and hold them back in trouble.

    ``budget`` is in seconds.  ``wait`` sleeps and returns True when the client was closed meanwhile.
    """

    def __init__(
        self,
        *,
        jobs: int,
        budget: float,
        wait: Callable[[float], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = threading.BoundedSemaphore(jobs)
        self._lock = threading.Lock()
        self._budget = budget
        self._wait = wait
        self._clock = clock
        self._open_from = 0.0
        self._trouble_since: float | None = None
        self._given_up: _GivenUp | None = None

    def slot(self, patience: float) -> Slot:
        """Hold one connection for a ``with``; wait before for a pause of the host to pass.

        Raises the error the host was given up with, while that is fresh.
        """
        return Slot(self, patience)

    def enter(self, patience: float) -> None:
        """Take a slot when the host lets one in: see :meth:`slot`."""
        while True:
            self._refuse_if_given_up(patience)
            self._sleep_until_open()
            self._slots.acquire()
            if self._clock() >= self._open_from:
                return
            self._slots.release()

    def leave(self) -> None:
        """Give the slot back."""
        self._slots.release()

    def succeeded(self) -> None:
        """Record an answer that is not a failure."""
        if self._trouble_since is not None or self._given_up is not None:
            with self._lock:
                self._trouble_since = self._given_up = None

    def failed(
        self, retryable: RetryableFailure, *, attempt: int, first: float | None, patience: float
    ) -> float:
        """Wait before the next attempt, or raise the trouble's error when the budget is spent.

        ``attempt`` counts from 0.  ``first`` is when this request failed first, as this method returned
        it, None the first time.  ``patience`` (seconds) makes the budget smaller for this request.
        """
        now = self._clock()
        first = now if first is None else first
        limit = min(self._budget, patience, limits.ABSENT_SECONDS if retryable.absent else patience)
        pause = _backoff(attempt, retryable) if retryable.pause is None else retryable.pause
        with self._lock:
            since = self._trouble_since = now if self._trouble_since is None else self._trouble_since
            if now + pause > min(since, first) + limit:
                error = _given_up(retryable, limit, whole_budget=limit == self._budget)
                if retryable.whole_host:
                    rest = min(max(retryable.pause or 0.0, limits.GIVEN_UP_SECONDS), _DAY_SECONDS)
                    self._given_up = _GivenUp(now + rest, patience, error)
                raise error
            if retryable.pause is not None:
                self._open_from = max(self._open_from, now + pause)
        self._sleep(pause)
        return first

    def _refuse_if_given_up(self, patience: float) -> None:
        given_up = self._given_up
        if given_up is not None and self._clock() < given_up.until and patience <= given_up.patience:
            # A copy: one exception raised in several threads would collect all their tracebacks.
            error = given_up.error
            raise type(error)(error.message, hint=error.hint)

    def _sleep_until_open(self) -> None:
        pause = self._open_from - self._clock()
        if pause > 0:
            self._sleep(pause)

    def _sleep(self, seconds: float) -> None:
        if seconds > 0 and self._wait(seconds):
            raise UnreachableError("the client was closed while it waited for the host")


def retry_after(value: str | None) -> float | None:
    """Read ``Retry-After``: seconds from now, never negative; None for what is neither seconds nor a date.

    RFC 9110, section 10.2.3.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return max(float(text[:12]), 0.0)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max((date - datetime.now(UTC)).total_seconds(), 0.0)


def _backoff(attempt: int, retryable: RetryableFailure) -> float:
    if retryable.at_once and attempt == 0:
        return 0.0
    whole = min(limits.BACKOFF_SECONDS * 2.0 ** min(attempt, 20), limits.BACKOFF_MOST_SECONDS)
    return whole * random.uniform(0.5, 1.0)  # noqa: S311  # spreads retries, hides nothing


def _given_up(retryable: RetryableFailure, limit: float, *, whole_budget: bool) -> RegistryError:
    """Return the error with the way out: when the host may be asked again, or how to wait longer."""
    error = retryable.error
    hint = error.hint
    if retryable.pause is not None:
        hint = f"try again after {time_of_day(retryable.pause)}, or wait longer with --retry-time SECONDS"
    elif hint is None and whole_budget:
        hint = f"retried for {limit:g} s; use --retry-time SECONDS to wait longer"
    return type(error)(error.message, hint=hint)


def time_of_day(seconds: float) -> str:
    """Return the time of day in so many seconds from now, with the date where it is another day."""
    moment = datetime.now(UTC).astimezone() + timedelta(seconds=min(seconds, 366 * _DAY_SECONDS))
    return moment.strftime("%H:%M:%S" if seconds < _DAY_SECONDS else "%Y-%m-%d %H:%M")
