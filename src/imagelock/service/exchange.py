"""One request and how it was answered, as a value: for the access log and the metrics."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass
from logging.handlers import WatchedFileHandler
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.service.access import basic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_log = logging.getLogger(__name__)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Whatever the language of the system."""
_MOST_CHARS = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request that was answered; ``path`` has no query, which may hold secrets.

    ``received`` and ``sent`` are bytes of the bodies, ``seconds`` runs from the head's last byte to the answer's.
    ``is_whole`` is False when the client went away, or the stored content was damaged.
    """

    client: str
    method: str
    path: str
    headers: Mapping[str, str]
    status: int
    received: int
    sent: int
    seconds: float
    is_whole: bool

    @property
    def user(self) -> str | None:
        """Who logged in; None for those without a name, and for a name that was not proved."""
        given = basic(self.headers)
        return None if given is None or self.status == 401 else given[0]

    def line(self, now: time.struct_time) -> str:
        """Write it as web servers do: the combined log format, and the seconds it took.

        What a client sent cannot break out of its field.
        """
        when = (
            f"{now.tm_mday:02}/{_MONTHS[now.tm_mon - 1]}/{now.tm_year}:"
            f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} +0000"
        )
        agent = _quotable(self.headers.get("user-agent", "-"))
        user = _quotable(self.user or "-").replace(" ", "\\x20")
        return (
            f"{self.client} - {user} [{when}] "
            f'"{self.method} {_quotable(self.path)} HTTP/1.1" {self.status} {self.sent or "-"} "-" "{agent}" '
            f"{self.seconds:.3f}{'' if self.is_whole else ' cut'}"
        )


class AccessLog:
    """A file with one line for each answer, closed by :meth:`close`; raises :class:`FileError` when it cannot be written.

    Moved away by a tool that rotates logs, the file is begun again under its name.
    """

    def __init__(self, path: Path) -> None:
        self._complained = False
        try:
            self._handler = _Handler(path, self._complain)
        except OSError as error:
            raise FileError((error.strerror or str(error)).lower(), where=str(path)) from error

    def __call__(self, exchange: Exchange) -> None:
        """Write the line of one answer."""
        try:
            self._handler.handle(logging.makeLogRecord({"msg": exchange.line(time.gmtime())}))
        except OSError as error:  # Its folder is gone, perhaps: the answer was sent all the same.
            self._complain(error)

    def _complain(self, error: BaseException | None) -> None:
        """Say once that the log cannot be written; a line for each answer would fill another disk."""
        if not self._complained:
            self._complained = True
            _log.warning("the access log cannot be written: %s", error)

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


class _Handler(WatchedFileHandler):
    """A log file whose trouble is not a traceback."""

    def __init__(self, path: Path, complain: Callable[[BaseException | None], None]) -> None:
        super().__init__(path, encoding="utf-8")
        self._complain = complain

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of the base class
        """Hand on what went wrong."""
        del record
        self._complain(sys.exc_info()[1])


def _quotable(text: str) -> str:
    """Return the text as it can be between double quotes on one line, of a length one can read."""
    plain = ascii(text[:_MOST_CHARS])[1:-1] if not (text.isascii() and text.isprintable()) else text
    return plain[:_MOST_CHARS].replace('"', '\\"')
