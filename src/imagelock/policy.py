"""What is left alone on purpose: ``# imagelock: ignore[…]`` comments and ``[[exempt]]`` images."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.patterns import lazily

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from imagelock.model.exemption import Exemption
    from imagelock.model.reference import Reference

_IGNORE = lazily(r"(?:#|//)[ \t]*imagelock:[ \t]*ignore\b(?:(?P<bracket>\[)(?P<codes>[^\]\r\n]*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ignore:
    """One ignore comment: the codes it silences (None: all), and whether it has a line of its own."""

    codes: frozenset[str] | None
    is_alone: bool


@dataclass(frozen=True, slots=True)
class Ignores:
    """The ignore comments of one text by their line, from 1."""

    lines: dict[int, Ignore]

    def silences(self, code: str, line: int | None) -> bool:
        """Whether a finding on this line is silenced, by that line or by a comment of its own above it.

        A comment behind something speaks of its own line only.
        """
        if line is None:
            return False
        here, above = self.lines.get(line), self.lines.get(line - 1)
        return any(
            item is not None and (item.codes is None or code in item.codes)
            for item in (here, above if above is not None and above.is_alone else None)
        )


NO_IGNORES = Ignores({})


def ignores(content: str) -> Ignores:
    """Read the ignore comments of a text.

    ``ignore`` alone silences every code, ``ignore[…]`` what stands in the brackets: a mistyped code
    silences nothing rather than all.
    """
    if "imagelock:" not in content:
        return NO_IGNORES
    found: dict[int, Ignore] = {}
    for number, line in enumerate(content.split("\n"), 1):
        match = _IGNORE.search(line)
        if match:
            codes = frozenset(re.findall(r"[A-Z0-9]+", match["codes"].upper())) if match["bracket"] else None
            found[number] = Ignore(codes, is_alone=not line[: match.start()].strip())
    return Ignores(found)


def exemption_for(reference: Reference, exemptions: Sequence[Exemption], today: dt.date) -> Exemption | None:
    """Return the first exemption that covers a reference in a file; expired ones cover nothing.

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
