"""``imagelock lock``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imagelock.cli import values
from imagelock.cli.common import common, format_option, sources_argument, verb
from imagelock.cli.quota import quota_option

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.ops.lock.plan import LockRequest
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection


@verb("lock")
@sources_argument
@click.option("-U", "--upgrade", is_flag=True, help="Resolve every tag again.")
@click.option(
    "-P",
    "--upgrade-image",
    "upgrade_images",
    multiple=True,
    metavar="IMAGE",
    shell_complete=values.images,
    help="Resolve only this image again (repeatable; name, name:tag or glob).",
)
@click.option("--adopt", is_flag=True, help="Where a file and the lock differ, take the digest of the file.")
@click.option("--full", is_flag=True, help="Record config digests and sizes of all platforms.")
@click.option(
    "--from",
    "lists",
    multiple=True,
    metavar="LIST",
    help="Also lock the image IDs in these lists (repeatable, globs).  [default: [lock] from, [build] references]",
)
@click.option(
    "--resolve-external", is_flag=True, help="Resolve listed images that have no digest at the registry."
)
@click.option("--keep-going", is_flag=True, help="Write what could be resolved; the exit code is still 3.")
@click.option(
    "--check",
    "check_only",
    is_flag=True,
    help="Exit 1 if the lock would change; contacts registries only with -U or -P.",
)
@click.option(
    "--resolve",
    is_flag=True,
    help="Resolve merge conflicts in the lock; conflicting images are resolved again.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, write nothing.")
@format_option
@quota_option
@common()  # fmt: skip
def command(  # noqa: PLR0913 - the options of the contract
    run: Run,
    sources: tuple[str, ...],
    *,
    upgrade: bool,
    upgrade_images: tuple[str, ...],
    adopt: bool,
    full: bool,
    lists: tuple[str, ...],
    resolve_external: bool,
    keep_going: bool,
    check_only: bool,
    resolve: bool,
    dry_run: bool,
    force: str | None,
) -> None:
    r"""Resolve every reference the lock does not know, keep the rest, and write images.lock.

    Known entries stay until -U, -P or `imagelock update`. A new reference name:tag@digest that the lock does
    not know is taken as it is, once the registry confirms that the digest exists. Nothing is written unless
    everything was resolved. An entry is removed only when the whole project was scanned and nothing uses it.

    \b
    Examples:
      imagelock lock                   resolve what is new
      imagelock lock -P nginx          resolve nginx's tags again, nothing else
      imagelock lock -U --dry-run      what would a full upgrade change?
      imagelock lock --check           in a pipeline: is the lock up to date?
      imagelock lock --from external_images --from 'image_references/*'
    """
    from imagelock.cli.reading import read
    from imagelock.cli.registry_access import registry_access
    from imagelock.ops.lock.build_lists import read_lists
    from imagelock.ops.lock.plan import LockRequest
    from imagelock.ops.lock.run import check_lock, run_lock
    from imagelock.ops.writing import WriteMode

    project = run.open()
    collection = read(run, project, sources, force)
    request = LockRequest(
        upgrade=upgrade,
        upgrade_images=upgrade_images,
        adopt=adopt,
        full=full,
        offline=run.settings.offline,
        platforms=project.config.platforms,
        listed=read_lists(project, lists, resolve_external=resolve_external),
    )
    asks = not check_only or upgrade or bool(upgrade_images)
    # A lock in conflict is settled first; what was selected stays meanwhile.
    collection, request = _with_listed(run, project, (collection, request), asks=asks, selects=not resolve)
    if not asks:
        checked = check_lock(project, collection, request)
        run.finish(checked, collection=collection, at_least=int(bool(checked.changes)))
    with registry_access(run, project, "resolving", everyone=True) as access:
        write = not (dry_run or check_only)
        mode = WriteMode(write=write, keep_going=keep_going, settle=resolve, notify=run.remark)
        outcome = run_lock(project, collection, request, access, mode)
    run.finish(outcome, collection=collection, at_least=int(check_only and bool(outcome.changes)))


def _with_listed(
    run: Run, project: Project, planned: tuple[Collection, LockRequest], *, asks: bool, selects: bool
) -> tuple[Collection, LockRequest]:
    """Add what only registries list: tags that are selected, and what catalogs inside images name."""
    collection, request = planned
    if selects:
        request = _with_selected(run, project, request, asks=asks)
    if project.config.olm.catalogs:
        collection = _with_catalogs(run, project, collection, request, asks=asks)
    return collection, request


def _with_selected(run: Run, project: Project, request: LockRequest, *, asks: bool) -> LockRequest:
    """Add what ``[[mirror.select]]`` chooses; nothing is asked for what was chosen before."""
    from imagelock.cli.registry_access import registry_access
    from imagelock.ops.lock.select import with_selected

    if not asks or not project.config.selections:
        return with_selected(project, request, None)
    with registry_access(run, project, "listing tags") as access:
        return with_selected(project, request, access)


def _with_catalogs(
    run: Run, project: Project, collection: Collection, request: LockRequest, *, asks: bool
) -> Collection:
    """Add what catalogs inside images list, each image at the digest that this run locks."""
    from imagelock.cli.registry_access import registry_access
    from imagelock.ops.olm.catalogs import lock_of_catalogs, with_catalogs
    from imagelock.ops.project import read_lock

    lock = read_lock(project, for_writing=True).lock
    if asks:
        with registry_access(run, project, "resolving", everyone=True) as access:
            lock = lock_of_catalogs(project, collection, lock, request, access)
    return with_catalogs(project, collection, lock)
