"""``imagelock cluster learn`` and ``respin``: from what a cluster runs to the lock, and from an image to its workloads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from imagelock.cli.cluster_scope import looked, scope_options, today
from imagelock.cli.common import common, verb
from imagelock.cli.terminal import stdout_style, table_width
from imagelock.errors import UsageError

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.ops.cluster.learn import Lesson
    from imagelock.ops.cluster.respin import Spin, Spins
    from imagelock.ops.project import Project


@verb("learn")
@click.argument("dumps", nargs=-1, metavar="[DUMP]...")
@click.option(
    "--write",
    metavar="LIST",
    help="Add what the registries confirm to this list, which `imagelock lock --from LIST` reads.",
)
@scope_options
@common()
def learn(run: Run, dumps: tuple[str, ...], write: str | None, **options: Any) -> None:
    r"""List what a cluster runs and the lock does not know, and what is locked and runs nowhere.

    This finds the images that no file names, such as those that operators start. Each line is an image with its
    digest and, as a comment, the workloads that run it. --write asks the registries for each digest and adds those
    that are there to a list; nothing is taken into the lock by this. What contradicts the lock is never proposed.
    Exits 1 when there is something the lock does not know, 3 when something could not be determined.

    \b
    Examples:
      kubectl get pods,deployments,statefulsets,daemonsets,jobs,cronjobs -A -o json | imagelock cluster learn -
      imagelock cluster learn -n shop --write operators.txt && imagelock lock --from operators.txt
    """
    from imagelock.ops.cluster.learn import learn as look
    from imagelock.ops.project import read_lock

    project = run.open()
    target = looked(options, dumps)
    lock = read_lock(project).lock
    with target.observed(project) as observed:
        lesson = look(observed, lock, project.config.exemptions, today(), target.namespaces)
    lesson = replace(lesson, outcome=lesson.outcome.advised(target.advice))
    if write is not None:
        lesson = _write(run, project, lesson, write)
    run.finish(lesson.outcome, data=_lines(lesson), json=lambda: _learned_json(lesson), feeds=True)


def _write(run: Run, project: Project, lesson: Lesson, name: str) -> Lesson:
    from imagelock.cli.registry_access import registry_access
    from imagelock.ops.cluster.learn_list import add_to_list, prove, written
    from imagelock.paths import require_own

    path = project.directory / name
    if path == project.lock_path:
        raise UsageError("--write names the lock itself", where=name, hint="name a list of its own")
    require_own(path, project.directory, name)
    if not lesson.learned:
        return written(lesson, (), (), name)
    with registry_access(run, project, "asking registries") as access, access.open_reader() as reader:
        proved, missing = prove(lesson.learned, reader, jobs=access.jobs, progress=access.progress)
    changes, contradictions = add_to_list(path, name, proved)
    return written(lesson, changes, (*missing, *contradictions), name)


def _lines(lesson: Lesson) -> str:
    """Return a list that `lock --from` reads; what runs nowhere is in comments."""
    lines = [item.line for item in lesson.learned]
    if lesson.nowhere:
        lines += ["# locked, and runs nowhere here:", *(f"#   {image.image_id}" for image in lesson.nowhere)]
    return "".join(f"{line}\n" for line in lines)


def _learned_json(lesson: Lesson) -> str:
    from imagelock.report.json import document_json, outcome_fields

    nowhere = lesson.nowhere
    return document_json(
        lesson.outcome.command,
        {
            "learned": [
                {"reference": str(item.reference), "users": list(item.users)} for item in lesson.learned
            ],
            "nowhere": None if nowhere is None else [image.image_id for image in nowhere],
            **outcome_fields(lesson.outcome),
        },
    )


@verb("respin")
@click.argument("image")
@click.argument("dumps", nargs=-1, metavar="[DUMP]...")
@scope_options
@common()
def respin(run: Run, image: str, dumps: tuple[str, ...], **options: Any) -> None:
    r"""List which workloads run which content of an image, oldest pods first.

    IMAGE is a name, name:tag, a glob on either, or a digest (six digits are enough), which also finds it under mirrors' names. A row
    with 0 pods is a template: what runs next. Exits 1 when some of it is not in the lock, 3 when something could not
    be determined.

    \b
    Examples:
      imagelock cluster respin nginx
      imagelock cluster respin 'quay.io/acme/*' dump.json
      imagelock cluster respin sha256:04ba374043cc… -o json
    """
    from imagelock.ops.cluster.respin import respin as look
    from imagelock.ops.project import read_lock

    project = run.open()
    target = looked(options, dumps)
    with target.observed(project) as observed:
        spins = look(observed, image, read_lock(project).lock, target.namespaces)
    spins = replace(spins, outcome=spins.outcome.advised(target.advice))
    run.finish(spins.outcome, data=_table(spins), json=lambda: _spins_json(spins))


def _table(spins: Spins) -> str:
    from imagelock.report.text import table_text

    if not spins.rows:
        return ""
    columns = ("SINCE", "WORKLOAD", "NAMESPACE", "CONTAINER", "DIGEST", "PODS", "STATE")
    rows = [_cells(row) for row in spins.rows]
    return table_text(columns, rows, stdout_style(), table_width()) + "\n"


def _cells(row: Spin) -> tuple[str, ...]:
    use = row.use
    algorithm, colon, encoded = row.digest.partition(":")
    digest = f"{algorithm}:{encoded[:12]}…" if colon else "-"
    return (
        row.since or "-",
        str(use.workload),
        use.namespace,
        use.container,
        digest,
        str(use.pods),
        row.state,
    )


def _spins_json(spins: Spins) -> str:
    from imagelock.report.json import document_json, outcome_fields

    return document_json(
        spins.outcome.command,
        {
            "workloads": [_spin_fields(row) for row in spins.rows],
            **outcome_fields(spins.outcome),
        },
    )


def _spin_fields(row: Spin) -> dict[str, Any]:
    use = row.use
    return {
        "namespace": use.namespace,
        "kind": use.workload.kind,
        "name": use.workload.name,
        "container": use.container,
        "image": use.subject.image,
        "digest": row.digest or None,
        "locked": row.locked,
        "pods": use.pods,
        "since": row.since or None,
    }
