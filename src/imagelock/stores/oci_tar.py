"""A read-only store over one tar file in OCI image layout; nothing is unpacked.

The members' places are read once from their headers (POSIX ustar and pax, and GNU's long names); every
blob is then read by its offset.  What ``skopeo copy … oci-archive:`` writes is read like our own.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from imagelock.errors import FileError, IntegrityError, InvalidValueError, UsageError
from imagelock.limits import KIB, LAYOUT_INDEX_BYTES, PIECE_BYTES
from imagelock.stores.backend import Stamp
from imagelock.stores.base import FileSegment
from imagelock.stores.local import LocalStore
from imagelock.stores.oci_index import read_index
from imagelock.stores.volumes import Volumes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.model.digest import Digest
    from imagelock.stores.backend import Sink
    from imagelock.stores.catalog import Catalog

BLOCK = tarfile.BLOCKSIZE
INDEX = "index.json"
_MEMBERS = 1_000_000
_HEADER_BYTES = 64 * KIB
"""A pax header or a long name; a layout needs some 200 bytes."""
_PAX = re.compile(rb"[0-9]+ (path|size)=([^\n]*)\n")
_REGULAR = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})


class TarStore(LocalStore):
    """A read-only :class:`~imagelock.stores.local.LocalStore` over a tar file, or over the parts it was cut into.

    Raises :class:`FileError` when the file cannot be read or is not a tar, :class:`IntegrityError` when its
    structure is damaged: a header, the bytes between two members, the end, the index.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._tar = _Tar(Path(path))
        super().__init__(self._tar)

    def file(self, name: str) -> bytes | None:
        """Return a small file beside the blobs (``index.json``); None when there is none."""
        return self._tar.read(name)

    def members(self) -> Mapping[str, int]:
        """Return every file's name with its size in bytes."""
        return {name: size for name, (_, size) in self._tar.places.items()}


class _Tar:
    """The back end: the file or its parts, and the place of every member."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._file = Volumes(path)
        self.places = dict(_members(self._file, self.name))
        self._catalog = self._read_catalog()

    def create(self) -> Sink:
        """Refuse: nothing is written into a finished tar."""
        raise self._read_only()

    def remove(self, digest: Digest) -> None:  # noqa: ARG002 - the protocol's signature
        """Refuse."""
        raise self._read_only()

    def contents(self) -> Iterator[tuple[Digest, int, float]]:
        """Refuse: nothing is removed from a finished tar."""
        raise self._read_only()

    def update(self, *_: object, **__: object) -> None:
        """Refuse."""
        raise self._read_only()

    def stamp(self, digest: Digest) -> Stamp | None:
        place = self.places.get(_member(digest))
        if place is None:
            return None
        return Stamp(place[1], (place[0], *self._file.stamp))

    def open(self, digest: Digest) -> BinaryIO | None:
        place = self.places.get(_member(digest))
        return None if place is None else self._window(*place)

    def segments(self, digest: Digest) -> Iterator[FileSegment]:
        place = self.places.get(_member(digest))
        for file, offset, size in self._file.segments(*place) if place is not None else ():
            yield FileSegment(file, offset, size)

    def catalog(self) -> Catalog:
        return self._catalog

    def read(self, name: str) -> bytes | None:
        """Read a whole file, at most what an index may have."""
        place = self.places.get(name)
        if place is None or place[1] > LAYOUT_INDEX_BYTES:
            return None
        with self._window(*place) as file:
            return file.read()

    def _window(self, start: int, size: int) -> BinaryIO:
        return io.BufferedReader(_Window(self._file, start, size), PIECE_BYTES)

    def _read_catalog(self) -> Catalog:
        place = self.places.get(INDEX)
        if place is None:
            raise FileError("not an OCI image layout: no index.json in it", where=self.name)
        if place[1] > LAYOUT_INDEX_BYTES:
            raise FileError(f"an index.json longer than {LAYOUT_INDEX_BYTES} bytes", where=self.name)
        with self._window(*place) as file:
            try:
                return read_index(file.read())
            except InvalidValueError as error:
                raise IntegrityError(f"index.json: {error.message}", where=self.name) from error

    def _read_only(self) -> UsageError:
        return UsageError(
            "a tar file cannot be written to", where=self.name, hint="unpack it into a directory"
        )


class _Window(io.RawIOBase):
    """Some bytes of a file, as a file; many windows read one file at once."""

    def __init__(self, file: Volumes, start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte of the window."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what io passes
        """Read what fits."""
        count = min(len(buffer), max(self._size - self._at, 0))
        got = self._file.readinto(memoryview(buffer)[:count], self._start + self._at) if count else 0
        self._at += got
        return got


def _member(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _members(file: Volumes, where: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield each regular file's name, the offset of its bytes, and their number."""
    end, at, count, override = file.size, 0, 0, dict[bytes, bytes]()
    while True:
        block = file.read(BLOCK, at)
        if len(block) < BLOCK:
            raise _damaged(where, at, "the file ends too early") if at else _no_tar(where)
        if not any(block):
            _require_zeros(file, at, end, where)
            return
        info = _header(block, at, where)
        size = int(override.get(b"size", b"") or info.size)
        if size < 0 or at + BLOCK + size > end or count > _MEMBERS:
            raise _damaged(where, at, "the file ends in the middle of a member")
        data, at = at + BLOCK, at + BLOCK + -(-size // BLOCK) * BLOCK
        _require_zeros(file, data + size, at, where)
        if info.type in {tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME}:
            override = _overrides(file.read(min(size, _HEADER_BYTES), data), info.type)
            continue
        name = override.get(b"path", b"").decode("utf-8", "surrogateescape") or info.name
        override, count = {}, count + 1
        if info.type in _REGULAR:
            yield name.removeprefix("./"), (data, size)


def _header(block: bytes, at: int, where: str) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError, OverflowError) as error:
        raise _damaged(where, at, "a header is damaged") if at else _no_tar(where) from error


def _overrides(data: bytes, kind: bytes) -> dict[bytes, bytes]:
    if kind == tarfile.GNUTYPE_LONGNAME:
        return {b"path": data.rstrip(b"\0")}
    return {key: value for key, value in _PAX.findall(data) if key == b"path" or value.isdigit()}


def _require_zeros(file: Volumes, start: int, stop: int, where: str) -> None:
    """Refuse anything but zeros between members and at the end: no one would ever look at it."""
    while start < stop:
        piece = file.read(min(stop - start, PIECE_BYTES), start)
        if not piece or any(piece):
            raise _damaged(where, start, "bytes between two members are not zero")
        start += len(piece)


def _damaged(where: str, at: int, what: str) -> IntegrityError:
    return IntegrityError(f"the tar is damaged at byte {at}: {what}", where=where, hint="create it again")


def _no_tar(where: str) -> FileError:
    return FileError(
        "not a tar file", where=where, hint="compressed tar files cannot be read: decompress it first"
    )
