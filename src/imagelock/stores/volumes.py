"""One file, or the numbered parts of one: ``release.tar``, or ``release.tar.001``, ``release.tar.002`` and so on.

Parts are plain cuts: ``cat release.tar.0* > release.tar`` joins them, and ``sha256sum -c release.tar.sha256``
proves each.  Nothing here needs them joined: many threads read and write at offsets of the whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import FileError, UsageError
from imagelock.files import read_bytes
from imagelock.model.sizes import in_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_NUMBERED = re.compile(r"(?P<whole>.+)\.(?P<number>[0-9]{3})", re.ASCII)
_SUM = re.compile(r"(?P<hex>[0-9a-f]{64}) [ *](?P<name>[^/\n]+)", re.ASCII)
_MOST_PARTS = 999
_BLOCK = 512
"""What `st_blocks` counts in, whatever the file system's own blocks are."""
_HASHERS = 4


def whole_path(path: Path) -> Path:
    """Return the path of the whole that ``path`` is the whole or a part of: its name without a part's number.

    A file that only looks numbered (``app-1.2.300``) has no first part beside it.
    """
    match = _NUMBERED.fullmatch(path.name)
    if match is None or path.is_dir():
        return path
    whole = path.with_name(match["whole"])
    return path if path.is_file() and not part_path(whole, 1).is_file() else whole


def part_path(path: Path, number: int) -> Path:
    """Return the path of a part, counted from 1."""
    return path.with_name(f"{path.name}.{number:03}")


def sums_path(path: Path) -> Path:
    """Return where the sums of the parts are, in the form of ``sha256sum``."""
    return path.with_name(f"{path.name}.sha256")


def parts_of(path: Path) -> tuple[Path, ...]:
    """Return the files that make up a whole: itself, or its parts in order; none where there is neither.

    Raises :class:`FileError` when a part is missing that a later part or the sums tell of.
    """
    if path.is_file():
        return (path,)
    names = {one.name for one in path.parent.glob(f"{_escaped(path.name)}.[0-9][0-9][0-9]") if one.is_file()}
    names |= read_sums(path).keys() if names else set()
    parts = tuple(part_path(path, number) for number in range(1, len(names) + 1))
    for part in parts:
        if part.name not in names or not part.is_file():
            raise FileError("a part is missing", where=str(part), hint="bring every part into one directory")
    return parts


def read_sums(path: Path) -> dict[str, str]:
    """Return the SHA-256 of each part by its name, in hexadecimal; nothing where there are no sums.

    Raises :class:`FileError` when the file is not of that form.
    """
    where = sums_path(path)
    if not where.is_file():
        return {}
    found = {}
    for number, line in enumerate(read_bytes(where).decode("utf-8", "replace").splitlines(), 1):
        match = _SUM.fullmatch(line)
        if match is None:
            raise FileError("not a line of sha256sum", where=f"{where}:{number}")
        found[match["name"]] = match["hex"]
    return found


def damaged_parts(path: Path) -> tuple[str, ...]:
    """Return the names of the parts that do not have the bytes their sums say; reads every part."""
    sums = read_sums(path)
    if not sums or path.is_file():
        return ()
    parts, volumes = parts_of(path), Volumes(path)
    with ThreadPoolExecutor(_HASHERS) as pool:
        hashes = list(pool.map(_sha256, volumes.files))
    return tuple(part.name for part, found in zip(parts, hashes, strict=True) if sums.get(part.name) != found)


class _Cut:
    """Where the bytes of a whole are: in which part, and at which offset of it."""

    def __init__(self, files: list[int], sizes: Sequence[int]) -> None:
        self.files = files
        self.sizes = sizes
        self.size = sum(sizes)

    def segments(self, at: int, count: int) -> Iterator[tuple[int, int, int]]:
        """Yield descriptor, offset and number of bytes of each stretch of ``count`` bytes from ``at`` on."""
        for file, size in zip(self.files, self.sizes, strict=True):
            if count <= 0:
                return
            if at < size:
                here = min(count, size - at)
                yield file, at, here
                count -= here
                at = size
            at -= size


class Volumes(_Cut):
    """A whole or its parts, open for reading; raises :class:`FileError` when one cannot be read."""

    def __init__(self, path: Path) -> None:
        whole = whole_path(path)
        files: list[int] = []
        weakref.finalize(self, _close_all, files)
        for part in parts_of(whole) or (path,):
            try:
                files.append(os.open(part, os.O_RDONLY | os.O_CLOEXEC))
            except OSError as error:
                raise FileError((error.strerror or str(error)).lower(), where=str(part)) from error
        super().__init__(files, [os.fstat(file).st_size for file in files])

    @property
    def stamp(self) -> tuple[int, ...]:
        """What changes when a part does."""
        statuses = [os.fstat(file) for file in self.files]
        return tuple(value for one in statuses for value in (one.st_mtime_ns, one.st_ctime_ns))

    def read(self, count: int, at: int) -> bytes:
        """Read up to ``count`` bytes; fewer come only at the end of the whole."""
        return b"".join(os.pread(file, size, offset) for file, offset, size in self.segments(at, count))

    def readinto(self, buffer: bytearray | memoryview, at: int) -> int:
        """Fill a buffer from ``at`` on; return how many bytes came."""
        view, got = memoryview(buffer), 0
        for file, offset, size in self.segments(at, len(view)):
            count = os.preadv(file, [view[got : got + size]], offset)
            got += count
            if count < size:
                break
        return got


class WritableVolumes(_Cut):
    """A whole of a known length on its way, in parts of ``part_size`` bytes or as one file.

    The bytes go into ``.NAME.imagelock-part`` beside each file until :meth:`publish`.  Raises :class:`FileError` when
    another run writes the same or the disk has no room, :class:`UsageError` for too many parts, or when the whole is there in the other form.
    """

    def __init__(self, path: Path, length: int, part_size: int | None) -> None:
        self._path = path
        size = part_size or max(length, 1)
        count = -(-length // size)
        if count > _MOST_PARTS:
            raise UsageError(
                f"{count} parts of {size} bytes", hint=f"make the parts larger: {_MOST_PARTS} at most"
            )
        _refuse_other_form(path, split=part_size is not None)
        self.paths = (path,) if part_size is None else tuple(part_path(path, one + 1) for one in range(count))
        files: list[int] = []
        weakref.finalize(self, _close_all, files)
        with file_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            files.extend(
                os.open(_temporary(part), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666) for part in self.paths
            )
            fcntl.flock(files[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.is_begun = any(os.fstat(file).st_size for file in files)
            super().__init__(files, [min(size, length - at) for at in range(0, max(length, 1), size)])
            for file, share in zip(self.files, self.sizes, strict=True):
                os.ftruncate(file, share)
            self._require_space(length)

    def _require_space(self, length: int) -> None:
        """Refuse now what would fill the disk hours later; what an earlier run wrote has its place already."""
        here = sum(os.fstat(file).st_blocks * _BLOCK for file in self.files)
        disk = os.statvfs(self._path.parent)
        free = disk.f_bavail * disk.f_frsize
        if length - here > free:
            if not self.is_begun:
                for part in self.paths:
                    _temporary(part).unlink(missing_ok=True)
            raise FileError(
                f"it needs {in_units(length - here)}, and {in_units(free)} are free", where=str(self._path)
            )

    def write(self, piece: bytes, at: int) -> None:
        """Write bytes at their place."""
        view = memoryview(piece)
        with file_errors(self._path):
            for file, start, size in self.segments(at, len(view)):
                offset, part, view = start, view[:size], view[size:]
                while part:
                    count = os.pwrite(file, part, offset)
                    part, offset = part[count:], offset + count

    def read(self, count: int, at: int) -> bytes:
        """Read back what was written."""
        with file_errors(self._path):
            return b"".join(os.pread(file, size, offset) for file, offset, size in self.segments(at, count))

    def publish(self) -> None:
        """Sync and rename: a single file is there as a whole, parts with their sums last."""
        with file_errors(self._path):
            sums = self._sums() if self.paths != (self._path,) else b""
            if sums:
                sums_path(self._path).unlink(missing_ok=True)
            for file, part in zip(self.files, self.paths, strict=True):
                os.fsync(file)
                _temporary(part).replace(part)
            self._remove_others()
            if sums:
                self._write_sums(sums)
            _sync_directory(self._path.parent)

    def close(self) -> None:
        """Close the files, and with them let other runs write."""
        _close_all(self.files)

    def _sums(self) -> bytes:
        with ThreadPoolExecutor(_HASHERS) as pool:
            hashes = list(pool.map(_sha256, self.files))
        return "".join(
            f"{hashed}  {part.name}\n" for hashed, part in zip(hashes, self.paths, strict=True)
        ).encode()

    def _write_sums(self, body: bytes) -> None:
        target = sums_path(self._path)
        temporary = _temporary(target)
        with temporary.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)

    def _remove_others(self) -> None:
        """Remove what an earlier run left: parts after the last one, and temporary files of other cuts."""
        name = _escaped(self._path.name)
        if self.paths != (self._path,):
            for part in self._path.parent.glob(f"{name}.[0-9][0-9][0-9]"):
                if part not in self.paths:
                    part.unlink(missing_ok=True)
        for pattern in (f".{name}.imagelock-part", f".{name}.[0-9][0-9][0-9].imagelock-part"):
            for left in self._path.parent.glob(pattern):
                left.unlink(missing_ok=True)


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors into ours, with the file's name."""
    try:
        yield
    except BlockingIOError as error:
        raise FileError("another run is writing this file", where=str(path)) from error
    except OSError as error:
        raise FileError((error.strerror or str(error)).lower(), where=str(path)) from error


def _refuse_other_form(path: Path, *, split: bool) -> None:
    other = path if split else part_path(path, 1)
    if other.exists():
        raise UsageError(
            f"{other.name} is there: a bundle is one file or parts, not both",
            where=str(path.parent),
            hint="remove it, or give the new one another name",
        )


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.imagelock-part")


def _escaped(name: str) -> str:
    """Return a name as a pattern that only it matches."""
    return re.sub(r"([*?[])", r"[\1]", name)


def _sha256(file: int) -> str:
    hasher, at = hashlib.sha256(), 0
    while piece := os.pread(file, limits.MIB, at):
        hasher.update(piece)
        at += len(piece)
    return hasher.hexdigest()


def _sync_directory(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _close_all(files: list[int]) -> None:
    while files:
        os.close(files.pop())
