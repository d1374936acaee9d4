"""Facts that several reports share: a finding's place, its image, its stable fingerprint."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelock.model.outcome import Exempted, Finding, Outcome

DOCS: str | None = None
"""The address at which docs/ is published, the only place that names it; None while there is none.

Reports link to its pages, and say `imagelock explain CODE` where there is nothing to link to.
"""

_NO_FILES = ("<stdin>",)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a report shows a finding; ``is_real`` is False when only the lock stands for it."""

    file: str
    line: int
    column: int | None
    is_real: bool = True


def spot(item: Finding, outcome: Outcome) -> Spot:
    """Return a finding's place; one without a file is shown at the lock, as merge requests need a place."""
    if item.file is None or item.file in _NO_FILES:
        return Spot(outcome.lock, 1, None, is_real=False)
    return Spot(item.file, item.line or 1, item.column)


def help_url(code: str) -> str | None:
    """Return the address of a finding's section in the docs, where they are published."""
    return None if DOCS is None else f"{DOCS}/reference/findings/#{code.lower()}"


def help_command(code: str) -> str:
    """Return the command that explains a finding to whoever has imagelock."""
    return f"imagelock explain {code}"


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """Return a mark for each finding that stays the same when lines move.

    It is made of the code, the file and the image (the words, without one); equal ones are counted, so that
    no two findings of a report share a mark.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    marks = []
    for item in findings:
        subject = item.message if item.reference is None else image_name(item.reference)
        key = (item.code, item.file or "", subject)
        seen[key] += 1
        text = "\0".join((*key, str(seen[key])))
        marks.append(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
    return marks


def image_name(reference: str) -> str:
    """Return ``name:tag`` (``name@digest`` without a tag) of a reference; what is none stays as it is."""
    parsed = Reference.parse_or_none(reference)
    if parsed is None:
        return reference
    if parsed.tag is None and parsed.digest is not None:
        return f"{parsed.name}@{parsed.digest}"
    return f"{parsed.name}:{parsed.pulled_tag}"


def exempt_place(item: Exempted) -> str:
    """Return ``file:line`` of what was left alone, as far as it is known."""
    return ":".join(str(part) for part in (item.file, item.line) if part is not None)


def words(item: Finding) -> str:
    """Return a finding's words with its notes and its hint, one per line."""
    lines = [item.message, *item.notes]
    return "\n".join([*lines, f"help: {item.hint}"] if item.hint else lines)
