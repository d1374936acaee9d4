"""The file names Epiphany gives to archives of images: ``<base>-<tag>.tar``.

The base is the last part of the name, so two images can get the same file: that is a collision, and must
be refused before one archive replaces the other.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelock.model.digest import Digest

LATEST = "latest"


class Named(Protocol):
    """A reference or an entry of the lock: whatever has a canonical name, a tag and a digest."""

    @property
    def name(self) -> str:
        """The canonical name."""

    @property
    def tag(self) -> str | None:
        """The tag, if there is one."""

    @property
    def digest(self) -> Digest | None:
        """The digest, if it is known."""


Image = TypeVar("Image", bound=Named)


def archive_name(image: Named) -> str:
    """Return ``<base>-<tag>.tar``; without a tag the digest's first characters stand in, else ``latest``."""
    base = image.name.rpartition("/")[2]
    untagged = LATEST if image.digest is None else image.digest.short
    return f"{base}-{image.tag or untagged}.tar"


def collisions(images: Iterable[Image]) -> dict[str, tuple[Image, ...]]:
    """Return the file names that several images would get, with those images.

    The same name and tag twice is one image.
    """
    by_file: dict[str, dict[tuple[str, str], Image]] = defaultdict(dict)
    for image in images:
        by_file[archive_name(image)].setdefault((image.name, image.tag or str(image.digest)), image)
    return {file: tuple(group.values()) for file, group in by_file.items() if len(group) > 1}
