"""Resolve tags to digests with a pool of threads; every query ends as resolved or failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from imagelock.errors import IntegrityError, InvalidValueError, RegistryError
from imagelock.limits import CONFIG_BYTES, INDEX_CHILDREN
from imagelock.model.lock import LockedImage, PlatformImage
from imagelock.model.manifest import CONFIG_TYPES, Index, Manifest, parse_config_platform
from imagelock.ops.manifests import check_nesting, parse_content, read_child
from imagelock.ops.parallel import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.model.digest import Digest
    from imagelock.model.manifest import Descriptor
    from imagelock.model.platform import Platform
    from imagelock.ops.parallel import Progress
    from imagelock.stores.base import ManifestReader


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """One thing to resolve: a name with a tag, with a digest to prove, or with both.

    With both, the digest is read and the tag is only recorded.
    """

    name: str
    tag: str | None
    digest: Digest | None

    @property
    def shown(self) -> str:
        """The query as a reference."""
        tag = "" if self.tag is None else f":{self.tag}"
        return f"{self.name}{tag}" + ("" if self.digest is None else f"@{self.digest}")

    def __str__(self) -> str:
        return self.shown


@dataclass(frozen=True, slots=True)
class ResolutionFailure:
    """A query that failed, and why."""

    error: RegistryError


Resolved: TypeAlias = LockedImage | ResolutionFailure


@dataclass(frozen=True, slots=True)
class ResolveOptions:
    """How much to read of each image: configs of these platforms, or of all with ``full``."""

    platforms: tuple[Platform, ...] = ()
    full: bool = False

    def is_incomplete(self, image: LockedImage) -> bool:
        """Whether an entry of the lock does not know all that is asked for."""
        if image.media_type is None:
            return True
        return any(part.config is None and self.needs_config(part.platform) for part in image.platforms)

    def needs_config(self, platform: Platform) -> bool:
        """Whether the config digest of this platform should be known."""
        return self.full or any(platform.satisfies(wanted) for wanted in self.platforms)


def resolve_all(
    reader: ManifestReader,
    queries: Sequence[ImageQuery],
    options: ResolveOptions,
    *,
    jobs: int,
    progress: Progress | None = None,
) -> dict[ImageQuery, Resolved]:
    """Resolve many queries; each ends as an entry or a failure."""

    def resolve_one(query: ImageQuery) -> Resolved:
        try:
            return resolve(reader, query, options)
        except RegistryError as error:
            return ResolutionFailure(error)

    hosts = len({query.name.partition("/")[0] for query in queries})
    results = map_concurrently(queries, resolve_one, jobs=jobs, hosts=hosts, progress=progress)
    return dict(zip(queries, results, strict=True))


def resolve(reader: ManifestReader, query: ImageQuery, options: ResolveOptions) -> LockedImage:
    """Read the image of a query and describe it as an entry of the lock.

    One GET for an index, one more (its config) for a single image; children only as ``options`` asks.
    """
    content = reader.get_manifest(query.name, query.digest or query.tag or "latest")
    parsed = parse_content(content, query.shown)
    platforms: tuple[PlatformImage, ...] = ()
    if isinstance(parsed, Index):
        platforms = tuple(_children(reader, query.name, parsed, options, (content.digest,)))
    elif parsed.config.media_type in CONFIG_TYPES:
        platforms = (_single(reader, query.name, parsed, content.digest),)
    answered_elsewhere = content.host != query.name.partition("/")[0]
    return LockedImage(
        name=query.name,
        tag=query.tag,
        digest=content.digest,
        media_type=parsed.media_type,
        size=len(content.body),
        platforms=tuple(sorted(platforms, key=lambda part: (part.platform, str(part.digest)))),
        resolved_from=content.host if answered_elsewhere and query.digest is None else None,
    )


def _children(
    reader: ManifestReader, name: str, index: Index, options: ResolveOptions, above: tuple[Digest, ...]
) -> Iterator[PlatformImage]:
    """Yield the platforms of an index, nested ones included; a cycle or too deep a nesting is refused."""
    seen = 0
    for child in index.manifests:
        if child.is_index:
            check_nesting(name, child.digest, above)
            _, inner = read_child(reader, name, child)
            if not isinstance(inner, Index):
                raise IntegrityError(
                    "not an index, although the parent index says so", where=f"{name}@{child.digest}"
                )
            yield from _children(reader, name, inner, options, (*above, child.digest))
        elif child.platform is not None and not child.platform.is_unknown:
            seen += 1
            if seen > INDEX_CHILDREN:
                raise IntegrityError(f"more than {INDEX_CHILDREN} platforms", where=name)
            yield _child(reader, name, child, child.platform, options)


def _child(
    reader: ManifestReader, name: str, child: Descriptor, platform: Platform, options: ResolveOptions
) -> PlatformImage:
    if not options.needs_config(platform) or not child.is_manifest:
        return PlatformImage(platform=platform, digest=child.digest)
    _, manifest = read_child(reader, name, child)
    if not isinstance(manifest, Manifest):
        raise IntegrityError("not a manifest, although the index says so", where=f"{name}@{child.digest}")
    return PlatformImage(
        platform=platform,
        digest=child.digest,
        config=manifest.config.digest,
        size=manifest.download_size,
    )


def _single(reader: ManifestReader, name: str, manifest: Manifest, digest: Digest) -> PlatformImage:
    body = reader.get_blob(name, manifest.config.digest, CONFIG_BYTES)
    try:
        platform = parse_config_platform(body)
    except InvalidValueError as error:
        raise IntegrityError(
            f"the image's config: {error.message}", where=f"{name}@{manifest.config.digest}"
        ) from error
    return PlatformImage(
        platform=platform, digest=digest, config=manifest.config.digest, size=manifest.download_size
    )
