"""Read comments that silence findings: ``# imagelock: ignore[CODE] reason``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imagelock.lazy_regex import lazy_regex

_IGNORE = lazy_regex(
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


NO_IGNORES = Ignores({})


def ignores(content: str) -> Ignores:
    """Read the ignore comments of a text.

    ``ignore`` alone silences every code, ``ignore[…]`` what is in the brackets: a mistyped code
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
