"""Helpers for the commands that copy: the client as source and target, and the table of results."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

import click

from imagelock.cli.progress import GOES_ON, progress
from imagelock.cli.requests import observer, say_requests
from imagelock.cli.terminal import stdout_style, table_width
from imagelock.errors import InvalidValueError, UsageError
from imagelock.model.platform import Platform
from imagelock.model.sizes import in_units, parse_size
from imagelock.ops.copies.items import CopyOptions
from imagelock.ops.copies.mirror import outcome, rows
from imagelock.ops.copies.sources import Paced
from imagelock.report.json import document_json, outcome_fields
from imagelock.report.text import table_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.cli.common import Run
    from imagelock.model.outcome import Outcome
    from imagelock.ops.copies.bundle import Written
    from imagelock.ops.copies.sources import Pace
    from imagelock.ops.copies.transfer import Done
    from imagelock.ops.parallel import Progress
    from imagelock.ops.project import Project
    from imagelock.registry.client import RegistryClient
    from imagelock.stores.base import Source


def what_to_copy(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose what of an image is copied; the command gets them as ``options``."""

    @wraps(function)
    def command(
        *args: Any,
        platforms: tuple[str, ...],
        foreign: bool,
        referrers: tuple[str, ...],
        no_referrers: bool,
        **kwargs: Any,
    ) -> None:
        wanted = tuple(map(Platform.parse, platforms))
        function(
            *args,
            options=CopyOptions(
                platforms=wanted, foreign=foreign, referrers=None if no_referrers else referrers
            ),
            **kwargs,
        )

    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Only these platforms (repeatable)."
    ),
    click.option(
        "--foreign-layers",
        "foreign",
        is_flag=True,
        help="Copy layers too that vendors keep to themselves (Windows).",
    ),
    click.option(
        "--referrers",
        multiple=True,
        metavar="TYPE",
        help="Of signatures, attestations and SBOMs only this artifact type (repeatable).",
    ),
    click.option("--no-referrers", is_flag=True, help="Copy no signature, attestation or SBOM."),
)


def limit_rate(function: Callable[..., None]) -> Callable[..., None]:
    """Add the option that keeps a copy to a rate; the command gets it as ``rate``, bytes a second."""
    option = click.option(
        "--limit-rate",
        "rate",
        type=Size(),
        metavar="SIZE",
        help="Copy at most so much in a second, all connections together: 20MiB.",
    )
    return option(function)


class Size(click.ParamType[int]):
    """A size with a unit, in bytes."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the size; one of nothing is refused."""
        try:
            size = parse_size(str(value))
        except InvalidValueError as error:
            self.fail(f"{error.message}: {error.hint}", param, ctx)
        return size or self.fail("a size of nothing", param, ctx)


def pace_of(rate: int | None) -> Pace | None:
    """Return what keeps a copy to so many bytes a second, or None."""
    from imagelock.ops.copies.sources import Pace

    return None if rate is None else Pace(rate)


def paced(source: Source, pace: Pace | None) -> Source:
    """Return the source, at a rate where one is given."""
    return source if pace is None else Paced(source, pace)


@contextmanager
def registries(run: Run, project: Project, title: str) -> Iterator[tuple[RegistryClient, Progress | None]]:
    """Yield a client for reading and writing, and a progress display."""
    if run.settings.offline:
        raise UsageError("this command needs a registry, and --offline contacts none")
    from imagelock.registry.client import RegistryClient

    settings = project.settings
    with (
        RegistryClient(
            project.config.hosts, jobs=settings.jobs, retry_time=settings.retry_time, observer=observer(run)
        ) as client,
        progress(title, quiet=run.quiet, onward=GOES_ON) as shown,
    ):
        yield client, shown
        say_requests(run, client)


def finish(  # noqa: PLR0913 - what the commands that copy do differently, by name
    run: Run,
    command: str,
    done: Done,
    advice: tuple[str, ...] = (),
    *,
    missing: str = "IL303",
    place: str = "TO",
    bundle: tuple[str, Written] | None = None,
    explain: Callable[[Outcome], Outcome] = lambda told: told,
) -> NoReturn:
    """Show the table of results and end with the truthful exit code.

    ``missing`` is the finding of what the source does not have.  ``place`` heads the column that says
    where an image went, ``FILE`` for a file of its own; without it the column is left out.  ``bundle`` is
    what was written, with its path as the user wrote it.  ``explain`` gives findings a better way out.
    """
    told = explain(outcome(command, done, missing=missing))
    lines = rows(done.results, files=place == "FILE")
    columns = ("IMAGE", place, "RESULT") if place else ("IMAGE", "RESULT")
    shown = [line if place else (line[0], line[2]) for line in lines]
    table = table_text(columns, shown, stdout_style(), table_width()) if lines else ""
    seconds = time.monotonic() - run.begun
    if bundle is None:
        words: tuple[str, ...] = (f"took {in_seconds(seconds)}",)
        fields: dict[str, Any] = {}
    else:
        path, written = bundle
        names = [one.name for one in written.files]
        shown_path = path if len(names) == 1 else f"{path}.001 to {names[-1].rpartition('.')[2]}"
        words = (f"{shown_path}: {in_units(written.size)}, {written.digest}, {in_seconds(seconds)}",)
        fields = {"path": path, "size": written.size, "digest": str(written.digest), "files": names}
    whole = replace(told, advice=(*told.advice, *advice, *words))
    document = {
        **outcome_fields(whole),
        "seconds": round(seconds, 3),
        **({"bundle": fields} if fields else {}),
    }
    run.finish(whole, data=table, json=lambda: document_json(command, document))


def in_seconds(seconds: float) -> str:
    """Return a time as people read it."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
