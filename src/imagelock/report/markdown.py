"""An outcome as Markdown: a comment in a merge request, a step's summary, a release note.

Whatever comes from files is in code spans, in which neither Markdown nor HTML, mentions nor links mean
anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.model.finding_codes import FINDING_CODES, Level
from imagelock.model.outcome import renamed, tag_changes
from imagelock.report.facts import exempt_place, help_command, help_url
from imagelock.report.style import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagelock.model.outcome import Change, Exempted, Finding, Outcome

ROWS = 200
"""Rows of a table: forges cut comments at 65,536 characters and summaries at a megabyte."""

_TICKS = re.compile("`+")
_DIGESTS = ("sha256:", "sha512:")
_SHORT = 19
"""``sha256:`` and twelve characters."""


def markdown(outcome: Outcome) -> str:
    """Return the findings by their codes, the changes, what is exempt, and the counts."""
    parts = [f"## imagelock {outcome.command}: {_verdict(outcome)}", _counts(outcome.summary)]
    codes = sorted({item.code for item in outcome.findings}, key=lambda code: (_rank(outcome, code), code))
    parts += [_section(code, [one for one in outcome.findings if one.code == code]) for code in codes]
    parts += _changes("###", outcome.changes)
    parts.append(_exempt(outcome.exempt))
    return "\n\n".join(part for part in parts if part) + "\n"


def release_note(outcome: Outcome) -> str:
    """Return what changed between two locks: added, removed, tag changed, digest moved under the same tag."""
    parts = ["## Images", _counts(outcome.summary), *_changes("###", outcome.changes)]
    return "\n\n".join(part for part in parts if part) + "\n"


def code(text: str) -> str:
    """Return text as a code span that shows it unchanged, also in a table."""
    # A bar ends a table's cell even in a code span, and readers differ on how it would be escaped.
    shown = printable(text).replace("|", r"\x7c")
    longest = max(map(len, _TICKS.findall(shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest or shown != shown.strip() or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _verdict(outcome: Outcome) -> str:
    counts = [sum(item.level is level for item in outcome.findings) for level in (Level.ERROR, Level.WARNING)]
    names = ("error", "warning")
    parts = [f"{n} {name}{'' if n == 1 else 's'}" for n, name in zip(counts, names, strict=True) if n]
    return ", ".join(parts) or "nothing to say"


def _counts(summary: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in summary.items() if count)


def _rank(outcome: Outcome, wanted: str) -> int:
    return min(int(item.level is Level.WARNING) for item in outcome.findings if item.code == wanted)


def _section(name: str, findings: Sequence[Finding]) -> str:
    kind = FINDING_CODES[name]
    url = help_url(name)
    title = name if url is None else f"[{name}]({url})"
    more = f" `{help_command(name)}` tells more." if url is None else ""
    head = f"### {title} {kind.name} ({len(findings)})\n\n{kind.remedy}{more}"
    rows = [(code(item.where or "-"), code(item.message)) for item in findings]
    return f"{head}\n\n{_table(('place', 'what'), rows)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows[:ROWS]]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    more = len(rows) - ROWS
    return table if more <= 0 else f"{table}\n\nand {more} more"


def _changes(level: str, changes: Iterable[Change]) -> list[str]:
    """Return a table for each kind of change; a tag that went while another came is a tag changed."""
    every = list(changes)
    tags = [one for one in every if one.file is not None and (one.after or "").startswith(_DIGESTS)]
    places = [one for one in every if one.file is not None and one not in tags]
    entries = [one for one in every if one.file is None]
    swapped = tag_changes(entries)
    moved = renamed(entries)
    rest = [one for one in entries if not any(one in pair for pair in (*swapped, *moved))]
    tables = (
        ("Added", ("image", "digest"), [_row(one, one.after) for one in rest if one.before is None]),
        ("Removed", ("image", "digest"), [_row(one, one.before) for one in rest if one.after is None]),
        (
            "Tag changed",
            ("before", "after", "digest"),
            [(code(old.reference), code(new.reference), code(_clip(new.after))) for old, new in swapped],
        ),
        (
            "The same content under another name",
            ("before", "after", "digest"),
            [(code(old.reference), code(new.reference), code(_clip(new.after))) for old, new in moved],
        ),
        (
            "Digest moved under the same tag",
            ("image", "before", "after"),
            [
                (code(one.reference), code(_clip(one.before)), code(_clip(one.after)))
                for one in rest
                if one.before is not None and one.after is not None
            ],
        ),
        (
            "Tags",
            ("image", "digest", "place"),
            [(code(one.reference), _moved(one), code(f"{one.file}:{one.line}")) for one in tags],
        ),
        ("Places", ("place", "reference"), [_place(one) for one in places]),
    )
    return [f"{level} {title}\n\n{_table(head, rows)}" for title, head, rows in tables if rows]


def _row(one: Change, digest: str | None) -> tuple[str, str]:
    return code(one.reference), code(_clip(digest))


def _place(one: Change) -> tuple[str, str]:
    return code(f"{one.file}:{one.line}"), code(one.after or one.reference)


def _moved(one: Change) -> str:
    """Return a tag's digest, and what it was before where it was another."""
    after = code(_clip(one.after))
    return after if one.before in (None, one.after) else f"{code(_clip(one.before))} → {after}"


def _clip(digest: str | None) -> str:
    text = digest or ""
    return f"{text[:_SHORT]}…" if len(text) > _SHORT else text


def _exempt(exempt: Sequence[Exempted]) -> str:
    if not exempt:
        return ""
    rows = [(code(exempt_place(one) or "-"), code(one.reference), code(one.reason)) for one in exempt]
    return f"### Exempt\n\n{_table(('place', 'image', 'reason'), rows)}"
