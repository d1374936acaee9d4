"""A store in memory, for the demo, the tests and anything temporary."""

from __future__ import annotations

import io
import itertools
import threading
from typing import TYPE_CHECKING, BinaryIO

from imagelock.stores.backend import Stamp
from imagelock.stores.catalog import Catalog
from imagelock.stores.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.model.digest import Buffer, Digest
    from imagelock.stores.base import FileSegment


class MemoryStore(LocalStore):
    """A :class:`~imagelock.stores.local.LocalStore` that ends with the process."""

    def __init__(self) -> None:
        super().__init__(_Memory())


class _Memory:
    """The back end: a dictionary of blobs and the current catalog."""

    name = "memory"

    def __init__(self) -> None:
        self.blobs: dict[Digest, tuple[bytes, Stamp]] = {}
        self._catalog = Catalog()
        self._lock = threading.Lock()
        self._counter = itertools.count()

    def create(self) -> _Sink:
        return _Sink(self)

    def stamp(self, digest: Digest) -> Stamp | None:
        found = self.blobs.get(digest)
        return None if found is None else found[1]

    def open(self, digest: Digest) -> BinaryIO | None:
        found = self.blobs.get(digest)
        return None if found is None else io.BytesIO(found[0])

    def segments(self, digest: Digest) -> Iterator[FileSegment]:
        del digest  # Memory is no file.
        return iter(())

    def keep(self, digest: Digest, data: bytes) -> None:
        self.blobs[digest] = (data, Stamp(len(data), (next(self._counter),)))

    def remove(self, digest: Digest) -> None:
        self.blobs.pop(digest, None)

    def contents(self) -> Iterator[tuple[Digest, int, float]]:
        for digest, (data, _) in list(self.blobs.items()):
            yield digest, len(data), 0.0

    def catalog(self) -> Catalog:
        return self._catalog

    def update(
        self, decide: Callable[[Catalog], Catalog], then: Callable[[Catalog], None] | None = None
    ) -> None:
        with self._lock:
            self._catalog = decide(self._catalog)
            if then is not None:
                then(self._catalog)


class _Sink:
    """Bytes on their way into memory."""

    def __init__(self, memory: _Memory) -> None:
        self._memory = memory
        self._data = bytearray()

    def append(self, piece: Buffer) -> None:
        self._data += piece

    def reread(self) -> BinaryIO:
        return io.BytesIO(self._data)

    def publish(self, digest: Digest) -> None:
        self._memory.keep(digest, bytes(self._data))

    def discard(self) -> None:
        self._data = bytearray()
