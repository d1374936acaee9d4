"""``imagelock mirror``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imagelock.cli.common import common, verb
from imagelock.cli.copying import finish, limit_rate, paced, registries, what_to_copy

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.ops.copies.items import CopyOptions


@verb("mirror")
@click.option("--to", required=True, metavar="REGISTRY", help="host[:port][/prefix] to copy to.")
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="PATTERN=PATH",
    help="Path for names that match this regular expression (repeatable, the first match wins).",
)
@click.option("--shard", metavar="I/N", help="Only the part I (from 0) of N, chosen by digest.")
@what_to_copy
@click.option(
    "--move",
    "moves",
    multiple=True,
    metavar="IMAGE",
    help="Move this tag even if it points to another image.",
)
@limit_rate
@click.option("--dry-run", is_flag=True, help="Show what is missing, write nothing.")
@common()
def command(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    *,
    to: str,
    maps: tuple[str, ...],
    shard: str | None,
    moves: tuple[str, ...],
    options: CopyOptions,
    rate: int | None,
    dry_run: bool,
) -> None:
    r"""Copy the lock's images into another registry, byte for byte, under the same digests.

    An image goes to REGISTRY/<original host>/<path> with its tag; a port in the host becomes -PORT. An
    entry without a tag gets the tag imagelock-<first 12 characters of the digest>, so that the registry
    does not delete it. A tag that points to another image there is refused. Content that is there is not sent again,
    so an interrupted run continues where it stopped. Needs only the lock.

    \b
    Examples:
      imagelock mirror --to registry.corp:5000
      imagelock mirror --to registry.corp/mirror --dry-run
      imagelock mirror --to registry.corp --limit-rate 20MiB
      imagelock mirror --to registry.corp --map 'docker.io/library/(.*)=base/$1'
      imagelock mirror --to registry.corp --shard 0/4      one of four jobs
    """
    from imagelock.model.destination import destination
    from imagelock.ops.copies import mirror, transfer
    from imagelock.ops.copies.forecast import forecast
    from imagelock.ops.copies.plan import plan
    from imagelock.ops.copies.sources import Pace
    from imagelock.ops.copies.tree import CachingSource
    from imagelock.ops.project import read_lock

    project = run.open()
    part = mirror.Shard() if shard is None else mirror.Shard.parse(shard)
    lock = read_lock(project).lock
    items = mirror.items(lock, destination(to, maps), part, moves)
    jobs = run.settings.jobs
    with registries(run, project, "mirroring") as (client, shown):
        source = CachingSource(paced(client, None if rate is None else Pace(rate)))
        planned = plan(source, client, items, options, jobs=jobs)
        words = forecast(planned, lock, options.platforms)
        if dry_run:
            run.finish(mirror.preview("mirror", planned, (words,)))
        run.say(words + "\n")
        done = transfer.apply(planned, source, client, jobs=jobs, progress=shown)
        advice = (*client.warnings, *mirror.left_with_vendor(planned.foreign.values()))
    finish(run, "mirror", done, advice)
