"""The patience with a host, by a clock that only moves when somebody waits."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from imagelock import limits
from imagelock.errors import RateLimitedError, UnreachableError
from imagelock.registry.http.throttle import HostThrottle, RetryableFailure, retry_after

BUSY = RetryableFailure(error=UnreachableError("busy"), whole_host=False)
ABSENT = RetryableFailure(error=UnreachableError("connection refused"), absent=True)
LIMITED = RetryableFailure(error=RateLimitedError("too many requests"), pause=30.0)


@dataclass
class Clock:
    """Time that passes by waiting."""

    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)
    closed: bool = False

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += seconds
        return self.closed


def gate(clock: Clock, budget: float = 120.0) -> HostThrottle:
    return HostThrottle(jobs=2, budget=budget, wait=clock.wait, clock=clock)


def persist(gate: HostThrottle, retryable: RetryableFailure, patience: float = math.inf) -> int:
    """Fail until the gate gives up; return the number of attempts."""
    first = None
    for attempt in range(1000):
        try:
            first = gate.failed(retryable, attempt=attempt, first=first, patience=patience)
        except type(retryable.error):
            return attempt + 1
    raise AssertionError("the gate never gives up")


def test_pauses_grow_and_stay_within_the_budget() -> None:
    clock = Clock()
    attempts = persist(gate(clock), BUSY)
    assert attempts > 8
    assert 100 < clock.now - 1000 <= 120
    assert clock.pauses[0] <= limits.BACKOFF_SECONDS
    assert max(clock.pauses) <= limits.BACKOFF_MOST_SECONDS


def test_what_waiting_rarely_heals_gets_a_part_of_the_budget() -> None:
    clock = Clock()
    assert persist(gate(clock), ABSENT) > 2
    assert clock.now - 1000 <= limits.ABSENT_SECONDS


def test_no_budget_is_no_second_attempt() -> None:
    clock = Clock()
    assert persist(gate(clock, budget=0), BUSY) == 1
    assert clock.pauses == []


def test_less_patience_makes_the_budget_smaller() -> None:
    clock = Clock()
    persist(gate(clock), BUSY, patience=2)
    assert clock.now - 1000 <= 2


def test_a_broken_connection_is_tried_again_at_once() -> None:
    clock = Clock()
    gate(clock).failed(replace(BUSY, at_once=True), attempt=0, first=None, patience=math.inf)
    assert clock.pauses == []


def test_a_pause_that_one_thread_was_told_holds_all_back() -> None:
    clock = Clock()
    shared = gate(clock)
    shared.failed(LIMITED, attempt=0, first=None, patience=math.inf)
    clock.now -= 20  # another thread comes ten seconds later
    with shared.slot(math.inf):
        assert clock.now == 1030
    assert clock.pauses == [30.0, 20.0]


def test_a_pause_beyond_the_budget_is_refused_at_once_with_the_time_of_day() -> None:
    clock = Clock()
    shared = gate(clock)
    with pytest.raises(RateLimitedError) as caught:
        shared.failed(replace(LIMITED, pause=3600.0), attempt=0, first=None, patience=math.inf)
    assert clock.pauses == []
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("try again after ")
    with pytest.raises(RateLimitedError), shared.slot(math.inf):
        raise AssertionError("the host asked not to be asked")


def test_a_host_that_was_given_up_fails_at_once_for_a_while() -> None:
    clock = Clock()
    shared = gate(clock)
    persist(shared, ABSENT)
    with pytest.raises(UnreachableError, match="connection refused"), shared.slot(math.inf):
        raise AssertionError("given up, and asked all the same")
    clock.now += limits.GIVEN_UP_SECONDS + 1
    with shared.slot(math.inf):
        pass


def test_a_host_given_up_with_little_patience_is_asked_by_those_with_more() -> None:
    shared = gate(Clock())
    persist(shared, ABSENT, patience=2)
    with pytest.raises(UnreachableError), shared.slot(2):
        raise AssertionError("given up, and asked all the same")
    with shared.slot(math.inf):
        pass


def test_one_bad_image_does_not_give_the_host_up() -> None:
    shared = gate(Clock())
    persist(shared, replace(ABSENT, whole_host=False))
    with shared.slot(math.inf):
        pass


def test_a_good_answer_ends_the_trouble() -> None:
    clock = Clock()
    shared = gate(clock)
    shared.failed(BUSY, attempt=0, first=None, patience=math.inf)
    clock.now += 500
    shared.succeeded()
    assert persist(shared, BUSY) > 8


def test_the_budget_is_the_hosts_and_not_each_requests() -> None:
    clock = Clock()
    shared = gate(clock)
    persist(shared, BUSY)
    clock.now = 1121
    assert persist(shared, BUSY) == 1


def test_closing_wakes_who_waits() -> None:
    clock = Clock(closed=True)
    with pytest.raises(UnreachableError, match="closed"):
        gate(clock).failed(BUSY, attempt=5, first=None, patience=math.inf)


def test_no_more_than_jobs_get_in() -> None:
    shared = gate(Clock())
    third = threading.Event()

    def enter() -> None:
        with shared.slot(math.inf):
            third.set()

    with shared.slot(math.inf):
        with shared.slot(math.inf):
            thread = threading.Thread(target=enter)
            thread.start()
            assert not third.wait(0.05)
        assert third.wait(120)
    thread.join(120)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("-5", 0.0),
        ("+5", 5.0),
        ("0", 0.0),
        ("99999999999999999999999999", 999999999999.0),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        (None, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after(text) == seconds


def test_retry_after_takes_a_date_to_come() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 97 < (retry_after(date) or 0) <= 100
