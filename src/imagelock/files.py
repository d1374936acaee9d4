"""Read files bounded, and replace several files atomically.

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

from imagelock.errors import FileChangedError, FileError, LockError
from imagelock.lazy_regex import lazy_regex
from imagelock.limits import KIB, YAML_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
from imagelock.paths import reason_of, split_path

_TEMPORARY = lazy_regex(r"\..+\.(?P<pid>[0-9]+)-[0-9a-f]{8}\.imagelock-tmp", re.ASCII | re.DOTALL)
_NAME_BYTES = 200
_NO_OWNER = (errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""The owner may not be given, has no number in this container's user namespace, or there are none."""
UTF_8 = "utf-8"
_MARKS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_PATTERNS = ((4, 0, "utf-32-le"), (4, 3, "utf-32-be"), (2, 0, "utf-16-le"), (2, 1, "utf-16-be"))
"""How many bytes a character has, and which of them is not NUL in ASCII."""
_HEAD_BYTES = 512
_POLL_SECONDS = 0.02
_STEP_BYTES = 256 * KIB


@dataclass(frozen=True, slots=True)
class Write:
    """One file to replace: its path, its bytes when it was read (None: new), and its new bytes."""

    path: Path
    before: bytes | None
    after: bytes


def read_bytes(path: Path | str, limit: int = YAML_BYTES) -> bytes:
    """Read a regular file of at most ``limit`` bytes."""
    try:
        # Not blocking: a named pipe without a writer would be waited for, and is refused below.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                kind = "a directory, not a file" if stat.S_ISDIR(mode) else "not a regular file"
                raise FileError(kind, where=str(path))
            data = read_up_to(descriptor, limit + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileError(reason_of(error), where=str(path)) from error
    if len(data) > limit:
        raise FileError(f"larger than {limit} bytes", where=str(path))
    return data


def read_up_to(descriptor: int, limit: int) -> bytes:
    """Read to the end of a file, or ``limit`` bytes of it."""
    pieces = []
    left = limit
    # Some file systems give less than there is: only nothing means the end.
    while left > 0 and (piece := os.read(descriptor, min(left, _STEP_BYTES))):
        pieces.append(piece)
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def decode(data: bytes) -> str:
    """Turn bytes into text so that :func:`encode` gives exactly the same bytes back.

    Raises :class:`FileError` for UTF-16 and UTF-32 that is damaged.
    """
    encoding = encoding_of(data)
    if encoding == UTF_8:
        return data.decode(UTF_8, errors="surrogateescape")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileError(f"not {encoding.upper()}: {error.reason}", hint="save the file as UTF-8") from error


def encode(text: str, like: bytes = b"") -> bytes:
    """Turn text from :func:`decode` back into its bytes, in the encoding of ``like``."""
    encoding = encoding_of(like)
    return text.encode(encoding, errors="surrogateescape" if encoding == UTF_8 else "strict")


def encoding_of(data: bytes) -> str:
    """Return what a text is encoded in: by its byte-order mark, else by where its NUL bytes are.

    Without a mark only a text that begins with ASCII characters alone is taken for UTF-16 or UTF-32.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    head = data[: _HEAD_BYTES - len(data[:_HEAD_BYTES]) % 4] if b"\0" in data[:4] else b""
    for width, at, encoding in _PATTERNS:
        columns = [head[i::width] for i in range(width)]
        others = columns[:at] + columns[at + 1 :]
        if len(head) >= width and 0 not in columns[at] and not any(map(any, others)):
            return encoding
    return UTF_8


def as_utf8(path: str) -> str:
    """Return a path as patterns are held against it: a byte that is not UTF-8 as a question mark.

    Some of pathspec's engines take nothing but UTF-8.
    """
    return path if path.isascii() else path.encode("utf-8", errors="replace").decode("utf-8")


def write_all(writes: Sequence[Write]) -> None:
    """Replace several files: all are prepared and synced before the first rename.

    Raises :class:`FileChangedError` when a file is no longer what it was when it was read; nothing
    has been replaced then.  Files whose bytes stay the same are not touched.
    """
    changed = [item for item in _targets(writes) if item[1].before != item[1].after]
    folders = {split_path(target)[0] for target, _ in changed}
    _remove_strays(folders)
    pending: deque[tuple[str, str]] = deque()
    try:
        for target, write in changed:
            pending.append((_prepare(target, write), target))
        for _, write in changed:
            _check_unchanged(write)
        while pending:
            _rename(*pending[0])
            pending.popleft()
        for folder in folders:
            _sync_folder(folder)
    finally:
        for temporary, _ in pending:
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108 - thousands of files


def _targets(writes: Sequence[Write]) -> list[tuple[str, Write]]:
    """Return what each write really replaces; two that lead to one file must agree."""
    targets: dict[str, Write] = {}
    for write in writes:
        target = _resolved(write.path)
        other = targets.setdefault(target, write)
        if (other.before, other.after) != (write.before, write.after):
            raise FileError("two different changes to one file", where=str(write.path))
    return list(targets.items())


def _resolved(path: Path) -> str:
    """Follow symbolic links, so that the link stays and its target is replaced."""
    name = os.fspath(path)
    if not os.path.islink(name):  # noqa: PTH114 - thousands of files
        return name
    try:
        return os.fspath(path.resolve())
    except (OSError, RuntimeError) as error:
        raise FileError(reason_of(error), where=name) from error


@contextlib.contextmanager
def file_lock(
    path: Path, *, wait: float = 0.0, notify: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold a file for one run (by its neighbour ``.<name>.held``), so that no update is lost.

    Waits up to ``wait`` seconds for another run, which ``notify`` hears of once, and then raises
    :class:`LockError` naming the holder.  The holder is known by an flock, so a killed run holds nothing.
    """
    holder = path.with_name(f".{path.name}.held")
    descriptor = _hold(holder, path, time.monotonic() + wait, notify)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        # Removed while it is still locked; who opened it meanwhile sees that it is gone and tries again.
        with contextlib.suppress(OSError):
            holder.unlink()
        os.close(descriptor)


def _hold(holder: Path, path: Path, deadline: float, notify: Callable[[str], None] | None) -> int:
    """Open and lock the neighbour that is really there, and return its descriptor."""
    while True:
        try:
            descriptor = os.open(holder, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise FileError(reason_of(error), where=str(holder.parent)) from error
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
            if notify is not None:
                notify(f"{path.name} is locked by another run of imagelock (process {other}): waiting for it")
                notify = None
            # Not all at the same moment: many that wait would only keep each other waiting.
            time.sleep(_POLL_SECONDS * (0.5 + random.random()))  # noqa: S311 - spreads, keeps no secret


def _is_held(path: Path, other: str) -> LockError:
    return LockError(
        f"locked by another run of imagelock (process {other})",
        where=str(path),
        hint="wait until it ends, then run again",
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


def _prepare(target: str, write: Write) -> str:
    """Write a file beside ``target``, synced, with the mode and owner of what it replaces."""
    folder, name = split_path(target)
    temporary = f"{folder}/.{_short(name)}.{os.getpid()}-{os.urandom(4).hex()}.imagelock-tmp"
    try:
        descriptor = _created(temporary, folder)
        try:
            _keep_owner(descriptor, target)
            _write_whole(descriptor, write.after)
            os.fsync(descriptor)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108 - thousands of files
            raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileError(reason_of(error), where=str(write.path)) from error
    return temporary


def _created(path: str, folder: str) -> int:
    """Create a file and, where it is missing, its folder."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        Path(folder).mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)


def _write_whole(descriptor: int, data: bytes) -> None:
    at = os.write(descriptor, data)
    while at < len(data):
        at += os.write(descriptor, memoryview(data)[at:])


def _short(name: str) -> str:
    """Return a name that leaves room for what is put around it; a file system takes 255 bytes."""
    return os.fsdecode(os.fsencode(name)[:_NAME_BYTES])


def _keep_owner(descriptor: int, target: str) -> None:
    try:
        old = os.stat(target)  # noqa: PTH116 - thousands of files
    except FileNotFoundError:
        return
    try:
        os.fchown(descriptor, old.st_uid, old.st_gid)
    except OSError as error:
        if error.errno not in _NO_OWNER:
            raise
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _check_unchanged(write: Write) -> None:
    if _now(write) != write.before:
        raise FileChangedError(
            "this file changed while imagelock was running; nothing was written",
            where=str(write.path),
            hint="run the command again",
        )


def _now(write: Write) -> bytes | None:
    """Read what the file holds now, no further than one byte beyond what it held."""
    try:
        descriptor = os.open(write.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return read_up_to(descriptor, len(write.before or b"") + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError(reason_of(error), where=str(write.path)) from error


def _rename(temporary: str, target: str) -> None:
    try:
        os.replace(temporary, target)  # noqa: PTH105 - thousands of files
    except OSError as error:
        raise FileError(reason_of(error), where=target) from error


def _remove_strays(folders: Iterable[str]) -> None:
    """Remove what killed runs left in the folders; a run that still lives keeps its own."""
    for folder in folders:
        for stray in _strays(folder):
            with contextlib.suppress(OSError):
                stray.unlink()


def _strays(folder: str) -> list[Path]:
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


def _sync_folder(folder: str) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileError(reason_of(error), where=folder) from error
