"""``imagelock update``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imagelock.cli import values
from imagelock.cli.common import common, verb
from imagelock.cli.quota import quota_option
from imagelock.errors import UsageError

if TYPE_CHECKING:
    from imagelock.cli.common import Run


@verb("update")
@click.argument("images", nargs=-1, metavar="[IMAGE]...", shell_complete=values.images)
@click.option("-U", "--upgrade", is_flag=True, help="Update every image.")
@click.option("--dry-run", is_flag=True, help="Show what would change, write nothing.")
@click.option("--keep-going", is_flag=True, help="Write what succeeded; the exit code reports the rest.")
@quota_option
@common()
def command(run: Run, images: tuple[str, ...], *, upgrade: bool, dry_run: bool, keep_going: bool) -> None:
    r"""Write the new digests of images into the lock and into every file, in one transaction.

    This is the only command that also updates references written as name@digest, because it knows the old digest
    and the new one. IMAGE is a name, name:tag or glob.

    \b
    Examples:
      imagelock update nginx                    every locked tag of nginx
      imagelock update quay.io/acme/app:1.4     this tag
      imagelock update -U                       everything
    """
    from imagelock.cli.reading import read
    from imagelock.cli.registry_access import registry_access
    from imagelock.ops.lock.plan import LockRequest
    from imagelock.ops.olm.catalogs import lock_of_catalogs, olm_pinning, with_catalogs
    from imagelock.ops.pin.forms import Forms
    from imagelock.ops.pin.plan import PinRequest
    from imagelock.ops.project import read_lock
    from imagelock.ops.update import run_update
    from imagelock.ops.writing import WriteMode

    if upgrade and images:
        raise UsageError("-U updates every image: give -U or name images, not both")
    if not upgrade and not images:
        raise UsageError("name the images to update, or give -U for all")
    project = run.open()
    collection = read(run, project)
    config = project.config
    request = LockRequest(upgrade=upgrade, upgrade_images=images, platforms=config.platforms)
    olm = None
    if config.olm.related_images:
        lock = read_lock(project, for_writing=True).lock
        with registry_access(run, project, "resolving", everyone=True) as access:
            lock = lock_of_catalogs(project, collection, lock, request, access)
        olm = olm_pinning(project, collection, lock)
        collection = with_catalogs(project, collection, lock)
    requests = (
        request,
        PinRequest(
            forms=Forms.of(config, is_olm=olm is not None), keep_existing=config.existing == "keep", olm=olm
        ),
    )
    with registry_access(run, project, "resolving", everyone=True) as access:
        mode = WriteMode(write=not dry_run, keep_going=keep_going, notify=run.remark)
        outcome = run_update(project, collection, requests, access, mode)
    run.finish(outcome, collection=collection)
