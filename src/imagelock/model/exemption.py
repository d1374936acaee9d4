"""Exemptions: images that are left alone on purpose, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
