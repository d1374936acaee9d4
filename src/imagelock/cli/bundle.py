"""``imagelock bundle``: create, verify, list, diff, load."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagelock.cli.common import CONTEXT, Verb, VerbGroup, common
from imagelock.cli.copying import Size, finish, limit_rate, pace_of, paced, registries, what_to_copy

if TYPE_CHECKING:
    from imagelock.cli.common import Run
    from imagelock.ops.copies.archive import PreparedArchives
    from imagelock.ops.copies.bundle import BundleResult, Prepared, Request
    from imagelock.ops.copies.contents import Contents
    from imagelock.ops.copies.items import CopyOptions
    from imagelock.ops.parallel import Progress
    from imagelock.stores.base import Source
    from imagelock.stores.local import LocalStore

_PATH = click.argument("path", type=click.Path(path_type=Path), metavar="FILE.tar|DIR")


@click.group("bundle", cls=VerbGroup, context_settings=CONTEXT)
def command() -> None:
    r"""Carry the lock's images to sites without a network, as one OCI image layout with the lock inside.

    \b
    Examples:
      imagelock bundle create release.tar
      imagelock bundle verify release.tar
      imagelock bundle load release.tar --to registry.site:5000
    """


@command.command("create", cls=Verb, context_settings=CONTEXT)
@_PATH
@what_to_copy
@click.option(
    "--since",
    type=click.Path(path_type=Path),
    metavar="LOCK",
    help="Leave out what this lock, list or earlier bundle already has.",
)
@click.option(
    "--archive",
    type=click.Choice(["oci", "docker-archive"]),
    default="oci",
    show_default=True,
    help="docker-archive: write one file per image into DIR, for `docker load`.",
)
@click.option(
    "--naming",
    type=click.Choice(["full", "epiphany"]),
    default="full",
    show_default=True,
    help="How files in DIR are named: by the whole name, or <last part>-<tag>.tar.",
)
@click.option(
    "--split",
    "part_size",
    type=Size(),
    metavar="SIZE",
    help="Cut a tar into parts of this size: 4GiB gives FILE.tar.001, FILE.tar.002, …",
)
@limit_rate
@click.option("--dry-run", is_flag=True, help="Show what the bundle would take, write nothing.")
@common()
def create(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    path: Path,
    *,
    since: Path | None,
    options: CopyOptions,
    archive: str,
    naming: str,
    part_size: int | None,
    rate: int | None,
    dry_run: bool,
) -> None:
    r"""Write the lock's images into one tar or directory.

    An interrupted run continues where it stopped. The tar is byte for byte the same whenever the lock
    is the same, and appears only when it is complete. With --platform an index keeps its bytes; what is left out is
    recorded for verify and load. skopeo and umoci can read the result.

    \b
    Examples:
      imagelock bundle create release.tar
      imagelock bundle create bundle/ --platform linux/amd64
      imagelock bundle create release.tar --dry-run
      imagelock bundle create release.tar --split 4GiB
      imagelock bundle create delta.tar --since images.lock.v1
      imagelock bundle create images/ --archive docker-archive --naming epiphany --platform linux/amd64
    """
    from imagelock.ops.copies import bundle
    from imagelock.ops.copies.deliveries import lock_of
    from imagelock.ops.copies.mirror import preview
    from imagelock.ops.project import read_lock

    _require_sense(path, archive, naming, part_size)
    project = run.open()
    request = bundle.Request(
        lock=read_lock(project).lock,
        path=project.directory / path,
        options=options,
        since=None if since is None else lock_of(run.settings.directory, since),
        since_name="" if since is None else since.name,
        part_size=part_size,
        jobs=run.settings.jobs,
    )
    with registries(run, project, "bundling") as (client, shown):
        made = _prepared(request, paced(client, pace_of(rate)), None if archive == "oci" else naming)
        words = _forecast(made, request, path)
        if dry_run:
            run.finish(preview("bundle-create", made.whole, (words, *made.advice)))
        run.say(words + "\n")
        done = _written(made, shown)
        warnings = client.warnings
    needs = () if since is None else (f"needs the delivery of {since.name}: load that first",)
    finish(
        run,
        "bundle-create",
        done.done,
        (*done.advice, *warnings, *needs),
        place="FILE" if archive == "docker-archive" else "",
        bundle=None if done.written is None else (str(path), done.written),
    )


def _require_sense(path: Path, archive: str, naming: str, part_size: int | None) -> None:
    """Refuse options that do not go together."""
    from imagelock.errors import UsageError
    from imagelock.ops.copies.bundle import is_tar
    from imagelock.stores.volumes import whole_path

    if archive == "oci" and naming != "full":
        raise UsageError("--naming is for --archive docker-archive")
    if part_size is not None and (archive != "oci" or not is_tar(path)):
        raise UsageError("--split cuts one tar: name the bundle FILE.tar")
    if whole_path(path) != path:
        raise UsageError(f"{path} is the name of a part", hint="name the whole; --split numbers the parts")


def _prepared(request: Request, source: Source, naming: str | None) -> Prepared | PreparedArchives:
    """Plan one bundle, or with the naming of its files an archive for each image."""
    from imagelock.ops.copies import archive, bundle

    if naming is None:
        return bundle.prepare(request, source)
    return archive.prepare(request, source, archive.NAMINGS[naming])


def _written(made: Prepared | PreparedArchives, shown: Progress | None) -> BundleResult:
    from imagelock.ops.copies import archive, bundle

    return bundle.write(made, shown) if isinstance(made, bundle.Prepared) else archive.write(made, shown)


def _forecast(made: Prepared | PreparedArchives, request: Request, path: Path) -> str:
    """Say what will be copied, and how large a bundle becomes."""
    from imagelock.model.sizes import in_units
    from imagelock.ops.copies import bundle
    from imagelock.ops.copies.forecast import forecast

    words = forecast(made.whole, request.lock, request.options.platforms)
    if isinstance(made, bundle.Prepared) and not made.whole.settled:
        words += f"; {path} takes {in_units(bundle.needed(made))}"
    return words


@command.command("verify", cls=Verb, context_settings=CONTEXT)
@_PATH
@common()
def verify(run: Run, path: Path) -> None:
    r"""Hash every byte of a bundle and compare it with the lock inside, offline.

    Exits 1 and names what is damaged or missing. What was left out on purpose is counted, but is not an error.

    \b
    Examples:
      imagelock bundle verify release.tar
      imagelock bundle verify bundle/ -o json
    """
    from imagelock.cli.progress import progress
    from imagelock.ops.copies.inspect import verify as verified

    where = run.settings.directory / path
    with progress("hashing", quiet=run.quiet, unit="blobs") as shown:
        outcome = verified(where, shown)
    run.finish(outcome)


@command.command("list", cls=Verb, context_settings=CONTEXT)
@_PATH
@common()
def list_(run: Run, path: Path) -> None:
    r"""List a bundle's images, their platforms and sizes; hashes manifests only.

    \b
    Examples:
      imagelock bundle list release.tar
      imagelock bundle list bundle/ -o json
    """
    from imagelock.cli.terminal import stdout_style, table_width
    from imagelock.model.outcome import Outcome
    from imagelock.model.sizes import in_units
    from imagelock.ops.copies.inspect import known_by, listing
    from imagelock.report.json import document_json
    from imagelock.report.text import table_text

    where = run.settings.directory / path
    found = listing(where)
    rows = [
        (
            f"{one.image.name}:{one.image.tag}" if one.image.tag else one.image.name,
            f"{one.image.digest.algorithm}:{one.image.digest.short}…",
            ", ".join((*one.platforms, *(f"({name} left out)" for name in one.absent))),
            in_units(one.size),
        )
        for one in found
    ]
    fields = [
        {
            "name": one.image.name,
            "tag": one.image.tag,
            "digest": str(one.image.digest),
            "platforms": list(one.platforms),
            "left_out": list(one.absent),
            "size": one.size,
        }
        for one in found
    ]
    summary = {"images": len(found)}
    run.finish(
        Outcome(command="bundle-list", summary=summary, advice=known_by(where)),
        data=table_text(("IMAGE", "DIGEST", "PLATFORMS", "SIZE"), rows, stdout_style(), table_width()),
        json=lambda: document_json("bundle-list", {"images": fields, "summary": summary}),
    )


@command.command("load", cls=Verb, context_settings=CONTEXT)
@_PATH
@click.option("--to", required=True, metavar="REGISTRY", help="host[:port][/prefix] to load into.")
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="PATTERN=PATH",
    help="Path for names that match this regular expression (repeatable, the first match wins).",
)
@click.option(
    "--move",
    "moves",
    multiple=True,
    metavar="IMAGE",
    help="Move this tag even if it points to another image.",
)
@limit_rate
@click.option(
    "--verify", "verifies", is_flag=True, help="Hash the whole bundle first; send nothing of a damaged one."
)
@click.option("--dry-run", is_flag=True, help="Show what is missing, write nothing.")
@common()
def load(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    path: Path,
    *,
    to: str,
    maps: tuple[str, ...],
    moves: tuple[str, ...],
    rate: int | None,
    verifies: bool,
    dry_run: bool,
) -> None:
    r"""Push a bundle into a registry: <registry>/<original host>/<path>, digests unchanged.

    An image with a damaged byte is not tagged: a registry that was seen to refuse wrong bytes hashes what it gets,
    for any other one every byte is hashed on the way. --verify hashes the bundle before. Tags and names are those
    of `imagelock mirror`.

    \b
    Examples:
      imagelock bundle load release.tar --to registry.site:5000
      imagelock bundle load bundle/ --to registry.site/apps --dry-run
    """
    from imagelock.model.destination import destination
    from imagelock.model.platform import Platform
    from imagelock.ops.copies import bundle, mirror, transfer
    from imagelock.ops.copies.deliveries import explained
    from imagelock.ops.copies.forecast import forecast
    from imagelock.ops.copies.plan import plan
    from imagelock.ops.copies.straight import Straight

    project = run.open()
    store, inside = _opened(run, path)
    if verifies:
        _require_good(run, run.settings.directory / path)
    items = mirror.items(inside.lock, destination(to, maps), mirror.Shard(), moves)
    options = bundle.load_options(inside.record, items)
    jobs = run.settings.jobs
    with registries(run, project, "loading") as (client, shown):
        planned = plan(store, client, items, options, jobs=jobs)
        words = forecast(planned, inside.lock, tuple(map(Platform.parse, inside.record.platforms)))
        if dry_run:
            run.finish(mirror.preview("bundle-load", planned, (words,), missing="IL306"))
        run.say(words + "\n")
        pace = pace_of(rate)
        straight = Straight(store, client, pace)
        source = paced(store, pace)
        done = transfer.apply(planned, source, client, jobs=jobs, progress=shown, straight=straight)
        warnings = client.warnings
    explain = partial(explained, record=inside.record)
    finish(run, "bundle-load", done, warnings, missing="IL306", explain=explain)


def _opened(run: Run, path: Path) -> tuple[LocalStore, Contents]:
    """Return a bundle and what it says of itself, or end with what is damaged."""
    from imagelock.errors import IntegrityError
    from imagelock.ops.copies import bundle, contents, inspect

    try:
        store = bundle.open_store(run.settings.directory / path)
        return store, contents.require(store)
    except IntegrityError as error:
        run.finish(inspect.damaged("bundle-load", path, error))


def _require_good(run: Run, path: Path) -> None:
    """End with what is wrong with the bundle, if anything is."""
    from dataclasses import replace

    from imagelock.cli.progress import progress
    from imagelock.ops.copies.inspect import verify as verified

    with progress("hashing", quiet=run.quiet, unit="blobs") as shown:
        outcome = verified(path, shown)
    if outcome.findings:
        run.finish(replace(outcome, command="bundle-load"))


@command.command("diff", cls=Verb, context_settings=CONTEXT)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@common()
def diff(run: Run, old: Path, new: Path) -> None:
    r"""Compare two deliveries: images added, removed or moved, and how many bytes are new.

    OLD and NEW are bundles, locks or plain lists; bytes are known where they are bundles. Exits 0 whatever the difference
    is.

    \b
    Examples:
      imagelock bundle diff release-1.tar release-2.tar
      imagelock bundle diff release-1.tar images.lock
    """
    from imagelock.ops.copies.deliveries import compare, open_delivery

    where = run.settings.directory
    run.finish(compare(open_delivery(where, old), open_delivery(where, new)))
