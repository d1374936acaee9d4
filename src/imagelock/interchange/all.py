"""Every export and every import, and the one line that adds another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange import admission, epiphany, imagelist

if TYPE_CHECKING:
    from imagelock.interchange.base import Export, Import

EXPORTS: tuple[Export, ...] = (imagelist, admission)
IMPORTS: tuple[Import, ...] = (epiphany,)
