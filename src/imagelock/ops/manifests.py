"""Read the manifests below an index, with the checks that every walk over one needs.

A registry may answer with an index that contains itself, nests without end or lies about sizes; each walk
refuses that in the same words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import IntegrityError, InvalidValueError
from imagelock.limits import INDEX_DEPTH
from imagelock.model.digest import same_digest
from imagelock.model.manifest import parse_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.model.digest import Digest
    from imagelock.model.manifest import Descriptor, Index, Manifest
    from imagelock.stores.base import Content, ManifestReader


def check_nesting(repository: str, digest: Digest, above: Sequence[Digest]) -> None:
    """Raise :class:`IntegrityError` for a manifest that is among the indexes ``above`` it, or too deep."""
    if any(same_digest(digest, one) for one in above):
        raise IntegrityError("an index that contains itself", where=f"{repository}@{digest}")
    if len(above) > INDEX_DEPTH:
        raise IntegrityError(f"indexes nested deeper than {INDEX_DEPTH}", where=f"{repository}@{digest}")


def read_child(
    reader: ManifestReader, repository: str, child: Descriptor
) -> tuple[Content, Manifest | Index]:
    """Read a manifest that an index lists; raise :class:`IntegrityError` when it is not as listed."""
    where = f"{repository}@{child.digest}"
    content = reader.get_manifest(repository, child.digest)
    if len(content.body) != child.size:
        raise IntegrityError(
            f"the index says {child.size} bytes, the manifest has {len(content.body)}", where=where
        )
    return content, parse_content(content, where, media_type=child.media_type)


def parse_content(content: Content, where: str, *, media_type: str | None = None) -> Manifest | Index:
    """Parse what was read, as the type that its index gives it; raise :class:`IntegrityError` otherwise."""
    try:
        return parse_manifest(content.body, media_type or content.media_type)
    except InvalidValueError as error:
        raise IntegrityError(error.message, where=where, hint=error.hint) from error
