"""The values of a copy: what to copy, what is left to do, how each image ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelock.errors import RegistryError
    from imagelock.model.digest import Digest
    from imagelock.model.manifest import Descriptor
    from imagelock.model.platform import Platform
    from imagelock.stores.base import Content


class CopyStatus(Enum):
    """How one image ended; every image has exactly one status."""

    COPIED = "copied"
    THERE = "there already"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNKNOWN = "could not tell"
    HELD = "held back"
    """The image itself is fine, but other images keep the whole from being finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyItem:
    """One image to copy: from a repository of the source to one of the target, perhaps under a tag.

    ``reference`` is what results call it.  ``children`` are platforms' digests that are known without
    asking.  ``move`` allows to take the tag away from another digest.  ``subject`` is what a referrer refers to.
    """

    reference: str
    source: str
    target: str
    digest: Digest
    tag: str | None
    children: tuple[Digest, ...] = ()
    move: bool = False
    subject: Digest | None = None

    @property
    def destination(self) -> str:
        """Where the image goes, as a reference."""
        return f"{self.target}@{self.digest}" if self.tag is None else f"{self.target}:{self.tag}"

    def __str__(self) -> str:
        return self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one image ended, and why; ``now`` is what a conflicting tag points to."""

    item: CopyItem
    verdict: CopyStatus
    error: RegistryError | None = None
    now: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions:
    """What of an image is wanted: its children of these platforms (none: all), nothing of ``elsewhere``.

    ``skipped`` are children that the source lacks on purpose, ``elsewhere`` is content that the final
    destination has already and that is left out here.  ``nearby`` names repositories of the target that
    should have a blob, to mount it from there.  ``deep`` believes no tag and no manifest of the target, but
    looks for every blob: for a store whose files may have been damaged.  ``foreign`` takes layers too that
    their vendor does not let others distribute.  ``referrers`` are the artifact types of the referrers to take,
    none for every type; without it no referrer is looked for.
    """

    platforms: tuple[Platform, ...] = ()
    skipped: frozenset[Digest] = frozenset()
    elsewhere: frozenset[Digest] = frozenset()
    nearby: Mapping[Digest, str] = field(default_factory=dict)
    deep: bool = False
    foreign: bool = False
    referrers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One image as read from the source: ``manifests`` with children first, the image itself last.

    ``absent`` are children and blobs left out on purpose, ``foreign`` layers that stay with their vendor.
    """

    manifests: tuple[Content, ...]
    blobs: tuple[Descriptor, ...]
    owners: Mapping[Digest, tuple[Digest, ...]]
    absent: frozenset[Digest] = frozenset()
    foreign: tuple[Descriptor, ...] = ()

    @property
    def root(self) -> Content:
        """The image itself."""
        return self.manifests[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyJob:
    """One image with work to do: ``manifests`` and ``blobs`` are what the target lacks."""

    item: CopyItem
    tree: Tree
    manifests: tuple[Content, ...]
    blobs: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a copy has to do, and what is settled already.

    ``known`` tells a repository of the target for blobs that it has somewhere.
    """

    items: tuple[CopyItem, ...]
    jobs: tuple[CopyJob, ...]
    settled: tuple[Result, ...]
    known: Mapping[Digest, str]

    @property
    def foreign(self) -> dict[Digest, Descriptor]:
        """Every layer that stays with its vendor, once."""
        return {layer.digest: layer for job in self.jobs for layer in job.tree.foreign}

    @property
    def missing(self) -> dict[Digest, Descriptor]:
        """Every blob that must be sent, once."""
        return {blob.digest: blob for job in self.jobs for blob in job.blobs if blob.digest not in self.known}

    @property
    def size(self) -> int:
        """Bytes of blobs that must be sent."""
        return sum(blob.size for blob in self.missing.values())
