"""Protocols of a store of images, whatever holds it: a registry, an OCI layout, memory.

Every method that returns content returns *proved* content: it was hashed by us and it is what was asked
for.  What a store merely says about itself (a HEAD's digest header) is a claim and named so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from imagelock.model.digest import Digest
    from imagelock.model.manifest import Descriptor


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadResult:
    """What a store says of a manifest without showing it; None where it says nothing."""

    digest: Digest | None
    media_type: str | None
    size: int | None
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A manifest's exact bytes, hashed by us; ``host`` is who gave them."""

    body: bytes
    digest: Digest
    media_type: str
    host: str


@dataclass(frozen=True, slots=True)
class FileSegment:
    """A stretch of an open file that is sent as it is: ``size`` bytes from ``offset`` on.

    Among the pieces of a blob it stands for these bytes, which nobody here has hashed.
    """

    file: int
    offset: int
    size: int

    def __len__(self) -> int:
        return self.size


class ManifestReader(Protocol):
    """The reading of manifests: all that resolving, checking and drift need.

    ``repository`` is canonical: ``docker.io/library/nginx`` for a registry client, the path for a store
    that is a single place.  ``target`` is a tag or a digest.
    """

    def head(self, repository: str, target: str | Digest) -> HeadResult:
        """Ask without reading (HEAD): cheap, and only a claim.

        Raises :class:`~imagelock.errors.NotFoundError` only for a true 404.
        """

    def get_manifest(self, repository: str, target: str | Digest) -> Content:
        """Read a manifest or index and prove it: by digest it must hash to it, by tag our hash decides."""

    def get_blob(self, repository: str, digest: Digest, limit: int) -> bytes:
        """Read a small blob (a config) of at most ``limit`` bytes and prove it."""


class Source(ManifestReader, Protocol):
    """Something images can be copied out of."""

    def referrers(self, repository: str, subject: Digest) -> tuple[Descriptor, ...]:
        """Return the manifests that say that they refer to ``subject``; a claim until each was read."""

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob's bytes; the last piece is only yielded after size and digest were proved."""


class Target(Protocol):
    """Something images can be copied into."""

    def has_manifest(self, repository: str, digest: Digest) -> bool:
        """Whether the manifest is there already."""

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the blob is there already."""

    def resolve_tag(self, repository: str, tag: str) -> Digest | None:
        """Return what the tag points to now; None when there is no such tag."""

    def mount(self, repository: str, digest: Digest, other: str) -> bool:
        """Make a blob of the repository ``other`` visible in this one without moving it, if that can be."""

    def put_blob(self, repository: str, descriptor: Descriptor, pieces: Iterable[bytes]) -> None:
        """Store a blob; it becomes visible only when its size and digest are right.

        Pieces other than a plain iterator are iterated again when sending them fails.
        """

    def put_manifest(
        self,
        repository: str,
        content: Content,
        tag: str | None = None,
        *,
        absent: Collection[Digest] = (),
    ) -> None:
        """Store a manifest under its digest and, given one, a tag.

        ``absent`` are blobs and children left out on purpose.  Raises
        :class:`~imagelock.errors.IncompleteError` where the store refuses a manifest without them.
        """
