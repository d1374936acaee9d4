"""Pack what was found in a file into plain tuples, and keep what a large file holds in little memory.

Almost all places are alike: a reference written in one piece, in one slot; of these only what differs is kept,
and anything else as it is.  A place takes 2 kB as a value and some 70 bytes packed and compressed.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from imagelock.model.place import Place, Skipped, Slot, Span
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagelock.model.place import Found

_MANY = 512
"""Items of one file from which on they are kept packed: unpacking takes some 3 µs an item and pass."""
_BATCH = 1024


class PackedFound(Sequence["Found"]):
    """Everything one file holds, unpacked while it is gone through; equal items are no longer the same object."""

    __slots__ = ("_batches", "_length")

    def __init__(self, items: Sequence[Found]) -> None:
        self._length = len(items)
        starts = range(0, len(items), _BATCH)
        self._batches = [_squeezed(items[start : start + _BATCH]) for start in starts]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Found]:
        for batch in self._batches:
            yield from map(unpack_found, _stretched(batch))

    @overload
    def __getitem__(self, index: int) -> Found: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Found]: ...
    def __getitem__(self, index: int | slice) -> Found | Sequence[Found]:
        if isinstance(index, slice):
            return tuple(self)[index]
        number, at = divmod(range(self._length)[index], _BATCH)
        return unpack_found(_stretched(self._batches[number])[at])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


class PlacesOf(Sequence[Place]):
    """The places among what a large file holds, made while they are gone through."""

    __slots__ = ("_found", "_length")

    def __init__(self, found: PackedFound) -> None:
        self._found = found
        self._length: int | None = None

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(1 for _ in self)
        return self._length

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None

    def __iter__(self) -> Iterator[Place]:
        return (item for item in self._found if isinstance(item, Place))

    @overload
    def __getitem__(self, index: int) -> Place: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Place]: ...
    def __getitem__(self, index: int | slice) -> Place | Sequence[Place]:
        return tuple(self)[index]


def kept(items: Iterable[Found]) -> Sequence[Found]:
    """Return what was found in one file as it is kept: few items as they are, many packed."""
    found = items if isinstance(items, (list, tuple)) else tuple(items)
    return tuple(found) if len(found) < _MANY else PackedFound(found)


def pack_found(item: Found) -> Any:
    """Return an item as a tuple, or itself where a tuple would not say all of it."""
    if type(item) is Skipped:
        return (item.text, item.line, item.column, item.reason, item.format, item.kind)
    if type(item) is Place and _is_simple(item):
        slot = item.slots[0]
        return (slot.text, item.line, item.column, item.document, item.path, item.format, slot.span.at)
    return item


def unpack_found(item: Any) -> Found:
    """Return the item again."""
    if type(item) is not tuple:
        found: Found = item
        return found
    if len(item) == 6:
        text, line, column, reason, format_name, kind = item
        return Skipped(text=text, line=line, column=column, reason=reason, format=format_name, kind=kind)
    text, line, column, document, path, format_name, at = item
    return Place(
        reference=Reference.parse(text),
        slots=(Slot(span=Span.plain(at, at + len(text)), text=text),),
        line=line,
        column=column,
        document=document,
        path=path,
        format=format_name,
    )


def _is_simple(place: Place) -> bool:
    """Whether a place is what its slot's text and where that begins say, and nothing else."""
    if len(place.slots) != 1 or place.recorded or place.build is not None or place.refusal is not None:
        return False
    slot = place.slots[0]
    span = slot.span
    return (
        place.tag_is_known
        and place.insertion is None
        and slot.part == "reference"
        and isinstance(span.starts, range)
        and span == Span.plain(span.at, span.at + len(slot.text))
        and slot.text == str(place.reference)
    )


def _squeezed(items: Sequence[Found]) -> bytes:
    return zlib.compress(pickle.dumps([pack_found(item) for item in items], pickle.HIGHEST_PROTOCOL), 1)


def _stretched(batch: bytes) -> list[Any]:
    items: list[Any] = pickle.loads(zlib.decompress(batch))  # noqa: S301 - bytes of our own, never out of this process and its children
    return items
