"""One image of an Epiphany download list, with what the list says about its archive."""

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
