"""Every export, and the one line that adds another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from imagelock.interchange import imagelist

if TYPE_CHECKING:
    from imagelock.model.lock import Lock


class Export(Protocol):
    """Another tool's format, made from the lock alone."""

    name: str
    summary: str

    def export(self, lock: Lock) -> str:
        """Return the whole text."""


EXPORTS: tuple[Export, ...] = (imagelist,)
