"""``imagelock import``: one subcommand for each import of :mod:`imagelock.interchange`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from imagelock.cli.common import CONTEXT, Verb, VerbGroup, common
from imagelock.interchange.all import IMPORTS, LOCK_IMPORTS

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.interchange.base import Import, LockImport
    from imagelock.model.reference import Reference
    from imagelock.ops.imports import Imported


@click.group("import", cls=VerbGroup, context_settings=CONTEXT)
def command() -> None:
    r"""Read another tool's lists of images: report on them, list their images, or lock them.

    \b
    Examples:
      imagelock import epiphany x86_64/images.yml aarch64/images.yml
      imagelock import epiphany --against image-registry.yml x86_64/images.yml
      imagelock import epiphany --group rook -o list images.yml > images.txt
      imagelock import epiphany --lock images.yml
    """


_HELP = r"""Read {summary}.

Shows every image with the sum of its archive, which a digest replaces. Exits 1 when two lists that must
name the same images do not, a template names an image that no list has, or a cluster needs a feature without images
(IL121), an image is listed for an architecture that it does not have (IL106), an archive has another name than <base>-<tag>.tar (IL122), or two
images would become one file (IL116).

\b
-o list prints the images, one a line: with their digests after --lock.
"""


def _subcommand(kind: Import) -> click.Command:
    @click.command(
        kind.name,
        cls=Verb,
        short_help=kind.summary,
        help=_HELP.format(summary=kind.summary),
        context_settings=CONTEXT,
    )
    @click.argument("names", nargs=-1, required=True, metavar="FILE...")
    @click.option(
        "--group", "groups", multiple=True, metavar="NAME", help="Only images of this group (repeatable)."
    )
    @click.option(
        "--against",
        multiple=True,
        metavar="FILE",
        help="What must agree (repeatable): a list of images to load, a template of a role, a cluster's manifest.",
    )
    @click.option("--lock", "lock", is_flag=True, help="Resolve the images and write them into the lock.")
    @click.option(
        "--notes",
        is_flag=True,
        help="With -o list, keep sha1 and allow_mismatch as comments above each image.",
    )
    @common(outputs=("text", "json", "list"))
    def read(
        run: Run,
        names: tuple[str, ...],
        *,
        groups: tuple[str, ...],
        against: tuple[str, ...],
        lock: bool,
        notes: bool,
    ) -> None:
        from imagelock.cli.registry_access import registry_access
        from imagelock.ops.imports import ImportRequest, run_import
        from imagelock.ops.writing import WriteMode

        if notes and run.output != "list":
            from imagelock.errors import UsageError

            raise UsageError("--notes is for -o list")
        project = run.open()
        request = ImportRequest(names=names, against=against, groups=groups)
        with registry_access(run, project, "resolving", everyone=True) as access:
            imported = run_import(project, kind, request, (access, WriteMode()) if lock else None)
        run.finish(
            imported.outcome,
            collection=imported.collection,
            data=_list(imported, notes=notes) if run.output == "list" else _table(run, imported),
            json=lambda: _json(imported),
            feeds=run.output == "list",
        )

    return read


def _list(imported: Imported, *, notes: bool) -> str:
    lines: dict[Reference, list[str]] = {}
    for item in imported.requirements:
        digest = imported.digests.get(item.reference.canonical)
        reference = item.reference if digest is None else item.reference.with_digest(digest)
        said = lines.setdefault(reference, [])
        if notes and item.sha1 is not None:
            allowed = ", mismatch allowed" if item.allow_mismatch else ""
            said.append(f"# {item.where}: sha1:{item.sha1}{allowed}\n")
    return "".join(f"{''.join(said)}{reference}\n" for reference, said in lines.items())


def _table(run: Run, imported: Imported) -> str:
    from imagelock.cli.terminal import stdout_style, table_width
    from imagelock.report.text import table_text

    if run.quiet:
        return ""
    rows: list[tuple[str, ...]] = []
    for item in imported.requirements:
        digest = imported.digests.get(item.reference.canonical)
        finding_at = "" if item.sha1 is None else f"sha1:{item.sha1[:12]}"
        finding_at += ", mismatch allowed" if item.allow_mismatch else ""
        by = "" if digest is None else f"{digest.algorithm}:{digest.short}"
        rows.append((str(item.reference), item.group or "", item.architecture or "", finding_at, by))
    columns: tuple[str, ...] = ("IMAGE", "GROUP", "ARCHITECTURE", "DROPPED", "DIGEST")
    if not imported.digests:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return table_text(columns, rows, stdout_style(), table_width()) if rows else ""


def _json(imported: Imported) -> str:
    from imagelock.report.json import document_json, outcome_fields

    images: list[dict[str, Any]] = [
        {
            "reference": str(item.reference),
            "name": item.reference.name,
            "tag": item.reference.tag,
            "digest": str(imported.digests.get(item.reference.canonical) or "") or None,
            "group": item.group,
            "architecture": item.architecture,
            "sha1": item.sha1,
            "allow_mismatch": item.allow_mismatch,
            "file": item.file,
            "line": item.line,
        }
        for item in imported.requirements
    ]
    return document_json(imported.outcome.command, {"images": images, **outcome_fields(imported.outcome)})


_LOCK_HELP = r"""Read {summary}.

Prints one image per line, with its digest if the file has one: a list that every --lock-file accepts,
and that `imagelock lock --from` accepts after verifying it.

\b
Examples:
  imagelock import {name} FILE > released.txt
  imagelock pin --lock-file released.txt manifests/
"""


def _lock_subcommand(kind: LockImport) -> click.Command:
    @click.command(
        kind.name,
        cls=Verb,
        short_help=kind.summary,
        help=_LOCK_HELP.format(name=kind.name, summary=kind.summary),
        context_settings=CONTEXT,
    )
    @click.argument("names", nargs=-1, required=True, metavar="FILE...")
    @common()
    def read(run: Run, names: tuple[str, ...]) -> None:
        from imagelock.files import decode, read_bytes

        lines: dict[str, None] = {}
        for name in names:
            for reference in kind.read(decode(read_bytes(run.settings.directory / name)), name):
                lines[reference.canonical] = None
        if run.is_json:
            from imagelock.report.json import document_json

            images = [{"reference": line} for line in lines]
            sys.stdout.write(document_json("import", {"images": images}))
        else:
            sys.stdout.write("".join(f"{line}\n" for line in lines))

    return read


for _import in IMPORTS:
    command.add_command(_subcommand(_import))
for _lock_import in LOCK_IMPORTS:
    command.add_command(_lock_subcommand(_lock_import))
