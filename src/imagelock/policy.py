"""What is left alone on purpose: ``# imagelock: ignore[…]`` comments and ``[[exempt]]`` images."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from imagelock.model.exemption import Exemption
    from imagelock.model.reference import Reference

_IGNORE = re.compile(
    r"(?:#|//)[ \t]*imagelock:[ \t]*ignore(?:\[(?P<codes>[A-Z0-9, \t]*)\])?(?P<reason>[^\r\n]*)"
)


@dataclass(frozen=True, slots=True)
class Ignores:
    """The ignore comments of one text: line to codes; an empty set silences every code."""

    lines: dict[int, frozenset[str]]

    def silences(self, code: str, line: int | None) -> bool:
        """Whether a finding on this line (from 1) is silenced, by that line or the one above."""
        if line is None:
            return False
        for number in (line, line - 1):
            codes = self.lines.get(number)
            if codes is not None and (not codes or code in codes):
                return True
        return False


def ignores(content: str) -> Ignores:
    """Read the ignore comments of a text."""
    if "imagelock:" not in content:
        return Ignores({})
    found: dict[int, frozenset[str]] = {}
    for number, line in enumerate(content.split("\n"), 1):
        match = _IGNORE.search(line)
        if match:
            found[number] = frozenset(re.findall(r"[A-Z0-9]+", match["codes"] or ""))
    return Ignores(found)


def exemption_for(
    reference: Reference, exemptions: Sequence[Exemption], today: dt.date
) -> Exemption | None:
    """Return the first exemption that covers a reference in a file; expired ones cover nothing.

    ``image`` is matched whole against the canonical name, ``name:tag`` and the full canonical form.
    """
    tagged = reference.name if reference.pulled_tag is None else f"{reference.name}:{reference.pulled_tag}"
    forms = {reference.name, tagged, reference.canonical}
    for exemption in exemptions:
        is_for_pods = exemption.namespace is not None or exemption.owner is not None
        is_over = exemption.expires is not None and exemption.expires < today
        if (
            not is_for_pods
            and not is_over
            and any(fnmatch.fnmatchcase(form, exemption.image) for form in forms)
        ):
            return exemption
    return None


def expired(exemptions: Sequence[Exemption], today: dt.date) -> tuple[Exemption, ...]:
    """Return the exemptions whose last day is over."""
    return tuple(item for item in exemptions if item.expires is not None and item.expires < today)
