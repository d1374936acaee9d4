"""Send blobs from files straight to a registry that proves them itself, without a byte of them passing by here.

Why that is safe: docs/adr/0013-straight-from-the-file.md.  A registry is believed to prove what it takes only after it has
refused wrong bytes; any other one gets what was hashed here on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from imagelock.errors import AccessDeniedError, IntegrityError, RegistryError, WriteRefusedError
from imagelock.limits import MIB
from imagelock.stores.base import FileSegment

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator

    from imagelock.model.digest import Digest
    from imagelock.model.manifest import Descriptor
    from imagelock.ops.copies.sources import Pace
    from imagelock.ops.parallel import Progress

LEAST_BYTES = 256 * 1024
"""Smaller blobs cost a request and no time: they are hashed here as ever."""
_STEP_BYTES = 4 * MIB
"""What is handed to the system at once; between two steps an interrupt is noticed."""


class FileStore(Protocol):
    """A store whose blobs are in files."""

    def segments(self, digest: Digest) -> Iterator[FileSegment]:
        """Yield where in open files a blob's bytes are."""


class ProvingRegistry(Protocol):
    """A registry that takes files, and that can be asked whether it refuses wrong bytes."""

    def proves_blobs(self, repository: str) -> bool:
        """Whether the host of the repository was seen to refuse bytes of another digest."""

    def put_file(self, repository: str, descriptor: Descriptor, pieces: Iterable[FileSegment]) -> None:
        """Push a blob whose bytes nobody here has hashed."""


class Straight:
    """Decides which blobs go straight from the file; ``pace`` keeps them to a rate."""

    def __init__(self, store: FileStore, registry: ProvingRegistry, pace: Pace | None = None) -> None:
        self._store = store
        self._registry = registry
        self._pace = pace

    def send(
        self, blob: Descriptor, target: str, stop: threading.Event, progress: Progress | None = None
    ) -> bool:
        """Send a blob from its file; False when it must be hashed on the way.

        That is a small blob, one that is not whole in its file, any for a registry that does not prove, and one that
        was refused: hashing it tells whether the file is damaged.
        """
        if blob.size < LEAST_BYTES:
            return False
        if sum(one.size for one in self._store.segments(blob.digest)) != blob.size:
            return False
        try:
            if not self._registry.proves_blobs(target):
                return False
            pieces = _FilePieces(self._store, blob.digest, self._pace, stop, progress)
            self._registry.put_file(target, blob, pieces)
        except (AccessDeniedError, IntegrityError, WriteRefusedError):
            return False
        return True


class _FilePieces:
    """A blob's bytes as stretches of its file, from the beginning on each iteration."""

    def __init__(
        self,
        store: FileStore,
        digest: Digest,
        pace: Pace | None,
        stop: threading.Event,
        progress: Progress | None,
    ) -> None:
        self._store = store
        self._digest = digest
        self._pace = pace
        self._stop = stop
        self._progress = progress

    def __iter__(self) -> Iterator[FileSegment]:
        position = 0
        step = _STEP_BYTES if self._pace is None else self._pace.piece
        for one in self._store.segments(self._digest):
            for start in range(0, one.size, step):
                if self._stop.is_set():
                    raise RegistryError("interrupted")
                size = min(step, one.size - start)
                if self._pace is not None:
                    self._pace.take(size)
                yield FileSegment(one.file, one.offset + start, size)
                position += size
                if self._progress is not None:
                    self._progress.reach(position)
