"""Read one image from a store: its manifests at every level and the blobs they list."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from imagelock.errors import IntegrityError, InvalidValueError, PlatformNotFoundError
from imagelock.limits import CONFIG_BYTES
from imagelock.model.digest import Digest
from imagelock.model.manifest import (
    ACCEPTED_TYPES,
    CONFIG_TYPES,
    FOREIGN_LAYER_TYPES,
    Index,
    parse_config_platform,
)
from imagelock.ops.copies.items import Tree
from imagelock.ops.manifests import check_nesting, parse_content, read_child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.model.manifest import Descriptor, Manifest
    from imagelock.model.platform import Platform
    from imagelock.ops.copies.items import CopyOptions
    from imagelock.stores.base import Content, HeadResult, Source

_ATTESTED = "vnd.docker.reference.digest"
"""Which child an attestation belongs to, as buildkit writes it."""


class CachingSource:
    """A source that reads each manifest once, whoever asks for it how often."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = Lock()
        self._contents: dict[Digest, Content] = {}

    def head(self, repository: str, target: str | Digest) -> HeadResult:
        """Ask the source."""
        return self._source.head(repository, target)

    def get_manifest(self, repository: str, target: str | Digest) -> Content:
        """Return a manifest; by digest the bytes are the same wherever they came from."""
        known = self._contents.get(target) if isinstance(target, Digest) else None
        if known is not None:
            return known
        content = self._source.get_manifest(repository, target)
        with self._lock:
            self._contents[content.digest] = content
        return content

    def get_blob(self, repository: str, digest: Digest, limit: int) -> bytes:
        """Read a small blob."""
        return self._source.get_blob(repository, digest, limit)

    def referrers(self, repository: str, subject: Digest) -> tuple[Descriptor, ...]:
        """Ask the source."""
        return self._source.referrers(repository, subject)

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """Stream a blob."""
        return self._source.open_blob(repository, descriptor)


# Reading one image.


def read_tree(source: Source, repository: str, digest: Digest, options: CopyOptions) -> Tree:
    """Read an image's manifests, all levels, and list the blobs they point to.

    Raises :class:`IntegrityError` for a body that is not a manifest, lies about sizes, contains itself or is
    nested too deep, and :class:`PlatformNotFoundError` when no child has a wanted platform.
    """
    reading = _Reading(source, repository, options)
    reading.read(digest, None, ())
    return reading.tree()


class _Reading:
    """What was found of one image so far."""

    def __init__(self, source: Source, repository: str, options: CopyOptions) -> None:
        self._source = source
        self._repository = repository
        self._options = options
        self._manifests: dict[Digest, Content] = {}
        self._blobs: dict[Digest, Descriptor] = {}
        self._owners: dict[Digest, tuple[Digest, ...]] = {}
        self._absent: set[Digest] = set()
        self._foreign: dict[Digest, Descriptor] = {}

    def tree(self) -> Tree:
        """Return the image."""
        return Tree(
            manifests=tuple(self._manifests.values()),
            blobs=tuple(self._blobs.values()),
            owners=self._owners,
            absent=frozenset(self._absent),
            foreign=tuple(self._foreign.values()),
        )

    def read(self, digest: Digest, said: Descriptor | None, above: tuple[Digest, ...]) -> None:
        """Read one manifest and, before it is listed, everything below it."""
        check_nesting(self._repository, digest, above)
        if digest in self._manifests:
            return
        if said is None:
            content = self._source.get_manifest(self._repository, digest)
            parsed = parse_content(content, f"{self._repository}@{digest}")
        else:
            content, parsed = read_child(self._source, self._repository, said)
        if not above:
            self._require_platform(parsed)
        self._owners[digest] = tuple(self._below(parsed, (*above, digest)))
        self._manifests[digest] = content

    def _below(self, parsed: Manifest | Index, above: tuple[Digest, ...]) -> Iterator[Digest]:
        """Take in what a manifest points to; yield the blobs among it."""
        if isinstance(parsed, Index):
            for child in self._wanted(parsed):
                if child.media_type in ACCEPTED_TYPES:
                    self.read(child.digest, child, above)
                elif self._blob(child):
                    yield child.digest
        else:
            for blob in parsed.blobs:
                if self._blob(blob):
                    yield blob.digest

    def _blob(self, blob: Descriptor) -> bool:
        """Take in a blob; False when it is not to be copied."""
        if blob.media_type in FOREIGN_LAYER_TYPES and not self._options.foreign:
            self._foreign[blob.digest] = blob
            return False
        if blob.digest in self._options.elsewhere:
            self._absent.add(blob.digest)
            return False
        known = self._blobs.setdefault(blob.digest, blob)
        if known.size != blob.size:
            raise IntegrityError(
                f"two sizes for one blob: {known.size} and {blob.size} bytes",
                where=f"{self._repository}@{blob.digest}",
            )
        return True

    def _wanted(self, index: Index) -> tuple[Descriptor, ...]:
        """Return the children to copy: of the wanted platforms, with their attestations."""
        here = tuple(child for child in index.manifests if child.digest not in self._options.skipped)
        self._absent.update(child.digest for child in index.manifests if child not in here)
        if not self._options.platforms:
            return here
        images = {child.digest for child in here if self._fits(child)}
        kept = tuple(
            child
            for child in here
            if child.digest in images or _attested(child) in {str(digest) for digest in images}
        )
        if not images:
            wanted = ", ".join(map(str, self._options.platforms))
            raise PlatformNotFoundError(f"the image has no {wanted}", where=self._repository)
        self._absent.update(child.digest for child in index.manifests if child not in kept)
        return kept

    def _fits(self, child: Descriptor) -> bool:
        platform = child.platform or self._platform_inside(child)
        return platform is None or self._is_wanted(platform)

    def _is_wanted(self, platform: Platform) -> bool:
        return any(platform.satisfies(wanted) for wanted in self._options.platforms)

    def _require_platform(self, parsed: Manifest | Index) -> None:
        """Refuse an image of one platform that is not a wanted one: its config says which it is."""
        if not self._options.platforms or isinstance(parsed, Index):
            return
        platform = self._platform_of(parsed)
        if platform is not None and not self._is_wanted(platform):
            wanted = ", ".join(map(str, self._options.platforms))
            raise PlatformNotFoundError(
                f"the image is for {platform} alone, not for {wanted}", where=self._repository
            )

    def _platform_inside(self, child: Descriptor) -> Platform | None:
        """Return the platform of a child whose index does not say it; None for what is not an image."""
        if not child.is_manifest:
            return None
        _, parsed = read_child(self._source, self._repository, child)
        return None if isinstance(parsed, Index) else self._platform_of(parsed)

    def _platform_of(self, image: Manifest) -> Platform | None:
        """Read an image's platform from its config; None for an artifact, which has none."""
        if image.config.media_type not in CONFIG_TYPES:
            return None
        body = self._source.get_blob(self._repository, image.config.digest, CONFIG_BYTES)
        try:
            return parse_config_platform(body)
        except InvalidValueError:
            return None  # Signatures have an image's config without a platform.


def _attested(child: Descriptor) -> str | None:
    return dict(child.annotations).get(_ATTESTED)
