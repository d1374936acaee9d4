"""An outcome as text for people: what, where, why, and the way out.

Every function returns text; the command line prints it.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Protocol

from imagelock.model.finding_codes import Level
from imagelock.report.many import SHOWN, folded_text
from imagelock.report.style import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from imagelock.errors import ImagelockError
    from imagelock.model.outcome import Change, Exempted, Finding
    from imagelock.report.style import Style

_SHORT = 12
_EXCERPT = 120
_LEAST_EXCERPT = 20
_LISTED = 10
"""How many images with one cause are named one by one."""
_ALSO = 3
"""How many further places of one finding are named."""
_MOST_FITTED = 5000
"""Rows up to which a table is fitted to the terminal."""
_LINES = 1000


def error_text(error: ImagelockError, style: Style) -> str:
    """Return an error as what, where and help."""
    lines = [f"{style.red('error')}: {style.bold(printable(error.message))}"]
    if error.where:
        lines.append(f"  {style.cyan('-->')} {printable(error.where)}")
    if error.hint:
        lines.append(f"  {style.cyan('= help:')} {printable(error.hint)}")
    return "\n".join(lines) + "\n"


def findings_text(
    findings: Sequence[Finding],
    style: Style,
    line_of: Callable[[str, int], str | None],
    width: int | None = None,
    *,
    everything: bool = False,
) -> str:
    """Return findings, errors last so that a terminal ends with what matters; equal ones are reported once.

    What many images suffer from, such as a registry that is down, is reported once with their names.
    Without ``everything`` those of one code beyond the first few are folded by image.
    ``line_of`` gives a line of a file for the excerpt, or None; ``width`` is what excerpts must fit.
    """
    groups: dict[tuple[str, str, str | None], list[Finding]] = {}
    for item in findings:
        groups.setdefault((item.code, item.cause or item.message, item.hint), []).append(item)
    ordered = sorted(groups.values(), key=lambda group: group[0].level is Level.ERROR)
    codes: dict[str, list[list[Finding]]] = {}
    for group in ordered:
        codes.setdefault(group[0].code, []).append(group)
    blocks = []
    for same in codes.values():
        # A fold of one or two would be longer than what it folds.
        shown = len(same) if everything or len(same) <= SHOWN + 2 else SHOWN
        blocks += [_group_text(group, style, line_of, width, everything=everything) for group in same[:shown]]
        if same[shown:]:
            blocks.append(folded_text(same[shown:], style))
    return "\n".join(blocks)


def _group_text(
    group: Sequence[Finding],
    style: Style,
    line_of: Callable[[str, int], str | None],
    width: int | None,
    *,
    everything: bool,
) -> str:
    first = group[0]
    if len({item.message for item in group}) > 1:
        return _common_text(group, style, len(group) if everything else _LISTED)
    paint = style.red if first.level is Level.ERROR else style.yellow
    head = paint(f"{first.level.value}[{first.code}]")
    lines = [f"{head} {first.name}: {style.bold(printable(first.message))}"]
    if first.where:
        lines.append(f"  {style.cyan('-->')} {printable(first.where)}")
        lines += _excerpt(first, style, line_of, width)
    others = [item.where for item in group[1:] if item.where]
    listed = len(others) if everything or len(others) <= _ALSO + 1 else _ALSO
    lines += [f"  {style.cyan('=')} also at {printable(where)}" for where in others[:listed]]
    if len(others) > listed:
        lines.append(f"  {style.cyan('=')} and at {len(others) - listed} more places: --all lists them")
    lines += [f"  {style.cyan('=')} {printable(note)}" for note in first.notes]
    if first.hint:
        lines.append(f"  {style.cyan('= help:')} {printable(first.hint)}")
    return "\n".join(lines) + "\n"


def _common_text(group: Sequence[Finding], style: Style, listed: int) -> str:
    """Return what several images have in common, then the images with their first places."""
    first, sign = group[0], style.cyan("=")
    places: dict[str, str | None] = {}
    for item in group:
        places.setdefault(item.reference or item.message, item.where)
    paint = style.red if first.level is Level.ERROR else style.yellow
    head = paint(f"{first.level.value}[{first.code}]")
    words = f"{len(places)} {plural(len(places), 'image')}: {first.cause}"
    lines = [f"{head} {first.name}: {style.bold(printable(words))}"]
    named = [f"{name} at {where}" if where else name for name, where in places.items()]
    lines += [f"  {sign} {printable(line)}" for line in named[:listed]]
    if len(named) > listed:
        lines.append(f"  {sign} and {len(named) - listed} more: --all lists them")
    shared = [note for note in first.notes if all(note in item.notes for item in group)]
    lines += [f"  {sign} {printable(note)}" for note in shared]
    if first.hint:
        lines.append(f"  {style.cyan('= help:')} {printable(first.hint)}")
    return "\n".join(lines) + "\n"


def _excerpt(
    item: Finding, style: Style, line_of: Callable[[str, int], str | None], width: int | None
) -> list[str]:
    line = line_of(item.file, item.line) if item.file is not None and item.line is not None else None
    if line is None or item.line is None:
        return []
    number = str(item.line)
    column = (item.column or 1) - 1
    gutter = " " * len(number)
    room = _EXCERPT if width is None else max(_LEAST_EXCERPT, min(_EXCERPT, width - len(number) - 4))
    start = max(0, column - room // 2) if len(line) > room else 0
    shown = printable(line[start : start + room].replace("\t", " "))[:room]
    mark = " " * (column - start) + "^" * max(
        1, min(len(item.reference or ""), len(shown) - (column - start))
    )
    return [
        style.cyan(f" {gutter} |"),
        f" {style.cyan(number + ' |')} {shown}",
        f" {style.cyan(gutter + ' |')} {style.yellow(mark)}",
    ]


def changes_text(changes: Sequence[Change], style: Style) -> str:
    """Return changes, one per line: added, moved, removed; those in files below their file's name."""
    lines = [_change_line(change, style) for change in changes if change.file is None]
    files: dict[str, list[Change]] = {}
    for change in changes:
        if change.file is not None:
            files.setdefault(change.file, []).append(change)
    for name, inside in files.items():
        count = f"{len(inside)} {plural(len(inside), 'place')}"
        lines.append(f"{style.bold(printable(name))} {style.dim(count)}")
        lines += [_place_line(change, style) for change in inside]
    return "\n".join(lines) + ("\n" if lines else "")


def _change_line(change: Change, style: Style) -> str:
    name = _clip(printable(change.reference))
    before, after = _short(change.before), _short(change.after)
    if change.before is None:
        return f" {style.green('+')} {name} {style.dim(after)}"
    if change.after is None:
        return f" {style.red('-')} {name} {style.dim(before)}"
    if change.before == change.after:
        return f" {style.yellow('~')} {name} {style.dim(after)} (details)"
    return f" {style.yellow('~')} {name} {style.dim(before)} -> {after}"


def _place_line(change: Change, style: Style) -> str:
    before, after = printable(change.before or ""), printable(change.after or "")
    where = style.dim(f"{change.line:>5}")
    kept = 0
    while kept < min(len(before), len(after)) and before[kept] == after[kept]:
        kept += 1
    if kept == len(before):
        return f" {where}  {before}{style.green(_clip(after[kept:]))}"
    return f" {where}  {_clip(before)} -> {_clip(after)}"


def _clip(text: str) -> str:
    """Shorten the digests in a reference as tables show them."""
    name, at, digest = text.partition("@")
    return f"{name}{at}{_short(digest)}" if at else text


def _short(digest: str | None) -> str:
    if digest is None:
        return ""
    algorithm, colon, encoded = digest.partition(":")
    return f"{algorithm}{colon}{encoded[:_SHORT]}…" if colon and len(encoded) > _SHORT else digest


def summary_text(command: str, summary: dict[str, int], style: Style) -> str:
    """Return the counts as one line; counts of nothing are left out."""
    parts = [_count(name, count) for name, count in summary.items() if count]
    return f"{style.bold(command)}: {', '.join(parts) or 'nothing'}\n"


def _count(name: str, count: int) -> str:
    """Return ``1 file``, ``2 files``, ``3 could not tell``: the names of things are plurals, states are not."""
    words = name.replace("_", " ")
    if count == 1 and words.endswith("ies"):
        words = f"{words[:-3]}y"
    elif count == 1 and words.endswith("s"):
        words = words[:-1]
    return f"{count} {words}"


def advice_text(advice: Iterable[str], style: Style) -> str:
    """Return remarks that are not findings."""
    return "".join(f"{style.cyan('note')}: {printable(line)}\n" for line in advice)


def exempt_text(exempt: Sequence[Exempted], style: Style) -> str:
    """Return what was left alone on purpose, one line per image and reason, with its places."""
    places: dict[tuple[str, str], list[str]] = {}
    for item in exempt:
        where = f"{item.file}:{item.line}" if item.file is not None else ""
        places.setdefault((item.reference, item.reason), []).append(where)
    return "".join(
        f"{style.cyan('exempt')}: {printable(reference)} ({printable(reason)})"
        + (f" at {printable(', '.join(filter(None, found)))}" if any(found) else "")
        + "\n"
        for (reference, reason), found in places.items()
    )


def plural(count: int, word: str) -> str:
    """Return a word in the number that the count asks for."""
    return word if count == 1 else f"{word}s"


class Rows(Protocol):
    """The rows of a table, which can be gone through more than once."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Sequence[str]]: ...


def long_table(columns: Sequence[str], rows: Rows, style: Style, width: int | None) -> Iterator[str]:
    """Yield a table line by line where it has more rows than anybody looks at; nothing for no rows.

    Such a table is not folded: a terminal that is too narrow wraps its lines.
    """
    if len(rows) > _MOST_FITTED:
        widths = [len(column) for column in columns]
        for row in rows:
            widths = [max(size, len(printable(cell))) for size, cell in zip(widths, row, strict=True)]
        yield _line(columns, widths)
        for row in rows:
            yield _line(row, widths)
    elif len(rows):
        yield table_text(columns, list(rows), style, width)


def batched_lines(lines: Iterable[str]) -> Iterator[str]:
    """Join lines to pieces that are worth a write each."""
    lines = iter(lines)
    while piece := "".join(islice(lines, _LINES)):
        yield piece


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (printable(cell).ljust(size) for cell, size in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip() + "\n"


def table_text(columns: Sequence[str], rows: Sequence[Sequence[str]], style: Style, width: int | None) -> str:
    """Return a table that fits ``width`` columns; None: as wide as it needs to be (for pipes)."""
    if width is None:
        return _plain_table(columns, rows)
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second, only for terminals
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold" if style.colour else "", padding=(0, 2, 0, 0))
    for i, column in enumerate(columns):
        table.add_column(column, overflow="fold", ratio=3 if i == 0 else None, no_wrap=False)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console = Console(
        width=width, color_system="standard" if style.colour else None, force_terminal=style.colour
    )
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [columns, *rows]
    widths = [max(len(printable(row[i])) for row in cells) for i in range(len(columns))]
    return "".join(_line(row, widths) for row in cells)
