"""``imagelock trace``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from imagelock.cli.common import common, verb
from imagelock.cli.terminal import stdout_style, table_width

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.model.outcome import Outcome
    from imagelock.model.trace import TracedImage
    from imagelock.ops.trace.run import Traced


@verb("trace")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--check", "check_only", is_flag=True, help="Exit 1 if the record is stale; render nothing.")
@click.option("--edit-templates", is_flag=True, help="Also pin lines of templates, where no value can.")
@click.option("--fresh", is_flag=True, help="Render everything again, not only what changed.")
@common()
def command(run: Run, paths: tuple[str, ...], *, check_only: bool, edit_templates: bool, fresh: bool) -> None:
    r"""Learn by rendering which characters build each image, and record it in images.trace.

    For every chart with its values, Argo CD Application, Flux HelmRelease, release of helmfile, [[helm]] of
    imagelock.toml and kustomization: what builds each rendered image is marked and found again in the output,
    and the edit that pins it is proved by rendering once more. scan, lock, pin and check then read the record
    before they guess. Runs helm (3.8 or newer) and kustomize or kubectl, offline and with limits.

    \b
    Examples:
      imagelock trace                     the whole project; only what changed is rendered
      imagelock trace charts/web          one chart
      imagelock trace --check             in a pipeline: is the record up to date?
    """
    from imagelock.cli.reading import read
    from imagelock.ops.trace.run import (
        TraceRequest,
        check_record,
        run_trace,
        trace_outcome,
        write_record,
    )

    project = run.open()
    collection = read(run, project, traced=False)
    if check_only:
        run.finish(check_record(project, collection))
    request = TraceRequest(paths=paths, edit_templates=edit_templates, fresh=fresh)
    traced = run_trace(project, collection, request)
    write_record(project, traced)
    outcome = trace_outcome(traced)
    run.finish(outcome, data=_text(traced), json=lambda: _json(traced, outcome))


def _text(traced: Traced) -> str:
    from imagelock.report.text import table_text

    style, width = stdout_style(), table_width()
    rows = [
        (image.image, target.name, image.edit.kind if image.edit else "-", _where(image))
        for target, _, _ in traced.rendered
        for image in target.images
    ]
    text = table_text(("IMAGE", "TARGET", "EDIT", "WHERE"), rows, style, width) if rows else ""
    counts = [
        (
            target.name,
            str(len(target.images)),
            str(sum(1 for image in target.images if image.parts)),
            str(sum(1 for image in target.images if image.proved)),
            str(renders),
            f"{seconds:.2f}",
        )
        for target, renders, seconds in traced.rendered
    ]
    columns = ("TARGET", "IMAGES", "TRACED", "PROVED", "RENDERS", "SECONDS")
    return text + ("\n" + table_text(columns, counts, style, width) if counts else "")


def _where(image: TracedImage) -> str:
    if image.edit is not None:
        return f"{image.edit.file} {image.edit.path}"
    return image.reason or ""


def _json(traced: Traced, outcome: Outcome) -> str:
    import dataclasses

    from imagelock.report.json import document_json, outcome_fields

    targets: list[dict[str, Any]] = [
        {**dataclasses.asdict(target), "renders": renders, "seconds": round(seconds, 3)}
        for target, renders, seconds in traced.rendered
    ]
    return document_json("trace", {"targets": targets, **outcome_fields(outcome)})
