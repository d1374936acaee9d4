"""``imagelock scan``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from imagelock.cli.common import common, format_option, sources_argument, verb
from imagelock.cli.terminal import stdout_style, table_width
from imagelock.errors import UsageError
from imagelock.model.outcome import Outcome
from imagelock.model.place import Place, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.cli.common import Run
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.occurrence import Occurrences


@verb("scan")
@sources_argument
@click.option(
    "--explain", metavar="FILE:LINE", help="Explain which format matched this line, or why none did."
)
@format_option
@common(outputs=("text", "json", "list"))
def command(run: Run, sources: tuple[str, ...], explain: str | None, force: str | None) -> None:
    r"""List every image reference with its place, and what was skipped with the reason.

    Expected skips (templates, placeholders, examples) are counted; -v lists them.
    Only reads files; contacts no registry. Exits 0 unless a reference is damaged (IL111) or a file cannot
    be read (IL114).

    \b
    Examples:
      imagelock scan                          the whole project
      imagelock scan deploy/ Dockerfile       these only
      imagelock scan -v                       also templates and placeholders one by one
      kubectl get deploy -o yaml | imagelock scan -
      imagelock scan -o list | sort -u        the references, one per line
      imagelock scan --explain app.yaml:12    why is this line (not) listed?
    """
    from imagelock.cli.reading import read
    from imagelock.ops.scan.account import named_in_vain

    if explain is not None:
        _explain(run, explain)
    collection = read(run, run.open(), sources, force)
    uses = collection.all_uses
    outcome = Outcome(
        command="scan",
        findings=collection.problems,
        summary={
            "references": len(uses),
            "images": collection.images,
            "files": collection.files_with_places,
            "skipped": sum(1 for _ in collection.skipped),
            "exempt": len(collection.exempt_uses),
            "ignored": collection.left_out.ignored,
            "excluded": collection.left_out.excluded,
        },
        advice=(*collection.remarks(), *named_in_vain(collection)),
        exempt=collection.exempted(),
    )
    is_list = run.output == "list"
    data = (f"{use.reference}\n" for use in uses) if is_list else _text(collection, shows_all=run.verbose > 0)
    run.finish(
        outcome,
        collection=collection,
        data=data,
        json=lambda: _json(collection, outcome),
        feeds=is_list,
    )


def _text(collection: Collection, *, shows_all: bool) -> Iterator[str]:
    """Yield what is shown, piece by piece: a tree of catalogs has millions of rows."""
    from imagelock.model.place import SkipKind
    from imagelock.ops.scan.account import expected_lines
    from imagelock.report.text import long_table, table_text

    style, width = stdout_style(), table_width()
    yield from long_table(("REFERENCE", "WHERE", "FORMAT"), _Rows(collection.all_uses), style, width)
    skipped = _skipped_rows(collection, shows_all=shows_all)
    if skipped:
        yield "\n" + table_text(("SKIPPED", "WHERE", "REASON"), skipped, style, width)
        if len(skipped) < sum(1 for _, item in collection.skipped if not item.kind.is_expected):
            yield "`imagelock scan -v` lists every place\n"
    if any(item.kind is SkipKind.IMAGE for _, item in collection.skipped):
        yield "a [[scan.rule]] in imagelock.toml reads a place that no format reads; `check` reports these (IL117)\n"
    expected = [] if shows_all else expected_lines(collection)
    if expected:
        yield "\n" + "".join(f"{line}\n" for line in expected) + "`imagelock scan -v` lists them\n"


@dataclass(frozen=True)
class _Rows:
    """The rows of a table of places, made each time they are gone through."""

    uses: Occurrences

    def __len__(self) -> int:
        return len(self.uses)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return ((str(use.reference), use.where, use.place.format) for use in self.uses)


def _skipped_rows(collection: Collection, *, shows_all: bool) -> list[tuple[str, str, str]]:
    """Return what was skipped: every place, or equal texts with equal reasons in one row with their number."""
    from imagelock.ops.scan.account import reason_of

    places: dict[tuple[str, str], list[str]] = {}
    rows = []
    for file, item in collection.skipped:
        where, reason = f"{file.name}:{item.line}", reason_of(collection, file, item)
        if shows_all:
            rows.append((item.text, where, reason))
        elif not item.kind.is_expected:
            places.setdefault((item.text, reason), []).append(where)
    rows += [
        (text, where[0] if len(where) == 1 else f"{where[0]} and {len(where) - 1} more", reason)
        for (text, reason), where in places.items()
    ]
    return rows


def _json(collection: Collection, outcome: Outcome) -> str:
    from imagelock.ops.scan.account import reason_of
    from imagelock.report.json import document_json, finding_fields

    fields: dict[str, Any] = {
        "references": [
            {
                "reference": str(use.reference),
                "name": use.reference.name,
                "tag": use.reference.tag,
                "digest": str(use.reference.digest) if use.reference.digest else None,
                "file": use.file.name,
                "line": use.place.line,
                "column": use.place.column,
                "document": use.place.document,
                "path": use.place.path,
                "format": use.place.format,
                "pinnable": use.place.pinnable,
            }
            for use in collection.all_uses
        ],
        "skipped": [
            {
                "text": item.text,
                "file": file.name,
                "line": item.line,
                "reason": reason_of(collection, file, item),
                "kind": item.kind.value,
            }
            for file, item in collection.skipped
        ],
        "findings": [finding_fields(item) for item in outcome.findings],
        "summary": outcome.summary,
    }
    return document_json("scan", fields)


def _explain(run: Run, where: str) -> None:
    from imagelock.cli.reading import read
    from imagelock.report.style import printable

    name, colon, number = where.rpartition(":")
    if not colon or not number.isdigit():
        raise UsageError("write FILE:LINE", where=where)
    collection = read(run, run.open(), (name,))
    found = [item for file in collection.files for item in file.found if item.line == int(number)]
    for item in found:
        if isinstance(item, Place):
            click.echo(printable(f"{item.reference}: found by format {item.format} at {item.path}"))
        else:
            kind = "skipped" if isinstance(item, Skipped) else "refused"
            click.echo(printable(f"{getattr(item, 'text', where)}: {kind}: {item.reason}"))
    if not found:
        formats = sorted({item.format for file in collection.files for item in file.found if item.format})
        click.echo(
            f"nothing on this line looks like an image (formats of this file: {', '.join(formats) or 'none'})"
        )
    raise click.exceptions.Exit(0)
