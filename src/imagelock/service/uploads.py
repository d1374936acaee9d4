"""Upload sessions for blobs that arrive over several requests.

Follows the OCI distribution specification, "Pushing blobs".  A session ends finished, cancelled, or idle
for too long; in each case nothing of it remains.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagelock.limits import UPLOAD_IDLE_SECONDS, UPLOAD_SPARE_SECONDS, UPLOADS_OPEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.stores.backend import Part


class TooManyUploadsError(Exception):
    """As many sessions are open as are allowed."""


class UploadBusyError(Exception):
    """Another request writes to this session."""


@dataclass(slots=True, kw_only=True)
class Session:
    """One upload: its identifier, the repository it belongs to, and the bytes so far."""

    identifier: str
    repository: str
    part: Part
    touched: float = 0.0
    busy: threading.Lock = field(default_factory=threading.Lock)


class Uploads:
    """All open sessions of a registry; safe for many threads."""

    def __init__(
        self,
        create: Callable[[str], Part],
        *,
        idle_seconds: float = UPLOAD_IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._create = create
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._guard = threading.Lock()

    def start(self, repository: str, algorithm: str = "sha256") -> Session:
        """Open a session; raise :class:`TooManyUploadsError` when there are too many."""
        self.expire(self._idle_seconds)
        if len(self._sessions) >= UPLOADS_OPEN:
            self.expire(UPLOAD_SPARE_SECONDS)
        with self._guard:
            if len(self._sessions) >= UPLOADS_OPEN:
                raise TooManyUploadsError
            session = Session(
                identifier=secrets.token_hex(16),
                repository=repository,
                part=self._create(algorithm),
                touched=self._clock(),
            )
            self._sessions[session.identifier] = session
        return session

    @contextlib.contextmanager
    def use(self, repository: str, identifier: str) -> Iterator[Session]:
        """Hold a session alone; raise :class:`KeyError` when there is none.

        Raises :class:`UploadBusyError` when another request holds it.
        """
        session = self._sessions[identifier]
        if session.repository != repository:
            raise KeyError(identifier)
        if not session.busy.acquire(blocking=False):
            raise UploadBusyError
        try:
            yield session
        finally:
            session.touched = self._clock()
            session.busy.release()

    def end(self, session: Session) -> None:
        """Forget a session and what it has not committed."""
        with self._guard:
            self._sessions.pop(session.identifier, None)
        session.part.discard()

    def count(self) -> int:
        """Return how many sessions are open."""
        return len(self._sessions)

    def expire(self, idle_seconds: float | None = None) -> None:
        """End the sessions no one used for too long."""
        oldest = self._clock() - (self._idle_seconds if idle_seconds is None else idle_seconds)
        for session in list(self._sessions.values()):
            if session.touched < oldest and session.busy.acquire(blocking=False):
                self.end(session)

    def close(self) -> None:
        """End every session."""
        for session in list(self._sessions.values()):
            self.end(session)
