"""Values that a shell completes: codes, images of the lock, formats, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import ImagelockError

if TYPE_CHECKING:
    import click


def images(ctx: click.Context, parameter: click.Parameter, start: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the names in the lock, without tags: a colon ends a word in bash."""
    from imagelock.ops.project import Settings, open_project, read_lock

    try:
        lock = read_lock(open_project(Settings())).lock
    except ImagelockError:
        return []
    return sorted({image.name for image in lock.images if image.name.startswith(start)})


def codes(ctx: click.Context, parameter: click.Parameter, start: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return codes and names of findings."""
    from imagelock.model.finding_codes import FINDING_CODES

    known = [word for code, kind in FINDING_CODES.items() for word in (code, kind.name)]
    return [word for word in known if word.lower().startswith(start.lower())]


def formats(ctx: click.Context, parameter: click.Parameter, start: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the formats of files."""
    from imagelock.formats.all import names

    return [name for name in names() if name.startswith(start)]


def reports(ctx: click.Context, parameter: click.Parameter, start: str) -> list[str]:  # noqa: ARG001 - click's signature
    """Return the formats of reports, ready for a file's name."""
    from imagelock.report.all import REPORTS

    return [f"{name}=" for name in REPORTS if name.startswith(start)]
