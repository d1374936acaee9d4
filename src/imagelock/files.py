"""Files: read whole and bounded, written wholly or not at all, several together.

A file is replaced by a temporary one beside it that was written, synced and given the old one's mode and
owner; for several, all are prepared before the first is renamed.  A crash leaves each file old or new.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import re
import stat
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import ChangedMeanwhileError, FileError, LockError
from imagelock.limits import YAML_BYTES
from imagelock.patterns import lazily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_TEMPORARY = lazily(r"\..+\.(?P<pid>[0-9]+)-[0-9a-f]{8}\.imagelock-tmp", re.ASCII | re.DOTALL)
_NAME_BYTES = 200
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Write:
    """One file to be replaced: its path, the bytes it had when it was read (None: new), and shall have."""

    path: Path
    before: bytes | None
    after: bytes


def read_bytes(path: Path, limit: int = YAML_BYTES) -> bytes:
    """Read a regular file of at most ``limit`` bytes."""
    try:
        # Not blocking: a named pipe without a writer would be waited for, and is refused below.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise FileError("not a regular file", where=str(path))
            data = stream.read(limit + 1)
    except OSError as error:
        raise FileError(_reason(error), where=str(path)) from error
    if len(data) > limit:
        raise FileError(f"larger than {limit} bytes", where=str(path))
    return data


def decode(data: bytes) -> str:
    """Turn bytes into text so that :func:`encode` gives exactly the same bytes back."""
    return data.decode("utf-8", errors="surrogateescape")


def encode(text: str) -> bytes:
    """Turn text from :func:`decode` back into its bytes."""
    return text.encode("utf-8", errors="surrogateescape")


def write_all(writes: Sequence[Write]) -> None:
    """Replace several files: all are prepared and synced before the first rename.

    Raises :class:`ChangedMeanwhileError` when a file is no longer what it was when it was read; nothing
    has been replaced then.  Files whose bytes stay the same are not touched.
    """
    targets = _targets(writes)
    _remove_strays({target.parent for target, _ in targets})
    pending: deque[tuple[Path, Path]] = deque()
    try:
        for target, write in targets:
            if write.before != write.after:
                with _blame(write.path):
                    pending.append((_prepare(target, write.after), target))
        for _, write in targets:
            if write.before != write.after:
                with _blame(write.path):
                    _check_unchanged(write)
        folders = {target.parent for _, target in pending}
        while pending:
            temporary, target = pending[0]
            with _blame(target):
                temporary.replace(target)
            pending.popleft()
        for folder in folders:
            with _blame(folder):
                _sync_folder(folder)
    finally:
        for temporary, _ in pending:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _targets(writes: Sequence[Write]) -> list[tuple[Path, Write]]:
    """Return what each write really replaces; two that lead to one file must agree."""
    targets: dict[Path, Write] = {}
    for write in writes:
        with _blame(write.path):
            target = _resolved(write.path)
        other = targets.setdefault(target, write)
        if (other.before, other.after) != (write.before, write.after):
            raise FileError("two different changes of one file", where=str(write.path))
    return list(targets.items())


@contextlib.contextmanager
def _blame(path: Path) -> Iterator[None]:
    """Turn an error of the system into one that names the file the user knows."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not path.is_symlink():
            raise
        raise FileError(_reason(error), where=str(path)) from error


def check_inside(path: Path, root: Path) -> None:
    """Refuse a file that symbolic links lead out of the project."""
    with _blame(path):
        inside = path.resolve().is_relative_to(root.resolve())
    if not inside:
        raise FileError("a symbolic link leads out of the project", where=str(path))


@contextlib.contextmanager
def held(path: Path, *, wait: float = 0.0, tell: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a file for one run (by its neighbour ``.<name>.held``), so that no update is lost.

    Waits up to ``wait`` seconds for another run, which ``tell`` hears of once, and then raises
    :class:`LockError` naming the holder.  The holder is known by an flock, so a killed run holds nothing.
    """
    holder = path.with_name(f".{path.name}.held")
    descriptor = _hold(holder, path, time.monotonic() + wait, tell)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        # Removed while it is still locked; who opened it meanwhile sees that it is gone and tries anew.
        with contextlib.suppress(OSError):
            holder.unlink()
        os.close(descriptor)


def _hold(holder: Path, path: Path, deadline: float, tell: Callable[[str], None] | None) -> int:
    """Open and lock the neighbour that is really there, and return its descriptor."""
    while True:
        with _blame(holder.parent):
            descriptor = os.open(holder, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            other = _flock(descriptor)
            if other is None and _is_same(descriptor, holder):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if other is not None:
            if time.monotonic() >= deadline:
                raise _is_held(path, other)
            if tell is not None:
                tell(f"{path.name} is held by another run of imagelock (process {other}): waiting for it")
                tell = None
            # Not all at the same moment: many that wait would only keep each other waiting.
            time.sleep(_POLL_SECONDS * (0.5 + random.random()))  # noqa: S311 - spreads, keeps no secret


def _is_held(path: Path, other: str) -> LockError:
    return LockError(
        f"held by another run of imagelock (process {other})",
        where=str(path),
        hint="wait for it to end, then run again",
    )


def _is_same(descriptor: int, path: Path) -> bool:
    """Whether the path still leads to the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _flock(descriptor: int) -> str | None:
    """Lock it and return None, or return who holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
    return None


def _prepare(target: Path, data: bytes) -> Path:
    """Write ``data`` beside ``target``, synced, with the mode and owner of what it replaces."""
    temporary = target.with_name(f".{_short(target.name)}.{os.getpid()}-{os.urandom(4).hex()}.imagelock-tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _keep_owner(stream.fileno(), target)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _short(name: str) -> str:
    """Return a name that leaves room for what is put around it; a file system takes 255 bytes."""
    return os.fsdecode(os.fsencode(name)[:_NAME_BYTES])


def _keep_owner(descriptor: int, target: Path) -> None:
    try:
        old = target.stat()
    except FileNotFoundError:
        return
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _check_unchanged(write: Write) -> None:
    if _now(write) != write.before:
        raise ChangedMeanwhileError(
            "somebody changed this file while imagelock was running; nothing was written",
            where=str(write.path),
            hint="run the command again",
        )


def _now(write: Write) -> bytes | None:
    """Read what the file holds now, no further than one byte beyond what it held."""
    try:
        with write.path.open("rb") as stream:
            return stream.read(len(write.before or b"") + 1)
    except FileNotFoundError:
        return None


def _resolved(path: Path) -> Path:
    """Follow symbolic links, so that the link stays and its target is replaced."""
    return path.resolve() if path.is_symlink() else path


def _remove_strays(folders: Iterable[Path]) -> None:
    """Remove what killed runs left in the folders; a run that still lives keeps its own."""
    for folder in folders:
        for stray in _strays(folder):
            with contextlib.suppress(OSError):
                stray.unlink()


def _strays(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            matches = [(entry.path, _TEMPORARY.fullmatch(entry.name)) for entry in entries]
    except OSError:
        # A folder that is not there yet has none; one that cannot be read fails when it is written to.
        return []
    return [Path(path) for path, match in matches if match and not _alive(int(match["pid"]))]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return pid != os.getpid()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: OSError | RuntimeError) -> str:
    if isinstance(error, RuntimeError):
        return "symbolic links lead in a circle"
    known = {
        errno.ENOENT: "no such file",
        errno.EACCES: "no permission",
        errno.EPERM: "no permission",
        errno.EROFS: "the file system is read-only",
        errno.ENOSPC: "no space left on the device",
        errno.EISDIR: "a directory, not a file",
        errno.EFBIG: "larger than the system allows",
        errno.ELOOP: "symbolic links lead in a circle",
    }
    return known.get(error.errno or 0, (error.strerror or str(error)).lower())
