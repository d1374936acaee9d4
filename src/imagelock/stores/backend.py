"""Back ends of a local store: the little that memory and a directory do differently.

:class:`~imagelock.stores.local.LocalStore` is everything above it, written once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from imagelock.errors import IntegrityError
from imagelock.limits import PIECE_BYTES
from imagelock.model.digest import Digest, new_hasher, same_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.model.digest import Buffer
    from imagelock.stores.base import FileSegment
    from imagelock.stores.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Stamp:
    """How stored bytes looked when they were hashed; other stamps mean: hash them again."""

    size: int
    identity: tuple[int, ...]


class Sink(Protocol):
    """Where a part's bytes go; the only half of writing that back ends do differently."""

    def append(self, piece: Buffer) -> None:
        """Take more bytes."""

    def reread(self) -> BinaryIO:
        """Open what was taken so far."""

    def publish(self, digest: Digest) -> None:
        """Make it visible under its digest, durably."""

    def discard(self) -> None:
        """Forget it; nothing happens when it is published or forgotten already."""


class Part:
    """Content on its way in: hashed while it is written, invisible until :meth:`commit`."""

    def __init__(self, sink: Sink, algorithm: str = "sha256") -> None:
        self.size = 0
        self._sink = sink
        self._algorithm = algorithm
        self._hasher = new_hasher(algorithm)

    def write(self, piece: Buffer) -> None:
        """Append bytes."""
        self._sink.append(piece)
        self._hasher.update(piece)
        self.size += len(piece)

    def commit(self, digest: Digest) -> None:
        """Make the content visible under ``digest``.

        Raises :class:`IntegrityError`, and throws the content away, when it does not hash to it.
        """
        try:
            found = self._hash(digest.algorithm)
            if not same_digest(found, digest):
                raise IntegrityError(f"expected {digest}, got {found}", where=str(digest))
            self._sink.publish(digest)
        finally:
            self._sink.discard()

    def discard(self) -> None:
        """Throw the content away; nothing happens when it was committed or thrown away before."""
        self._sink.discard()

    def _hash(self, algorithm: str) -> Digest:
        if algorithm == self._algorithm:
            return Digest(algorithm, self._hasher.hexdigest())
        with self._sink.reread() as file:
            return hash_file(file, algorithm)


class Backend(Protocol):
    """A place for blobs by digest and for one catalog."""

    @property
    def name(self) -> str:
        """What errors call this place."""

    def create(self) -> Sink:
        """Start taking content in."""

    def stamp(self, digest: Digest) -> Stamp | None:
        """Return the stamp of stored bytes, None when there are none."""

    def open(self, digest: Digest) -> BinaryIO | None:
        """Open stored bytes, which may be damaged, for reading."""

    def segments(self, digest: Digest) -> Iterator[FileSegment]:
        """Yield where in open files stored bytes are, in order, as long as they are held open; or nothing."""

    def remove(self, digest: Digest) -> None:
        """Remove stored bytes."""

    def contents(self) -> Iterator[tuple[Digest, int, float]]:
        """Yield all that is stored: digest, size in bytes, and when it was written (seconds since 1970)."""

    def catalog(self) -> Catalog:
        """Return the current snapshot."""

    def update(
        self, decide: Callable[[Catalog], Catalog], then: Callable[[Catalog], None] | None = None
    ) -> None:
        """Replace the catalog by what ``decide`` makes of the current one, alone among all writers.

        What ``decide`` raises comes out, and nothing changes.  ``then`` is called with what is recorded
        now, still alone: whatever destroys content waits until nothing recorded can point to it.
        """


def hash_file(file: BinaryIO, algorithm: str) -> Digest:
    """Hash what is left of a file, in pieces."""
    hasher = new_hasher(algorithm)
    while piece := file.read(PIECE_BYTES):
        hasher.update(piece)
    return Digest(algorithm, hasher.hexdigest())
