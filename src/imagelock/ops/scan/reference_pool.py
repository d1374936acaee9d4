"""References and paths that many places have in common, kept once.

The catalogs of an operator's releases name the same images hundreds of thousands of times; a reference with its
parts and digest is by far the largest thing that a place holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.model.place import Place

if TYPE_CHECKING:
    from imagelock.model.place import Found
    from imagelock.model.reference import Reference

_FEW = 64
"""Places of one file that are not worth a look."""
_MOST = 200_000
"""Texts that are kept; a tree with more of them gains nothing from it."""


class ReferencePool:
    """Gives equal references, texts and paths of places back as one object."""

    def __init__(self) -> None:
        self._references: dict[str, tuple[Reference, str]] = {}
        self._paths: dict[str, str] = {}

    def shared(self, found: list[Found]) -> list[Found]:
        """Return what was found with the parts shared that other places have too."""
        if len(found) < _FEW or len(self._references) > _MOST or len(self._paths) > _MOST:
            return found
        return [self._of(item) if isinstance(item, Place) else item for item in found]

    def _of(self, place: Place) -> Place:
        path = self._paths.setdefault(place.path, place.path)
        written = str(place.reference)
        reference, text = self._references.setdefault(written, (place.reference, written))
        slots = tuple(replace(slot, text=text) if slot.text == text else slot for slot in place.slots)
        return replace(place, path=path, reference=reference, slots=slots)
