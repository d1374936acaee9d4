"""Index the digests by which an image of the lock can be recognised: its own, its platforms', their configs'."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.model.digest import Digest
    from imagelock.model.lock import Lock, LockedImage, PlatformImage


class DigestRole(Enum):
    """What a digest is to the image it belongs to."""

    INDEX = "index"
    MANIFEST = "manifest"
    PLATFORM = "platform"
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class KnownDigest:
    """One digest of one entry; ``part`` is the platform it belongs to, None for the whole image."""

    digest: Digest
    role: DigestRole
    image: LockedImage
    part: PlatformImage | None = None


def identities(lock: Lock) -> Mapping[str, tuple[KnownDigest, ...]]:
    """Return every digest of a lock, as text, with the entries that have it, in the lock's order."""
    found: dict[str, list[KnownDigest]] = defaultdict(list)
    for image in lock.images:
        for identity in identities_of(image):
            found[str(identity.digest)].append(identity)
    return {digest: tuple(items) for digest, items in found.items()}


def identities_of(image: LockedImage) -> Iterator[KnownDigest]:
    """Yield every digest of one entry: first its own, then each platform's manifest and config."""
    has_children = any(part.digest != image.digest for part in image.platforms)
    yield KnownDigest(image.digest, DigestRole.INDEX if has_children else DigestRole.MANIFEST, image)
    for part in image.platforms:
        if part.digest != image.digest:
            yield KnownDigest(part.digest, DigestRole.PLATFORM, image, part)
        if part.config is not None:
            yield KnownDigest(part.config, DigestRole.CONFIG, image, part)
