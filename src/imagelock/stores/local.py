"""A local store of images: one behaviour over memory or a directory.

Blobs are shared by all repositories: content is addressed by its hash, and whoever may write here may
read all of it.  Manifests belong to a repository.  Every promise of the store is kept in this class:
nothing is visible before it was hashed, no manifest is taken before what it points to is here, nothing
that something points to is deleted, and no damaged bytes are given as good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from imagelock.errors import IncompleteError, IntegrityError, NotFoundError, UsageError
from imagelock.limits import MANIFEST_BYTES, PIECE_BYTES
from imagelock.model.digest import Digest, new_hasher, same_digest
from imagelock.model.manifest import (
    ACCEPTED_TYPES,
    FOREIGN_LAYER_TYPES,
    Index,
    Manifest,
)
from imagelock.model.reference import is_tag
from imagelock.stores.backend import Part, hash_file
from imagelock.stores.base import Content, HeadResult
from imagelock.stores.catalog import is_name
from imagelock.stores.graph import Graph
from imagelock.stores.manifest_links import (
    children_of,
    contents_of,
    read_manifest,
    record_of,
    referrer_of,
)
from imagelock.stores.prune import plan_removal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from imagelock.model.manifest import Descriptor
    from imagelock.stores.backend import Backend, Stamp
    from imagelock.stores.base import FileSegment
    from imagelock.stores.catalog import Catalog, Repository
    from imagelock.stores.prune import Choice, Pruned

Permit: TypeAlias = "Callable[[Digest | None], None]"
"""Told what a tag points to now, alone among all writers; what it raises keeps the tag as it is."""


def permit_all(_standing: Digest | None) -> None:
    """Let every change happen."""


class LocalStore:
    """A Source and a Target of :mod:`imagelock.stores.base` over a back end; safe for many threads."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._good: dict[Digest, Stamp] = {}
        self._graph = Graph(backend.catalog, self._read)

    @property
    def name(self) -> str:
        """What errors call this store: its directory, or ``memory``."""
        return self._backend.name

    # Reading.

    def repositories(self) -> tuple[str, ...]:
        """Return the names of all repositories, sorted."""
        return tuple(sorted(self._backend.catalog().repositories))

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return a repository's tags, sorted; raise NotFoundError when there is no such repository."""
        found = self._backend.catalog().repositories.get(repository)
        if found is None:
            raise NotFoundError("no such repository", where=repository)
        return tuple(sorted(found.tags))

    def untagged(self, repository: str) -> tuple[Digest, ...]:
        """Return the digests of a repository's manifests that have a record and no tag, sorted."""
        return tuple(sorted(self._backend.catalog().repository(repository).untagged))

    def head(self, repository: str, target: str | Digest) -> HeadResult:
        """Return what :meth:`manifest` would give, without its body; it was proved all the same."""
        content = self.get_manifest(repository, target)
        return HeadResult(
            digest=content.digest, media_type=content.media_type, size=len(content.body), host=self.name
        )

    def get_manifest(self, repository: str, target: str | Digest) -> Content:
        """Return a manifest by tag or digest; raise IntegrityError when its bytes are damaged."""
        found = self._find(self._backend.catalog().repository(repository), repository, target)
        if found is None:
            raise NotFoundError("no such manifest", where=_where(repository, target))
        body = self._read(found.digest, MANIFEST_BYTES)
        return Content(body=body, digest=found.digest, media_type=found.media_type, host=self.name)

    def get_blob(self, repository: str, digest: Digest, limit: int) -> bytes:
        """Return a blob of at most ``limit`` bytes; raise IntegrityError when it is longer or damaged."""
        del repository  # Blobs are shared.
        return self._read(digest, limit)

    def blob_size(self, repository: str, digest: Digest, *, verified: bool = False) -> int:
        """Return a blob's size in bytes; with ``verified`` a damaged one counts as missing.

        Proving reads the blob once; it is not read again until it changes.
        """
        size = self._verified_size(digest) if verified else self._stored_size(digest)
        if size is None:
            raise NotFoundError("no such blob", where=_where(repository, digest))
        return size

    def is_only_manifest(self, repository: str, digest: Digest) -> bool:
        """Whether a digest is a manifest of the repository, and no blob of another manifest of it."""
        members = self._graph.members(repository)
        if digest not in members:
            return False
        parsed = (self._graph.parse(one) for one in members)
        return not any(
            blob.digest == digest for one in parsed if isinstance(one, Manifest) for blob in one.blobs
        )

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob in pieces; the last one only after size and digest were proved."""
        del repository  # Blobs are shared.
        digest, size, hasher, held = descriptor.digest, 0, new_hasher(descriptor.digest.algorithm), b""
        for piece in self._pieces(digest, 0, None):
            if held:
                yield held
            hasher.update(piece)
            size += len(piece)
            held = piece
        found = Digest(digest.algorithm, hasher.hexdigest())
        if size != descriptor.size or not same_digest(found, digest):
            raise self._damaged(digest)
        yield held

    def segments(self, digest: Digest) -> Iterator[FileSegment]:
        """Yield where in open files a blob's bytes are, unproved; nothing where it is not in a file."""
        return self._backend.segments(digest)

    def stream_range(self, repository: str, digest: Digest, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` up to, not including, ``stop`` of a blob that is proved first."""
        self.blob_size(repository, digest, verified=True)
        return self._pieces(digest, start, stop - start)

    def referrers(self, repository: str, subject: Digest) -> tuple[Descriptor, ...]:
        """Return the manifests of a repository whose ``subject`` is this digest, sorted by digest.

        Descriptors carry the artifact type and the annotations, as the OCI distribution specification
        ("Listing Referrers") asks.
        """
        found = []
        for digest, descriptor in self._graph.members(repository).items():
            parsed = self._graph.parse(digest)
            if parsed is not None and parsed.subject is not None and parsed.subject.digest == subject:
                found.append(referrer_of(descriptor, parsed))
        return tuple(sorted(found, key=lambda one: str(one.digest)))

    # Writing.

    def has_manifest(self, repository: str, digest: Digest) -> bool:
        """Whether the repository has the manifest, undamaged."""
        try:
            self.get_manifest(repository, digest)
        except (NotFoundError, IntegrityError):
            return False
        return True

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the blob is here, undamaged."""
        del repository  # Blobs are shared.
        return self._verified_size(digest) is not None

    def resolve_tag(self, repository: str, tag: str) -> Digest | None:
        """Return what a tag points to; None when there is no such tag."""
        return _digest_at(self._backend.catalog(), repository, tag)

    def mount(self, repository: str, digest: Digest, other: str) -> bool:
        """Whether the blob is here: all repositories share their blobs."""
        del other
        return self.has_blob(repository, digest)

    def put_blob(self, repository: str, descriptor: Descriptor, pieces: Iterable[bytes]) -> None:
        """Store a blob; it becomes visible only when its size and digest are right."""
        del repository  # Blobs are shared.
        part = self.create(descriptor.digest.algorithm)
        try:
            for piece in pieces:
                part.write(piece)
                if part.size > descriptor.size:
                    break
            if part.size != descriptor.size:
                raise IntegrityError(
                    f"expected {descriptor.size} bytes, got {part.size}", where=str(descriptor.digest)
                )
            self.commit(part, descriptor.digest)
        finally:
            part.discard()

    def create(self, algorithm: str = "sha256") -> Part:
        """Start taking a blob in by pieces; finish with :meth:`commit`, or discard the part."""
        return Part(self._backend.create(), algorithm)

    def commit(self, part: Part, digest: Digest) -> None:
        """Make a part visible as a blob; raise IntegrityError when it does not hash to ``digest``."""
        part.commit(digest)
        stamp = self._backend.stamp(digest)
        if stamp is not None:
            self._good[digest] = stamp

    def put_manifest(
        self,
        repository: str,
        content: Content,
        tag: str | None = None,
        *,
        absent: Collection[Digest] = (),
        permit: Permit = permit_all,
    ) -> None:
        """Store a manifest under its digest and, given one, a tag, if ``permit`` raises nothing.

        Raises :class:`IncompleteError` when blobs or children are missing that are not ``absent`` on
        purpose (a missing ``subject`` is allowed), :class:`IntegrityError` when the body is not a manifest
        or not of this digest.
        """
        if not is_name(repository):
            raise UsageError("not a repository name", where=repository[:255])
        if tag is not None and not is_tag(tag):
            raise UsageError(f"{tag[:80]!r} is not a tag", where=repository)
        parsed = read_manifest(content)
        # Hashing what it points to may take long, so it is done once before everyone else has to wait.
        self._require(repository, parsed, self._backend.catalog(), absent)
        part = self.create(content.digest.algorithm)
        try:
            part.write(content.body)
            self.commit(part, content.digest)
        finally:
            part.discard()
        descriptor = record_of(content, parsed)
        covered = [child.digest for child in parsed.manifests] if isinstance(parsed, Index) else []

        def record(catalog: Catalog) -> Catalog:
            if tag is not None:
                permit(_digest_at(catalog, repository, tag))
            self._require(repository, parsed, catalog, absent)
            if self._backend.stamp(content.digest) is None:
                raise NotFoundError("deleted while it was stored", where=str(content.digest))
            return catalog.put(repository, catalog.repository(repository).put(descriptor, tag, covered))

        self._backend.update(record)

    # Deleting.

    def delete_tag(self, repository: str, tag: str, *, permit: Permit = permit_all) -> None:
        """Forget a tag, if ``permit`` raises nothing; the manifest stays, by digest."""

        def forget(catalog: Catalog) -> Catalog:
            found = catalog.repository(repository)
            if tag not in found.tags:
                raise NotFoundError("no such tag", where=_where(repository, tag))
            permit(found.tags[tag].digest)
            return catalog.put(repository, found.drop_tag(tag))

        self._backend.update(forget)

    def delete_manifest(self, repository: str, digest: Digest) -> None:
        """Forget a manifest and every tag that points to it.

        Raises :class:`UsageError` while an index of the repository points to it.
        """

        def forget(catalog: Catalog) -> Catalog:
            found = catalog.repository(repository)
            members = self._graph.members(repository, catalog)
            if digest not in members:
                raise NotFoundError("no such manifest", where=_where(repository, digest))
            if digest in self._graph.pointed_to(members):
                raise UsageError("an index points to it", where=_where(repository, digest))
            parsed = self._graph.parse(digest)
            children = [members[one.digest] for one in children_of(parsed) if one.digest in members]
            return catalog.put(repository, found.drop(digest, children))

        self._backend.update(forget, lambda catalog: self._remove_unused(digest, catalog))

    def delete_blob(self, repository: str, digest: Digest) -> None:
        """Remove a blob; raise :class:`UsageError` while a manifest of any repository needs it."""

        def remove(catalog: Catalog) -> Catalog:
            if self._backend.stamp(digest) is None:
                raise NotFoundError("no such blob", where=_where(repository, digest))
            if digest in self._graph.used(catalog):
                raise UsageError("a manifest needs it", where=_where(repository, digest))
            return catalog

        self._backend.update(remove, lambda catalog: self._remove_unused(digest, catalog))

    def prune(self, decide: Choice, orphans_before: float) -> Pruned:
        """Keep of the catalog what ``decide`` leaves, and remove every blob that nothing in it needs.

        Blobs that nothing needed before either may belong to a push whose manifest is still to come: those written
        since ``orphans_before`` (seconds since 1970) stay.  Alone among all writers.
        """
        found: list[Pruned] = []

        def change(catalog: Catalog) -> Catalog:
            kept = decide(self._graph, catalog)
            found.append(plan_removal(self._backend, self._graph, catalog, kept, orphans_before))
            return kept

        def remove(_catalog: Catalog) -> None:
            for digest in found[0].blobs:
                self._backend.remove(digest)

        self._backend.update(change, remove)
        return found[0]

    def preview_prune(self, decide: Choice, orphans_before: float) -> Pruned:
        """Return what :meth:`prune` would remove now, and change nothing."""
        catalog = self._backend.catalog()
        return plan_removal(self._backend, self._graph, catalog, decide(self._graph, catalog), orphans_before)

    # Inside.

    def _remove_unused(self, digest: Digest, catalog: Catalog) -> None:
        """Remove bytes only now that no record points to them: a crash leaves too much, never too little."""
        if digest not in self._graph.used(catalog):
            self._backend.remove(digest)

    def _damaged(self, digest: Digest) -> IntegrityError:
        return IntegrityError(
            f"{digest} is damaged in {self.name}", where=str(digest), hint="store the image again"
        )

    def _stored_size(self, digest: Digest) -> int | None:
        stamp = self._backend.stamp(digest)
        return None if stamp is None else stamp.size

    def _verified_size(self, digest: Digest) -> int | None:
        stamp = self._backend.stamp(digest)
        if stamp is None or self._good.get(digest) == stamp:
            return None if stamp is None else stamp.size
        file = self._backend.open(digest)
        if file is None:
            return None
        with file:
            if not same_digest(hash_file(file, digest.algorithm), digest):
                return None
        self._good[digest] = stamp
        return stamp.size

    def _pieces(self, digest: Digest, start: int, length: int | None) -> Iterator[bytes]:
        file = self._backend.open(digest)
        if file is None:
            raise NotFoundError("no such blob", where=str(digest))
        with file:
            file.seek(start)
            left = length
            while piece := file.read(PIECE_BYTES if left is None else min(PIECE_BYTES, left)):
                yield piece
                left = None if left is None else left - len(piece)

    def _read(self, digest: Digest, limit: int) -> bytes:
        file = self._backend.open(digest)
        if file is None:
            raise NotFoundError("no such blob", where=str(digest))
        with file:
            body = file.read(limit + 1)
        if len(body) > limit:
            raise IntegrityError(f"longer than {limit} bytes", where=str(digest))
        if not digest.matches(body):
            raise self._damaged(digest)
        return body

    def _find(self, records: Repository, name: str, target: str | Digest) -> Descriptor | None:
        found = records.find(target)
        if found is None and isinstance(target, Digest):
            found = self._graph.members(name).get(target)
        return found

    def _require(
        self, repository: str, parsed: Manifest | Index, catalog: Catalog, absent: Collection[Digest]
    ) -> None:
        members = self._graph.members(repository, catalog) if isinstance(parsed, Index) else {}
        missing = []
        for one in contents_of(parsed):
            if one.media_type in FOREIGN_LAYER_TYPES or one.digest in absent:
                continue
            in_place = one.digest in members or one.media_type not in ACCEPTED_TYPES
            if not in_place or self._verified_size(one.digest) != one.size:
                missing.append(str(one.digest))
        if missing:
            raise IncompleteError(
                f"{len(missing)} of its blobs or children are not in the store",
                missing=tuple(missing),
                where=repository,
            )


def _digest_at(catalog: Catalog, repository: str, tag: str) -> Digest | None:
    found = catalog.repository(repository).tags.get(tag)
    return None if found is None else found.digest


def _where(repository: str, target: str | Digest) -> str:
    return f"{repository}@{target}" if isinstance(target, Digest) else f"{repository}:{target}"
