"""Users of an htpasswd file, and which of them may push.

The file is Apache's, with bcrypt alone (``htpasswd -B``), and is read again when it changes.  bcrypt is slow
by intention, so a password that was right is known until the file changes; what is kept of it is a
keyed hash that is worth nothing outside this process.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import threading
from typing import TYPE_CHECKING

import bcrypt

from imagelock.errors import FileError, UsageError
from imagelock.files import read_bytes
from imagelock.limits import USERS_BYTES
from imagelock.service.tls import Changing

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_log = logging.getLogger(__name__)
_LINE = re.compile(r"(?P<user>[^:\x00-\x1f]{1,255}):(?P<hash>\S+)", re.ASCII)
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}", re.ASCII)
_MOST_COST = 17
"""Each step doubles the time of a login; at 17 it is some ten seconds."""
_CHECKS = 4
"""Passwords that are checked at one time: guessing must not take every processor."""
_BCRYPT_BYTES = 72
"""bcrypt never looks further, and htpasswd cuts there too."""


class Users:
    """The users of one file; raises :class:`FileError` when it cannot be used.

    ``writers`` may push and delete, all others only pull; None: everybody may push.
    """

    def __init__(self, path: Path, writers: Collection[str] | None = None) -> None:
        self._path = path
        self._writers = None if writers is None else frozenset(writers)
        self._file = Changing(path)
        self._hashes = read_users(path)
        unknown = sorted((self._writers or frozenset()) - self._hashes.keys())
        if unknown:
            raise UsageError(f"not in {path}: {', '.join(unknown)}", hint="add them with htpasswd -B")
        self._secret = secrets.token_bytes(32)
        self._proved: dict[str, bytes] = {}
        self._guard = threading.Lock()
        self._checks = threading.BoundedSemaphore(_CHECKS)

    def may_write(self, user: str) -> bool:
        """Whether a user may push and delete."""
        return self._writers is None or user in self._writers

    def is_proved(self, user: str, password: str) -> bool:
        """Whether this is the user's password; as slow for a user that does not exist."""
        with self._guard:
            if self._file.changed():
                self._read_again()
            hashes = self._hashes
        word = password.encode()[:_BCRYPT_BYTES]
        seen = hmac.digest(self._secret, word, hashlib.sha256)
        known = self._proved.get(user)
        if known is not None and hmac.compare_digest(known, seen):
            return True
        stored = hashes.get(user)
        with self._checks:
            is_right = _matches(word, stored or next(iter(hashes.values()), b""))
        if stored is None or not is_right:
            return False
        with self._guard:
            if self._hashes is hashes:  # Else the file changed meanwhile, and the next login decides.
                self._proved[user] = seen
        return True

    def _read_again(self) -> None:
        try:
            self._hashes = read_users(self._path)
        except FileError as error:
            _log.warning("%s; the users before stay", error)
            return
        self._proved = {}
        _log.warning("%s: users were read again", self._path)


def read_users(path: Path) -> dict[str, bytes]:
    """Read an htpasswd file: the hash of each user; raise :class:`FileError` with the line."""
    text = read_bytes(path, USERS_BYTES).decode("utf-8", "replace")
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        where = f"{path}:{number}"
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise FileError("not user:hash", where=where, hint="write it with htpasswd -B")
        hashed = _BCRYPT.fullmatch(match["hash"])
        if hashed is None or not 4 <= int(hashed["cost"]) <= _MOST_COST:
            raise FileError(
                f"the hash of {match['user']} is not one of bcrypt that this registry takes",
                where=where,
                hint=f"only bcrypt with a cost of 4 to {_MOST_COST} is taken: htpasswd -B FILE {match['user']}",
            )
        if match["user"] in found:
            raise FileError(f"{match['user']} is here twice", where=where)
        found[match["user"]] = match["hash"].encode()
    if not found:
        raise FileError("no user in it", where=str(path), hint="htpasswd -Bc FILE USER")
    return found


def _matches(word: bytes, hashed: bytes) -> bool:
    try:
        return bcrypt.checkpw(word, hashed)
    except ValueError:  # A NUL in the password, which no hash can have.
        return False
