"""``imagelock check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imagelock.cli.common import CONTEXT, Verb, common, format_option, sources_argument
from imagelock.cli.quota import quota_option

if TYPE_CHECKING:
    from imagelock.cli.common import Run


class _Check(Verb):
    """Takes ``--cluster`` alone or as ``--cluster=DUMP``, so that it never swallows a SOURCE."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write the bare option as the one without a dump."""
        end = args.index("--") if "--" in args else len(args)
        words = ["--cluster=" if word == "--cluster" else word for word in args[:end]]
        return super().parse_args(ctx, [*words, *args[end:]])


@click.command("check", cls=_Check, context_settings=CONTEXT)
@sources_argument
@click.option("--registry", is_flag=True, help="Also ask the registries, like `imagelock drift`.")
@click.option(
    "--cluster",
    multiple=True,
    metavar="[=DUMP]",
    help="Also check a cluster or a dump of it, like `imagelock cluster check`.",
)
@click.option(
    "--render",
    is_flag=True,
    help="Render charts and kustomizations with helm and kustomize, and check the result.",
)
@format_option
@quota_option
@common()
def command(
    run: Run,
    sources: tuple[str, ...],
    *,
    registry: bool,
    cluster: tuple[str, ...],
    render: bool,
    force: str | None,
) -> None:
    r"""Check that every reference is pinned to the digest in the lock: the gate for a pipeline.

    Works offline and runs nothing. --registry also reports what has moved or is gone, --cluster what
    runs, in one report with one exit code (0 fine, 1 findings, 2 a file or the lock cannot be read, 3 could not
    tell). --render renders the pinned charts and kustomizations of the project with helm (3 or 4)
    and kustomize or kubectl, offline; every image in the output must have its locked digest, and what
    could not be rendered is reported (IL124).

    \b
    Examples:
      imagelock check                               the whole project
      imagelock check --strict deploy/              warnings count too
      imagelock check --registry --report json=check.json
      imagelock check --render                      and what the charts make of the digests
      imagelock check --cluster                     and what your cluster runs
      imagelock check --cluster=dump.json           and what this dump says
    """
    from imagelock.cli.reading import read
    from imagelock.ops.verify.whole import check_project

    project = run.open()
    checked = check_project(project, read(run, project, sources, force), sources)
    outcome, collection, lock = checked.outcome, checked.collection, checked.lock
    if render:
        from imagelock.ops.verify.render import with_rendering

        outcome = with_rendering(outcome, project, collection, lock)
    if registry:
        from imagelock.cli.registry_access import registry_access
        from imagelock.ops.verify.check import with_drift
        from imagelock.ops.verify.drift import drift

        with registry_access(run, project, "asking registries") as access, access.open_reader() as reader:
            outcome = with_drift(outcome, drift(lock, reader, jobs=access.jobs, progress=access.progress))
    if cluster:
        from imagelock.cli.cluster import examine
        from imagelock.cli.cluster_scope import Looked
        from imagelock.ops.cluster.check import with_cluster

        target = Looked(dumps=tuple(dump for dump in cluster if dump))
        outcome = with_cluster(outcome, examine(project, lock, target).outcome)
    run.finish(outcome, collection=collection)
