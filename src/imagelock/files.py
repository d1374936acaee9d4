"""Files: read whole and bounded, written wholly or not at all, several together.

A file is replaced by a temporary one beside it that was written, synced and given the old one's mode and
owner; for several, all are prepared before the first is renamed.  A crash leaves each file old or new.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import ChangedMeanwhileError, FileError, LockError
from imagelock.limits import YAML_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<pid>[0-9]+)-[0-9a-f]{8}\.imagelock-tmp", re.ASCII)


@dataclass(frozen=True, slots=True)
class Write:
    """One file to be replaced: its path, the bytes it had when it was read (None: new), and shall have."""

    path: Path
    before: bytes | None
    after: bytes


def read_bytes(path: Path, limit: int = YAML_BYTES) -> bytes:
    """Read a regular file of at most ``limit`` bytes."""
    try:
        with path.open("rb") as stream:
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
    pending: list[tuple[Path, Path]] = []
    try:
        for write in writes:
            if write.before != write.after:
                target = _resolved(write.path)
                _remove_strays(target)
                pending.append((_prepare(target, write.after), target))
        for write in writes:
            _check_unchanged(write)
        for temporary, target in pending:
            temporary.replace(target)
        for folder in {target.parent for _, target in pending}:
            _sync_folder(folder)
    except OSError as error:
        raise FileError(_reason(error), where=str(error.filename or "")) from error
    finally:
        for temporary, _ in pending:
            with contextlib.suppress(OSError):
                temporary.unlink()


def check_inside(path: Path, root: Path) -> None:
    """Refuse a file that symbolic links lead out of the project."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise FileError("a symbolic link leads out of the project", where=str(path))


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a file for one run (by its neighbour ``.<name>.held``); fail naming the holder.

    The holder is known by an flock, so a killed run holds nothing.
    """
    holder = path.with_name(f".{path.name}.held")
    try:
        descriptor = os.open(holder, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise FileError(_reason(error), where=str(holder.parent)) from error
    try:
        _flock(descriptor, path)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
        holder.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _flock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise LockError(
            f"held by another run of imagelock (process {pid})",
            where=str(path),
            hint="wait for it to end, then run again",
        ) from error


def _prepare(target: Path, data: bytes) -> Path:
    """Write ``data`` beside ``target``, synced, with the mode and owner of what it replaces."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{os.urandom(4).hex()}.imagelock-tmp")
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


def _keep_owner(descriptor: int, target: Path) -> None:
    try:
        old = target.stat()
    except FileNotFoundError:
        return
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _check_unchanged(write: Write) -> None:
    try:
        now: bytes | None = write.path.read_bytes()
    except FileNotFoundError:
        now = None
    if now != write.before:
        raise ChangedMeanwhileError(
            "somebody changed this file while imagelock was running; nothing was written",
            where=str(write.path),
            hint="run the command again",
        )


def _resolved(path: Path) -> Path:
    """Follow symbolic links, so that the link stays and its target is replaced."""
    return path.resolve() if path.is_symlink() else path


def _remove_strays(target: Path) -> None:
    """Remove what a killed run left beside the file; a run that still lives keeps its own."""
    for stray in _siblings(target):
        match = _TEMPORARY.fullmatch(stray.name)
        if match and match["name"] == target.name and not _alive(int(match["pid"])):
            with contextlib.suppress(OSError):
                stray.unlink()


def _siblings(target: Path) -> Iterable[Path]:
    if not target.parent.is_dir():
        return ()
    with os.scandir(target.parent) as entries:
        return [Path(entry.path) for entry in entries if entry.name.endswith(".imagelock-tmp")]


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


def _reason(error: OSError) -> str:
    known = {
        errno.ENOENT: "no such file",
        errno.EACCES: "no permission",
        errno.EPERM: "no permission",
        errno.EROFS: "the file system is read-only",
        errno.ENOSPC: "no space left on the device",
        errno.EISDIR: "a directory, not a file",
    }
    return known.get(error.errno or 0, (error.strerror or str(error)).lower())
