"""The lock as values: entries, and which of them a reference means.

Matching is exact on canonical name and tag, never on text (docs/concepts/lock.md).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from imagelock.model.digest import Digest
    from imagelock.model.platform import Platform
    from imagelock.model.reference import Reference

LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformImage:
    """One platform of an image: its manifest's digest; config digest and download bytes if known."""

    platform: Platform
    digest: Digest
    config: Digest | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an entry came from that no scan can find again: a build list, an image, a tag file."""

    origin: str
    tag: str | None = None
    revision: str | None = None

    @property
    def is_tag_file(self) -> bool:
        """Whether a tag file named the image: only those know a build's tag, and every scan reads them again."""
        return self.tag is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedImage:
    """One entry: a canonical name, perhaps a tag, and the digest of what it names.

    The digest is that of the index when there is one.  ``size`` is the manifest's or index's own bytes.
    Entries from lists read offline know name, tag and digest only (``media_type`` is None).
    """

    name: str
    tag: str | None
    digest: Digest
    media_type: str | None = None
    size: int | None = None
    platforms: tuple[PlatformImage, ...] = ()
    resolved_from: str | None = None
    source: Source | None = None

    @property
    def reference(self) -> str:
        """``name:tag``, or ``name@digest`` for an entry without a tag: how people name the entry."""
        return f"{self.name}@{self.digest}" if self.tag is None else f"{self.name}:{self.tag}"

    def __str__(self) -> str:
        return self.reference

    @property
    def image_id(self) -> str:
        """``name[:tag]@digest``: the entry in full."""
        tag = "" if self.tag is None else f":{self.tag}"
        return f"{self.name}{tag}@{self.digest}"

    @property
    def sort_key(self) -> tuple[str, str, str]:
        """The order of the file: by name, tag, digest; no tag comes first."""
        return (self.name, self.tag or "", str(self.digest))


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several entries fit a reference without a tag."""

    entries: tuple[LockedImage, ...]


Match: TypeAlias = LockedImage | Ambiguous | None


@dataclass(frozen=True)
class Lock:
    """All entries, in the order they were given (the lock file's order, or a list's own)."""

    images: tuple[LockedImage, ...] = ()
    _by_name: dict[str, list[LockedImage]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name: dict[str, list[LockedImage]] = defaultdict(list)
        for image in self.images:
            by_name[image.name].append(image)
        object.__setattr__(self, "_by_name", dict(by_name))

    @cached_property
    def sorted(self) -> Lock:
        """The same entries in the lock file's order."""
        return Lock(tuple(sorted(self.images, key=lambda image: image.sort_key)))

    def named(self, name: str) -> tuple[LockedImage, ...]:
        """Return every entry of one canonical name, in order."""
        return tuple(self._by_name.get(name, ()))

    def tagged(self, name: str, tag: str) -> LockedImage | None:
        """Return the entry of one name and tag."""
        return self._by_tag.get((name, tag))

    def with_digest(self, name: str, digest: Digest) -> tuple[LockedImage, ...]:
        """Return the entries of one name that have this digest, under whatever tag."""
        return tuple(self._by_digest.get((name, digest), ()))

    @cached_property
    def _by_tag(self) -> dict[tuple[str, str], LockedImage]:
        """The first entry of each name and tag."""
        return {(image.name, image.tag): image for image in reversed(self.images) if image.tag is not None}

    @cached_property
    def _by_digest(self) -> dict[tuple[str, Digest], list[LockedImage]]:
        """The entries by name and digest: one name of a catalog may have thousands."""
        found: dict[tuple[str, Digest], list[LockedImage]] = defaultdict(list)
        for image in self.images:
            found[image.name, image.digest].append(image)
        return dict(found)

    def children_of(self, name: str, digest: Digest) -> tuple[LockedImage, ...]:
        """Return the entries of one name that have this digest as one of their platforms."""
        return tuple(self._by_child.get((name, digest), ()))

    @cached_property
    def _by_child(self) -> dict[tuple[str, Digest], list[LockedImage]]:
        found: dict[tuple[str, Digest], list[LockedImage]] = defaultdict(list)
        for image in self.images:
            for digest in dict.fromkeys(part.digest for part in image.platforms):
                if digest != image.digest:
                    found[image.name, digest].append(image)
        return dict(found)

    def match(self, reference: Reference, *, untagged_first: bool = False) -> Match:
        """Return the entry a reference means, several when that is not clear, or None.

        A tag decides before a digest (pinning moves ``name:tag@old``); a digest without a tag belongs to
        the entries with that digest; nothing at all means ``latest``, else the one entry without a tag,
        else the only entry of that name.
        """
        if reference.tag is not None:
            return self.tagged(reference.name, reference.tag)
        if reference.digest is not None:
            return next(iter(self.with_digest(reference.name, reference.digest)), None)
        if untagged_first:
            latest = self.tagged(reference.name, LATEST)
            return latest or next(iter(self.named(reference.name)), None)
        return self._untagged(reference.name)

    def _untagged(self, name: str) -> Match:
        entries = self.named(name)
        latest = tuple(image for image in entries if image.tag == LATEST)
        bare = tuple(image for image in entries if image.tag is None)
        only = next((fitting[0] for fitting in (latest, bare, entries) if len(fitting) == 1), None)
        return only or (Ambiguous(entries) if entries else None)
