"""Sources and targets made of others: nothing at all, two sources as one, a source that keeps to a rate."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.limits import PIECE_BYTES
from imagelock.ops.copies import contents

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from imagelock.model.digest import Digest
    from imagelock.model.manifest import Descriptor
    from imagelock.stores.base import Content, HeadResult, Source

_STEPS_A_SECOND = 4
"""How often a slow copy moves on: rarely enough to cost nothing, often enough that no peer gives up."""


class Nothing:
    """A target that has nothing, so a plan for it reads every image and lists all of its content."""

    def resolve_tag(self, repository: str, tag: str) -> Digest | None:
        """Know no tag."""
        del repository, tag
        return None

    def has_manifest(self, repository: str, digest: Digest) -> bool:
        """Have none."""
        del repository, digest
        return False

    has_blob = has_manifest

    def mount(self, repository: str, digest: Digest, other: str) -> bool:
        """Do nothing."""
        del repository, digest, other
        return False

    def put_blob(self, repository: str, descriptor: Descriptor, pieces: object) -> None:
        """Refuse."""
        raise FileError("a plan writes nothing", where=f"{repository}@{descriptor.digest} {pieces}")

    def put_manifest(
        self,
        repository: str,
        content: Content,
        tag: str | None = None,
        *,
        absent: Collection[Digest] = (),
    ) -> None:
        """Refuse."""
        raise FileError("a plan writes nothing", where=f"{repository}:{tag} {content.digest} {absent}")


class Joined:
    """The images' source, and the artifact with the lock, as one source."""

    def __init__(self, packed: contents.Packed, images: Source) -> None:
        self.lock_item = packed.item
        self._packed = packed.store
        self._images = images

    def head(self, repository: str, target: str | Digest) -> HeadResult:
        """Ask the one that has the repository."""
        return self._of(repository).head(repository, target)

    def get_manifest(self, repository: str, target: str | Digest) -> Content:
        """Read from the one that has the repository."""
        return self._of(repository).get_manifest(repository, target)

    def get_blob(self, repository: str, digest: Digest, limit: int) -> bytes:
        """Read from the one that has the repository."""
        return self._of(repository).get_blob(repository, digest, limit)

    def referrers(self, repository: str, subject: Digest) -> tuple[Descriptor, ...]:
        """Ask the one that has the repository."""
        return self._of(repository).referrers(repository, subject)

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """Stream from the one that has the repository."""
        return self._of(repository).open_blob(repository, descriptor)

    def _of(self, repository: str) -> Source:
        return self._packed if repository == contents.NAME else self._images


class Pace:
    """A rate in bytes a second for all threads together; what was not used of a second is not made up for."""

    def __init__(
        self,
        rate: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.piece = max(min(PIECE_BYTES, rate // _STEPS_A_SECOND), 1)
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._free_at = clock()
        self._guard = threading.Lock()

    def take(self, count: int) -> None:
        """Wait until ``count`` more bytes may move."""
        with self._guard:
            now = self._clock()
            begin = max(self._free_at, now)
            self._free_at = begin + count / self._rate
        if begin > now:
            self._sleep(begin - now)


class Paced:
    """A source whose blobs come at a rate; manifests are small and come at once."""

    def __init__(self, source: Source, pace: Pace) -> None:
        self._source = source
        self._pace = pace

    def head(self, repository: str, target: str | Digest) -> HeadResult:
        """Ask the source."""
        return self._source.head(repository, target)

    def get_manifest(self, repository: str, target: str | Digest) -> Content:
        """Read from the source."""
        return self._source.get_manifest(repository, target)

    def get_blob(self, repository: str, digest: Digest, limit: int) -> bytes:
        """Read from the source."""
        return self._source.get_blob(repository, digest, limit)

    def referrers(self, repository: str, subject: Digest) -> tuple[Descriptor, ...]:
        """Ask the source."""
        return self._source.referrers(repository, subject)

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """Stream from the source, each piece when its time has come."""
        for whole in self._source.open_blob(repository, descriptor):
            for start in range(0, len(whole), self._pace.piece):
                piece = whole[start : start + self._pace.piece]
                self._pace.take(len(piece))
                yield piece
