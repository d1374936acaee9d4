"""Every export, and the one line that adds another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange import imagelist

if TYPE_CHECKING:
    from imagelock.interchange.base import Export

EXPORTS: tuple[Export, ...] = (imagelist,)
