"""The one tree of exceptions; each carries where it happened and what to do next.

    ImagelockError                     2   anything imagelock reports instead of a traceback
    ├── UsageError                     2   the command line asks for something that cannot be
    ├── ConfigError                    2   imagelock.toml, or a credential file, is wrong
    ├── FileError                      2   a file cannot be read or written
    │   └── FileChangedError           2   someone else wrote the file between our read and our write
    ├── LockError                      2   the lock is missing, damaged, of a newer version, or held
    ├── FormatError                    1   a text cannot be read as the format it claims (finding IL114)
    ├── InvalidValueError              2   a reference, digest or platform that is none
    ├── ClusterError                   3   could not tell: a cluster does not answer, or not wholly
    └── RegistryError                  3   could not tell
        ├── NotFoundError              3   the registry says: there is no such thing
        │   └── PlatformNotFoundError  3   the image is there, but not for a platform that was asked for
        ├── AccessDeniedError          3   401 or 403 that credentials did not settle
        ├── WriteRefusedError          3   the registry answered, and does not take what was sent (IL308)
        ├── RateLimitedError           3   429 for longer than the budget
        ├── UnreachableError           3   no connection, a time-out, a 5xx that stayed
        ├── TLSError                   3   the certificate cannot be trusted
        ├── OfflineError               3   nothing was asked, because of --offline
        ├── DigestConflictError        3   two sources give one tag two digests (finding IL104)
        └── IntegrityError             3   what came is not what it claims to be
            └── IncompleteError        3   a manifest whose blobs or children are not there

The number is the exit code a command ends with when the error reaches the top (2 over 3
over 1).  What a *finding* costs is decided in :mod:`imagelock.model.finding_codes` instead.
"""

from __future__ import annotations


class ImagelockError(Exception):
    """Say what happened (``message``), where (``where``) and the way out (``hint``).

    Messages are lower case and have no full stop.  ``where`` is a file, ``file:line``, host or
    reference as a person would write it.
    """

    exit_code = 2

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(ImagelockError):
    """The command line asks for something that cannot be."""


class ConfigError(ImagelockError):
    """A configuration or credential file is wrong."""


class FileError(ImagelockError):
    """A file cannot be read or written."""


class FileChangedError(FileError):
    """Someone else wrote the file between our read and our write; nothing was replaced."""


class LockError(ImagelockError):
    """The lock is missing, damaged, of a newer version, or held by another run."""


class FormatError(ImagelockError):
    """A text cannot be read as the format it claims to be; ``line`` and ``column`` count from 1."""

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        line: int = 1,
        column: int = 1,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.line = line
        self.column = column


class InvalidValueError(ImagelockError, ValueError):
    """A reference, digest, platform or media type that is none; ``text`` is what was given.

    Ends with 2 where the command line says it; what files say wrong is reported as findings.
    """

    def __init__(self, message: str, *, text: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.text = text


class ClusterError(ImagelockError):
    """A cluster's API server cannot be reached, refuses, or answers something that breaks off."""

    exit_code = 3


class RegistryError(ImagelockError):
    """A registry did not give what was asked; the subclass says why.

    ``tried`` names each endpoint that was asked and its answer, in order.
    """

    exit_code = 3
    kind = "registry error"

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        tried: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.tried = tried


class NotFoundError(RegistryError):
    """The registry says that there is no such repository, manifest or blob (a true 404)."""

    kind = "not found"


class PlatformNotFoundError(NotFoundError):
    """The image is there, but has no manifest for any platform that was asked for."""

    kind = "no such platform"


class AccessDeniedError(RegistryError):
    """The registry refuses (401 or 403) and our credentials did not settle it."""

    kind = "no access"


class WriteRefusedError(RegistryError):
    """A registry that answered and does not take what was sent: a quota, a rule, a missing project."""

    kind = "refused"


class RateLimitedError(RegistryError):
    """The registry asks to wait longer than the budget allows."""

    kind = "rate limited"


class UnreachableError(RegistryError):
    """No connection, a deadline passed, or a server error that stayed."""

    kind = "unreachable"


class TLSError(RegistryError):
    """The certificate cannot be trusted, or TLS could not be agreed on."""

    kind = "tls"


class IntegrityError(RegistryError):
    """What came is not what it claims to be: another digest, size or media type, or no manifest."""

    kind = "integrity"


class OfflineError(RegistryError):
    """Nothing was asked, because the run is offline."""

    kind = "offline"


class DigestConflictError(RegistryError):
    """Two sources that may both say what a tag means gave it two digests; ``tried`` has each with its own."""

    kind = "two digests"


class IncompleteError(IntegrityError):
    """A manifest that points to content the store does not have; ``missing`` are its digests, as text."""

    kind = "incomplete"

    def __init__(self, message: str, *, missing: tuple[str, ...], where: str | None = None) -> None:
        super().__init__(message, where=where, hint="push the blobs and children first")
        self.missing = missing
