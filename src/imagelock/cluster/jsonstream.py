"""Read one JSON document after the other from a stream, and the items of a list one by one.

A list of ten thousand pods is never in memory: the text is cut where braces balance, and each piece is
handed on undecoded.  Only the cutting is done here; that a piece is sound JSON shows when it is decoded.

Counting braces is the slow part, so it is done for the first items only.  What is between them (the
same spaces, the same first key) is then searched for, and the piece before it is taken when it is a whole
object by itself: no text has two beginnings that are one JSON object, so a wrong place is never taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from imagelock.errors import FormatError
from imagelock.limits import CLUSTER_OBJECT_BYTES, MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE = re.compile(rb"[ \t\r\n]*+")
_STRING = rb'"(?:[^"\\]++|\\.)*"'
_NEXT = re.compile(
    rb'[^"{}\[\]]*+(?:' + _STRING + rb'[^"{}\[\]]*+)*(?P<mark>[{}\[\]])',
    re.DOTALL,
)
"""From outside of any string to the next brace or bracket; strings are jumped over whole."""
_MEMBER = re.compile(
    rb"[ \t\r\n,]*+(?:\}|(?P<key>" + _STRING + rb")[ \t\r\n]*+:[ \t\r\n]*+(?=[^ \t\r\n]))", re.DOTALL
)
_SCALAR = re.compile(rb"(?:" + _STRING + rb'|[^"{}\[\],]++)(?=[ \t\r\n]*+[,}])', re.DOTALL)


_OPENING = re.compile(rb'\{[ \t\r\n]*+"[^"\\]{1,64}+"', re.DOTALL)
_TRIES = 16
"""Places that look like the end of an item and are none, before braces are counted after all."""


class _Whole(msgspec.Struct):
    """Any JSON object: decoding it reads every character and keeps none."""


_whole = msgspec.json.Decoder(_Whole)


class BinaryReader(Protocol):
    """The part of a binary stream that is used."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class JSONItem:
    """One object; ``of`` is the kind of the list it is an item of, if that came before it."""

    data: bytes
    of: str | None = None


class JsonStream:
    """Reads documents; ``members`` are those of the last list that are not items (``metadata``)."""

    def __init__(self, stream: BinaryReader) -> None:
        self._stream = stream
        self._buffer = b""
        self._keep = 0  # the first byte that is still needed
        self._at = 0
        self._between = b""
        self.members: dict[str, bytes] = {}
        self.is_partial = False
        """Whether a list so far said that it continues on another page."""

    def pieces(self) -> Iterator[JSONItem]:
        """Yield every object of every document; raise :class:`FormatError` where the text breaks."""
        while self._skip_space():
            if self._byte() != b"{":
                raise FormatError("neither a JSON object nor a list of them")
            yield from self._document()

    def _document(self) -> Iterator[JSONItem]:
        """Yield a list's items, or the one object that the document is."""
        self.members = {}
        self._keep = self._at
        self._at += 1
        is_list = False
        while (key := self._key()) is not None:
            if key == b'"items"' and self._byte() == b"[":
                is_list = True
                yield from self._items()
            else:
                start = self._at - self._keep
                self._skip_value()
                if key in (b'"kind"', b'"metadata"'):
                    self.members[key.decode().strip('"')] = self._buffer[self._keep + start : self._at]
            if is_list:
                self._keep = self._at
        if is_list:
            self.is_partial |= is_page(_metadata(self.members.get("metadata", b"")))
        else:
            yield JSONItem(self._buffer[self._keep : self._at])
        self._keep = self._at

    def _items(self) -> Iterator[JSONItem]:
        of = self._kind_of_items()
        self._at += 1
        self._between = b""
        while True:
            self._keep = self._at
            self._skip_space()
            byte = self._byte()
            if byte == b"{":
                space = self._buffer[self._keep : self._at]
                self._keep = self._at
                if not self._jump():
                    self._learn(space)
                    self._skip_value()
                yield JSONItem(self._buffer[self._keep : self._at], of)
                continue
            self._at += 1
            if byte == b"]":
                return
            if byte != b",":
                raise FormatError("an item of the list is not an object")

    def _learn(self, space: bytes) -> None:
        """Remember how this item begins: the next one will do the same."""
        opening = _OPENING.match(self._buffer, self._at)
        self._between = b"}," + space + opening[0] if opening else b""

    def _jump(self) -> bool:
        """Move behind the item that begins here if its end is easily found; return whether it was."""
        end = self._at
        for _ in range(_TRIES if self._between else 0):
            end = self._buffer.find(self._between, end) + 1
            if end == 0:
                return False
            try:
                _whole.decode(memoryview(self._buffer)[self._at : end])
            except (msgspec.DecodeError, RecursionError):
                continue
            self._at = end
            return True
        return False

    def _kind_of_items(self) -> str | None:
        """``PodList`` tells what its items are; kubectl's plain ``List`` leaves that to the items."""
        kind = self.members.get("kind", b"").strip(b'"').decode("ascii", "replace")
        return kind.removesuffix("List") or None

    def _key(self) -> bytes | None:
        """Move to the next member's value and return its key; None behind the object's end."""
        found = self._match(_MEMBER)
        self._at = found.end()
        return found["key"]

    def _skip_value(self) -> None:
        """Move behind the value that begins here."""
        if self._byte() not in (b"{", b"["):
            self._at = self._match(_SCALAR).end()
            return
        depth = 0
        while True:
            found = self._match(_NEXT)
            self._at = found.end()
            depth += 1 if found["mark"] in (b"{", b"[") else -1
            if depth == 0:
                return

    def _skip_space(self) -> bool:
        """Move to the next character; return whether there is one."""
        while True:
            found = _SPACE.match(self._buffer, self._at)
            if found is not None:
                self._at = found.end()
            if self._at < len(self._buffer):
                return True
            if not self._fill():
                return False

    def _byte(self) -> bytes:
        if self._at >= len(self._buffer) and not self._fill():
            raise _cut_short()
        return self._buffer[self._at : self._at + 1]

    def _match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Match here, with as much more of the text as that takes."""
        while (found := pattern.match(self._buffer, self._at)) is None:
            if not self._fill():
                raise _cut_short()
        return found

    def _fill(self) -> bool:
        """Read more, forgetting what is done with; return whether there was any."""
        more = self._stream.read(MIB)
        if not more:
            return False
        self._buffer = self._buffer[self._keep :] + more
        self._at -= self._keep
        self._keep = 0
        if len(self._buffer) > CLUSTER_OBJECT_BYTES + 2 * MIB:
            raise FormatError(f"one object is larger than {CLUSTER_OBJECT_BYTES // MIB} MiB")
        return True


def is_page(metadata: object) -> bool:
    """Whether a list's metadata says that it continues on another page (a token of the API's chunked lists)."""
    return isinstance(metadata, dict) and bool(metadata.get("continue") or metadata.get("remainingItemCount"))


def _metadata(data: bytes) -> object:
    try:
        return msgspec.json.decode(data) if data else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise FormatError(f"the metadata of a list cannot be read: {error}") from error


def _cut_short() -> FormatError:
    return FormatError(
        "ends in the middle of an object",
        hint="create the dump again, and check the exit code of the command that writes it",
    )
