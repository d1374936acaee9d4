"""What is left alone on purpose: ``# imagelock: ignore[…]`` comments and ``[[exempt]]`` images."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import ValueFormError
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from imagelock.model.exemption import Exemption

_IGNORE = re.compile(
    r"(?:#|//)[ \t]*imagelock:[ \t]*ignore\b(?:(?P<bracket>\[)(?P<codes>[^\]\r\n]*))?", re.ASCII
)


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


def ignores(content: str) -> Ignores:
    """Read the ignore comments of a text.

    ``ignore`` alone silences every code, ``ignore[…]`` what stands in the brackets: a mistyped code
    silences nothing rather than all.
    """
    if "imagelock:" not in content:
        return Ignores({})
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
    tagged = reference.name if reference.pulled_tag is None else f"{reference.name}:{reference.pulled_tag}"
    forms = {reference.name, tagged, reference.canonical}
    for exemption in exemptions:
        is_for_pods = exemption.namespace is not None or exemption.owner is not None
        is_over = exemption.expires is not None and exemption.expires < today
        if (
            not is_for_pods
            and not is_over
            and any(fnmatch.fnmatchcase(form, _pattern(exemption.image)) for form in forms)
        ):
            return exemption
    return None


def _pattern(image: str) -> str:
    """Return an exemption's image as a pattern on canonical forms."""
    try:
        return Reference.parse(image).canonical
    except ValueFormError:
        return image


def expired(exemptions: Sequence[Exemption], today: dt.date) -> tuple[Exemption, ...]:
    """Return the exemptions whose last day is over."""
    return tuple(item for item in exemptions if item.expires is not None and item.expires < today)
