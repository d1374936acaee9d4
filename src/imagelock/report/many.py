"""Many findings in few lines: folded by image, one line each for editors, or counted by code."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from imagelock.model.finding_codes import FINDING_CODES, Level
from imagelock.report.style import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.model.outcome import Finding
    from imagelock.report.style import Style

SHOWN = 3
"""How many findings of one code are shown in full before the rest is folded."""
_IMAGES = 15
"""How many images of a fold are named."""


def folded_text(groups: Sequence[Sequence[Finding]], style: Style) -> str:
    """Return the rest of one code's findings as one block: each image once, with its number of places."""
    first, sign = groups[0][0], style.cyan("=")
    found = [item for group in groups for item in group]
    images: dict[str, list[Finding]] = {}
    for item in found:
        images.setdefault(item.reference or item.where or item.message, []).append(item)
    ordered = sorted(images.items(), key=lambda pair: -len(pair[1]))
    paint = style.red if first.level is Level.ERROR else style.yellow
    head = paint(f"{first.level.value}[{first.code}]")
    total = f"{len(found)} more, of {_count(len(images), 'image')}"
    lines = [f"{head} {first.name}: {style.bold(total)}"]
    lines += [f"  {sign} {printable(_image_line(name, items))}" for name, items in ordered[:_IMAGES]]
    if len(ordered) > _IMAGES:
        lines.append(f"  {sign} and {_count(len(ordered) - _IMAGES, 'more image')}")
    lines.append(f"  {style.cyan('= help:')} --all shows every finding, -o concise one line each")
    return "\n".join(lines) + "\n"


def _image_line(name: str, items: Sequence[Finding]) -> str:
    where = next((item.where for item in items if item.where), None)
    if where is None or where == name:
        return name
    return f"{name} at {where}" + (f" and {_count(len(items) - 1, 'more place')}" if len(items) > 1 else "")


def concise_text(findings: Sequence[Finding], lock: str) -> str:
    """Return one line for each finding, as compilers write them: ``file:line:column: CODE message``.

    A finding without a place is about the lock, or about what the lock names.
    """
    return "".join(
        f"{printable(item.where or lock)}: {item.code} {printable(item.message)}\n" for item in findings
    )


def statistics_text(findings: Sequence[Finding]) -> str:
    """Return how many findings there are of each code, the most frequent first."""
    counts = sorted(Counter(item.code for item in findings).items(), key=lambda pair: (-pair[1], pair[0]))
    width = len(f"{counts[0][1]:,}") if counts else 0
    return "".join(f"{count:>{width},}  {code}  {FINDING_CODES[code].name}\n" for code, count in counts)


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
