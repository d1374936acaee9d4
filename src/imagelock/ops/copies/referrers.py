"""Find what belongs to an image without being part of it: signatures, attestations, SBOMs.

The referrers of the OCI distribution specification 1.1 (the API, or its tag fallback), and the tags that
cosign writes beside an image.  What refers to a referrer (a signature on an SBOM) is found too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError, NotFoundError, RegistryError
from imagelock.limits import INDEX_DEPTH
from imagelock.model.manifest import ACCEPTED_TYPES, Index, parse_manifest
from imagelock.ops.copies.items import CopyItem, CopyStatus, Result
from imagelock.ops.parallel import map_concurrently
from imagelock.stores.manifest_links import artifact_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.model.digest import Digest
    from imagelock.ops.copies.items import CopyOptions
    from imagelock.stores.base import Content, Source

_COSIGN = ("sig", "att", "sbom")
"""The endings of the tags that cosign writes: ``sha256-<hex>.sig``."""


def find_referrers(
    source: Source, items: Sequence[CopyItem], options: CopyOptions, *, jobs: int
) -> tuple[tuple[CopyItem, ...], tuple[Result, ...]]:
    """Return what refers to the items, as items of its own, and a result for each that could not be told."""

    def one(item: CopyItem) -> list[CopyItem] | Result:
        try:
            return list(_Search(source, item, options).run())
        except RegistryError as error:
            lost = CopyItem(
                reference=f"referrers of {item.reference}",
                source=item.source,
                target=item.target,
                digest=item.digest,
                tag=None,
                subject=item.digest,
            )
            return Result(item=lost, verdict=CopyStatus.UNKNOWN, error=error)

    found = map_concurrently(items, one, jobs=jobs, hosts=1, progress=None)
    listed = [item for each in found if not isinstance(each, Result) for item in each]
    return tuple(dict.fromkeys(listed)), tuple(each for each in found if isinstance(each, Result))


class _Search:
    """One image and everything that refers to it."""

    def __init__(self, source: Source, item: CopyItem, options: CopyOptions) -> None:
        self._source = source
        self._item = item
        self._options = options
        self._seen: set[Digest] = set()

    def run(self) -> Iterator[CopyItem]:
        """Yield each referrer once, whatever it refers to: the image, a platform of it, another referrer."""
        level = self._subjects()
        self._seen.update(level)
        for _ in range(INDEX_DEPTH):
            found = [one for subject in level for one in self._of(subject)]
            yield from (one for one in found if self._is_wanted(one))
            level = [one.digest for one in found]

    def _subjects(self) -> list[Digest]:
        """Return the image and its platforms; an image that cannot be read is reported by the copy."""
        try:
            content = self._source.get_manifest(self._item.source, self._item.digest)
            parsed = parse_manifest(content.body, content.media_type)
        except (RegistryError, InvalidValueError):
            return []
        if not isinstance(parsed, Index):
            return [content.digest]
        children = [child.digest for child in parsed.manifests if child.media_type in ACCEPTED_TYPES]
        return [content.digest, *(one for one in children if one not in self._options.skipped)]

    def _of(self, subject: Digest) -> Iterator[CopyItem]:
        for one in self._source.referrers(self._item.source, subject):
            if one.digest not in self._seen and one.media_type in ACCEPTED_TYPES:
                self._seen.add(one.digest)
                yield self._as_item(one.digest, None, subject)
        for ending in _COSIGN:
            tag = f"{subject.algorithm}-{subject.hex}.{ending}"
            content = self._tagged(tag)
            if content is not None and content.digest not in self._seen:
                self._seen.add(content.digest)
                yield self._as_item(content.digest, tag, subject)

    def _tagged(self, tag: str) -> Content | None:
        try:
            claim = self._source.head(self._item.source, tag)
            return self._source.get_manifest(self._item.source, claim.digest or tag)
        except NotFoundError:
            return None

    def _is_wanted(self, item: CopyItem) -> bool:
        kinds = self._options.referrers
        if not kinds:
            return True
        content = self._source.get_manifest(item.source, item.digest)
        try:
            kind = artifact_kind(parse_manifest(content.body, content.media_type))
        except InvalidValueError:
            return True  # The copy reports what it is not.
        return kind in kinds

    def _as_item(self, digest: Digest, tag: str | None, subject: Digest) -> CopyItem:
        name = f"{self._item.source}:{tag}" if tag else f"{self._item.source}@{digest}"
        return CopyItem(
            reference=name,
            source=self._item.source,
            target=self._item.target,
            digest=digest,
            tag=tag,
            subject=subject,
        )
