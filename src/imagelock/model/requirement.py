"""What Epiphany's files say: an image of a list with what is said of its archive, and what a cluster uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagelock.model.reference import Reference

ARCHITECTURES = ("x86_64", "aarch64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One image of a list.

    ``sha1`` is the sum of the archive that an older downloader made, ``allow_mismatch`` says that even
    that was not enforced.  ``architecture`` is None where the list does not say for which one it is.
    ``file_name`` is the archive that a list of images to load names.
    """

    reference: Reference
    file: str
    line: int
    column: int
    group: str | None = None
    architecture: str | None = None
    sha1: str | None = None
    allow_mismatch: bool = False
    file_name: str | None = None
    is_loaded: bool = False
    """Whether this is in a list of images to load (``image-registry.yml``), not in a download list."""

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component that a cluster has, and the features that come with it."""

    name: str
    features: tuple[str, ...]
    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The components of a cluster that are used; ``is_mapped`` says whether the file tells their features."""

    components: tuple[Component, ...]
    is_mapped: bool

    @property
    def features(self) -> frozenset[str]:
        """Every feature that is used."""
        return frozenset(feature for item in self.components for feature in item.features)
