"""Track the remaining pull quota that registries report, and keep a part of it unused on request.

Docker Hub's ``RateLimit-Limit`` and ``RateLimit-Remaining`` (``76;w=21600``) and the IETF drafts' forms are
read (draft-ietf-httpapi-ratelimit-headers).  A pull is the GET of a manifest; a HEAD is free and tells the
same, so with something to keep the first question to a host is a HEAD.
"""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import RateLimitedError, RegistryError
from imagelock.lazy_regex import lazy_regex
from imagelock.registry.http.throttle import time_of_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from imagelock.registry.http.fields import Fields

_NUMBER = lazy_regex(r"\s*([0-9]{1,12})(?:\.0*)?\s*(?:[;,]|$)", re.ASCII)
_WINDOW = lazy_regex(r";\s*w=([0-9]{1,9})", re.ASCII)
_FIELD = lazy_regex(r"(?:^|[;,\s])(limit|remaining|reset|r|t)=([0-9]{1,12})(?![0-9])", re.ASCII)
_NEW_WINDOW = 64
"""A remainder that is so much larger than the last one is of a new window, not an answer out of order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Pulls left of ``limit`` in ``window`` seconds; ``reset`` is in so many seconds."""

    left: int
    limit: int | None = None
    window: int | None = None
    reset: int | None = None

    def __str__(self) -> str:
        of = "" if self.limit is None else f" of {self.limit}"
        within = "" if self.window is None else f" in {self.window / 3600:g} h"
        return f"{self.left}{of} left{within}"


def read_quota(headers: Mapping[str, str] | Fields) -> Quota | None:
    """Read the quota of an answer's headers; None where they say nothing that can be read."""
    left = headers.get("RateLimit-Remaining")
    if left is not None:
        limit = headers.get("RateLimit-Limit") or ""
        window = _WINDOW.search(left) or _WINDOW.search(limit)
        count = _number(left)
        if count is None:
            return None
        return Quota(
            left=count,
            limit=_number(limit),
            window=int(window[1]) if window else None,
            reset=_number(headers.get("RateLimit-Reset") or ""),
        )
    short = headers.get("RateLimit")
    if short is None:
        return None
    fields = {name: int(value) for name, value in _FIELD.findall(short[:500])}
    found = fields.get("remaining", fields.get("r"))
    if found is None:
        return None
    return Quota(left=found, limit=fields.get("limit"), reset=fields.get("reset", fields.get("t")))


def _number(text: str) -> int | None:
    match = _NUMBER.match(text)
    return int(match[1]) if match else None


class Quotas:
    """The latest quota of each host; ``keep`` pulls stay unused unless it is None."""

    def __init__(self, keep: int | None = None) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._asked: set[str] = set()
        self._pending: dict[str, int] = {}
        self.known: dict[str, Quota] = {}

    def note(self, authority: str, headers: Mapping[str, str] | Fields) -> None:
        """Take note of what an answer says."""
        quota = read_quota(headers)
        if quota is None:
            return
        with self._lock:
            old = self.known.get(authority)
            if old is None or quota.left <= old.left or quota.left > old.left + _NEW_WINDOW:
                self.known[authority] = quota

    @contextmanager
    def pulling(self, authority: str, ask: Callable[[], object]) -> Iterator[None]:
        """Count one pull while it is under way; ``ask`` is a question that costs none.

        Raises :class:`RateLimitedError` when nothing but the part to keep is left.
        """
        if self._keep is None:
            yield
            return
        self._ask_first(authority, ask)
        with self._lock:
            quota, pending = self.known.get(authority), self._pending.get(authority, 0)
            if quota is not None and quota.left - pending <= self._keep:
                raise _kept(quota, self._keep)
            self._pending[authority] = pending + 1
        try:
            yield
        finally:
            with self._lock:
                self._pending[authority] -= 1

    def _ask_first(self, authority: str, ask: Callable[[], object]) -> None:
        with self._asking:
            if authority in self._asked or authority in self.known:
                return
            self._asked.add(authority)
            try:
                ask()
            except RegistryError:
                return  # what is wrong comes again with the pull, and is reported then


def _kept(quota: Quota, keep: int) -> RateLimitedError:
    when = "later" if quota.reset is None else f"after {time_of_day(quota.reset)}"
    return RateLimitedError(
        f"the pull quota has {quota}, and --keep-quota keeps {keep} of it", hint=f"try again {when}"
    )
