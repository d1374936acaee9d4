"""Exemptions: images that are left alone on purpose, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import ValueFormError
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    import datetime as dt


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """One ``[[exempt]]``: a canonical reference or a glob on it, and why.

    ``expires`` is the last day it counts.  ``namespace`` and ``owner`` narrow it to pods of a cluster;
    with one of them it says nothing about files.
    """

    image: str
    reason: str
    namespace: str | None = None
    owner: str | None = None
    expires: dt.date | None = None

    @property
    def is_for_pods(self) -> bool:
        """Whether it is about pods of a cluster only and says nothing of files."""
        return self.namespace is not None or self.owner is not None

    @property
    def pattern(self) -> str:
        """The pattern on canonical forms: a reference that is not canonical means its canonical form."""
        try:
            return Reference.parse(self.image).canonical
        except ValueFormError:
            return self.image

    def is_on(self, today: dt.date) -> bool:
        """Whether it counts on a day."""
        return self.expires is None or self.expires >= today
