"""Exempt images that are left alone on purpose, each with its reason."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.model.reference import Reference

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """One ``[[exempt]]``: a canonical reference or a glob on it, and why.

    ``expires`` is the last day it counts.  ``namespace`` and ``owner`` narrow it to pods of a cluster;
    with one of them it says nothing about files.  ``files`` (patterns as ``.gitignore`` has them) narrow it to
    these files, and then it says nothing about pods.
    """

    image: str
    reason: str
    files: tuple[str, ...] = ()
    namespace: str | None = None
    owner: str | None = None
    expires: dt.date | None = None

    @property
    def is_for_pods(self) -> bool:
        """Whether it is about pods of a cluster only and says nothing of files."""
        return self.namespace is not None or self.owner is not None

    @property
    def shown(self) -> str:
        """What it is about, as remarks name it."""
        if not self.files:
            return self.image
        files = ", ".join(self.files)
        return files if self.image == "*" else f"{self.image} in {files}"

    @property
    def pattern(self) -> str:
        """The pattern on canonical forms: a reference that is not canonical means its canonical form."""
        reference = Reference.parse_or_none(self.image)
        return self.image if reference is None else reference.canonical

    def is_on(self, today: dt.date) -> bool:
        """Whether it counts on a day."""
        return self.expires is None or self.expires >= today


def exemption_for(reference: Reference, exemptions: Sequence[Exemption], today: dt.date) -> Exemption | None:
    """Return the first exemption that covers a reference in a file; expired ones cover nothing.

    The caller leaves out those of other files.
    ``image`` is matched whole against the canonical name, ``name:tag`` and the full canonical form; a
    reference that is not canonical (``nginx:1.27``) means its canonical form.
    """
    forms = _forms(reference)
    for exemption in exemptions:
        if not exemption.is_for_pods and exemption.is_on(today) and _names(exemption, forms):
            return exemption
    return None


def exemption_for_pod(
    reference: Reference,
    namespace: str,
    owners: Sequence[str],
    exemptions: Sequence[Exemption],
    today: dt.date,
) -> Exemption | None:
    """Return the first exemption that covers an image in a pod of ``namespace``.

    ``namespace`` and ``owner`` of an exemption are exact or globs; ``owners`` are everything that
    controls the pod, as ``Kind/name``, and an exemption may name the kind or leave it out.
    """
    forms = _forms(reference)
    for exemption in exemptions:
        if (
            exemption.is_on(today)
            and not exemption.files
            and (exemption.namespace is None or fnmatch.fnmatchcase(namespace, exemption.namespace))
            and (exemption.owner is None or _owns(exemption.owner, owners))
            and _names(exemption, forms)
        ):
            return exemption
    return None


def _forms(reference: Reference) -> frozenset[str]:
    tagged = reference.name if reference.pulled_tag is None else f"{reference.name}:{reference.pulled_tag}"
    return frozenset((reference.name, tagged, reference.canonical))


def _names(exemption: Exemption, forms: frozenset[str]) -> bool:
    return any(fnmatch.fnmatchcase(form, exemption.pattern) for form in forms)


def _owns(pattern: str, owners: Sequence[str]) -> bool:
    return any(
        fnmatch.fnmatchcase(owner if "/" in pattern else owner.partition("/")[2], pattern) for owner in owners
    )


def expired(exemptions: Sequence[Exemption], today: dt.date) -> tuple[Exemption, ...]:
    """Return the exemptions whose last day is over."""
    return tuple(item for item in exemptions if item.expires is not None and item.expires < today)
