"""Read layers as streams: decompress them and cut them into entries, writing nothing and trusting no size.

Follows POSIX.1-2017 pax and GNU tar as layers have them, and RFC 1952 and 8878 for what they are packed in.
Python's tarfile is not used: it reads a pax header of any size into memory, and raises what it likes.
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from imagelock import limits
from imagelock.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from backports.zstd import ZstdDecompressor

FILE, LINK, HARD_LINK, FOLDER, OTHER = "file", "link", "hard link", "folder", "other"

_BLOCK = 512
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_KINDS = {b"0": FILE, b"\0": FILE, b"7": FILE, b"1": HARD_LINK, b"2": LINK, b"5": FOLDER}
_EXTENSIONS = (b"x", b"g", b"L", b"K")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its path in the image without a leading slash, its kind, where a link leads."""

    path: str
    kind: str
    target: str
    size: int


class _Decoder(Protocol):
    def decode(self, data: bytes) -> Iterator[bytes]: ...


def decompressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what gzip, zstd or plain pieces hold, in bounded pieces; told apart by their first bytes.

    Every piece given is taken, so that a stream that proves its digest at the end is proved.
    Raises :class:`IntegrityError` for what is damaged or larger than any layer.
    """
    decoder: _Decoder | None = None
    head, total = b"", 0
    for piece in pieces:
        data = piece
        if decoder is None:
            head += piece
            if len(head) < len(_ZSTD):
                continue
            decoder, data = _decoder(head), head
        for part in decoder.decode(data):
            total += len(part)
            if total > limits.LAYER_BYTES:
                raise IntegrityError(f"a layer of more than {limits.LAYER_BYTES} bytes, decompressed")
            yield part
    if decoder is None and head:
        yield head


def _decoder(head: bytes) -> _Decoder:
    if head.startswith(_GZIP):
        return _Gzip()
    return _Zstd() if head.startswith(_ZSTD) else _Plain()


class _Plain:
    def decode(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Gzip:
    """One or more gzip members, one after another."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def decode(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                part = self._member.decompress(data, limits.PIECE_BYTES)
                if part:
                    yield part
                data = self._member.unconsumed_tail
                if self._member.eof:
                    data = self._member.unused_data.lstrip(b"\0")
                    self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        except zlib.error as error:
            raise IntegrityError(f"a layer that is not gzip: {error}") from error


class _Zstd:
    """One or more zstd frames, one after another; windows are bounded, and so is each part."""

    def __init__(self) -> None:
        self._zstd = zstd_module()
        self._frame = self._new_frame()

    def _new_frame(self) -> ZstdDecompressor:
        # The decompressor takes the power of two.
        window = limits.ZSTD_WINDOW_BYTES.bit_length() - 1
        options = {self._zstd.DecompressionParameter.window_log_max: window}
        frame: ZstdDecompressor = self._zstd.ZstdDecompressor(options=options)
        return frame

    def decode(self, data: bytes) -> Iterator[bytes]:
        try:
            while data or not self._frame.needs_input:
                part = self._frame.decompress(data, limits.PIECE_BYTES)
                if part:
                    yield part
                data = b""
                if self._frame.eof:
                    data = self._frame.unused_data
                    self._frame = self._new_frame()
        except self._zstd.ZstdError as error:
            raise IntegrityError(f"a layer that is not zstd: {error}") from error


def zstd_module() -> ModuleType:
    """Return what reads zstd: the standard library from Python 3.14 on, its backport before."""
    # Imported here because most layers are gzip.
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415
    else:
        from backports import zstd  # noqa: PLC0415
    return zstd


class TarStream:
    """Entries out of pieces: iterate, and call :meth:`content` for a file that is wanted."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = bytearray()
        self._left = 0

    def __iter__(self) -> Iterator[Entry]:
        extended: dict[str, str] = {}
        count = 0
        while True:
            self._skip(self._left)
            self._left = 0
            block = self._take(_BLOCK)
            if not block.strip(b"\0"):
                break
            if len(block) < _BLOCK:
                raise IntegrityError("a layer that is not a tar, or ends in the middle of an entry")
            count += 1
            if count > limits.LAYER_ENTRIES:
                raise IntegrityError(f"a layer of more than {limits.LAYER_ENTRIES} entries")
            size, kind = _header(block)
            if kind in _EXTENSIONS:
                extended.update(self._extension(kind, size))
                continue
            size = _size(extended.get("size"), size)
            size = size if kind in (b"0", b"\0", b"7", b"S") else 0
            self._left = size + -size % _BLOCK
            yield Entry(
                path=_clean(extended.get("path") or _path(block)),
                kind=_KINDS.get(kind, OTHER),
                target=extended.get("linkpath") or _text(block[157:257]),
                size=size,
            )
            extended = {}
        # To the end, so that the digest of what was read is proved.
        for _ in self._pieces:
            pass

    def content(self, entry: Entry, limit: int) -> bytes:
        """Return the file that was just yielded; raise :class:`IntegrityError` above ``limit`` bytes."""
        if entry.size > limit:
            raise IntegrityError(f"{entry.path} has more than {limit} bytes")
        data = self._take(entry.size)
        self._left -= entry.size
        if len(data) != entry.size:
            raise IntegrityError("a layer that ends in the middle of a file")
        return data

    def _extension(self, kind: bytes, size: int) -> dict[str, str]:
        """Read a header that says more of the next entry; never more than is sensible."""
        if size > limits.TAR_HEADER_BYTES:
            raise IntegrityError(f"a tar header of {size} bytes")
        data = self._take(size)
        self._skip(-size % _BLOCK)
        if kind == b"g":
            return {}
        if kind == b"x":
            return _pax(data)
        return {"path" if kind == b"L" else "linkpath": _text(data)}

    def _take(self, count: int) -> bytes:
        while len(self._held) < count:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._held += piece
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def _skip(self, count: int) -> None:
        count -= (here := min(count, len(self._held)))
        del self._held[:here]
        while count > 0:
            piece = next(self._pieces, None)
            if piece is None:
                raise IntegrityError("a layer that ends in the middle of a file")
            self._held += piece[count:]
            count -= min(count, len(piece))


def _header(block: bytes) -> tuple[int, bytes]:
    """Return the size and kind of an entry whose checksum is right."""
    signed = sum(block[:148]) + 8 * 32 + sum(block[156:])
    if _number(block[148:156]) != signed:
        raise IntegrityError("a layer that is not a tar: the checksum of an entry is wrong")
    return _number(block[124:136]), block[156:157]


def _number(field: bytes) -> int:
    if field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    else:
        text = field.split(b"\0", 1)[0].strip() or b"0"
        try:
            value = int(text, 8)
        except ValueError as error:
            raise IntegrityError("a layer that is not a tar: a number is invalid") from error
    if value > limits.LAYER_BYTES:
        raise IntegrityError("an entry larger than a layer can be")
    return value


def _size(text: str | None, size: int) -> int:
    if text is None:
        return size
    if not text.isascii() or not text.isdecimal() or len(text) > 18 or int(text) > limits.LAYER_BYTES:
        raise IntegrityError("a layer that is not a tar: a size is invalid")
    return int(text)


def _path(block: bytes) -> str:
    name = _text(block[:100])
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _pax(data: bytes) -> dict[str, str]:
    """Read ``<length> <key>=<value>`` records."""
    records: dict[str, str] = {}
    while data:
        length, blank, _ = data.partition(b" ")
        if (
            not blank
            or not length.isdigit()
            or len(length) > 7
            or not len(length) + 2 < int(length) <= len(data)
        ):
            raise IntegrityError("a layer that is not a tar: a pax record is invalid")
        key, _, value = data[len(length) + 1 : int(length) - 1].partition(b"=")
        records[_text(key)] = value.decode("utf-8", "surrogateescape")
        data = data[int(length) :]
    return {key: value for key, value in records.items() if key in ("path", "linkpath", "size")}


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _clean(path: str) -> str:
    """Return a path without leading slash, dots and doubled slashes; none of it is ever written."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
