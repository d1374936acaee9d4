"""Read the files of a project, and show how far it is where the tree is large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from imagelock.cli.common import Run
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection


def read(
    run: Run,
    project: Project,
    sources: Sequence[str] = (),
    force: str | None = None,
    *,
    besides: Path | None = None,
    traced: bool = True,
) -> Collection:
    """Read the sources as :func:`~imagelock.ops.scan.collect.collect` does."""
    from imagelock.ops.scan.collect import collect

    # Processes share a large tree, and only a process without further threads forks safely.
    with progress("reading", quiet=run.quiet, unit="files", threads=False) as shown:
        return collect(project, sources, force, besides=besides, traced=traced, progress=shown)
