"""``imagelock merge-driver``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagelock.cli.common import common, verb

if TYPE_CHECKING:
    from imagelock.cli.common import Run

_PATH = click.Path(path_type=Path)


@verb("merge-driver")
@click.argument("base", type=_PATH)
@click.argument("ours", type=_PATH)
@click.argument("theirs", type=_PATH)
@click.argument("path", required=False)
@common()
def command(run: Run, base: Path, ours: Path, theirs: Path, path: str | None) -> None:
    r"""Merge two locks for git, image by image, and write the result over OURS.

    Blocks of different images never conflict. One image that was updated to two different digests does (exit 1): both
    blocks are written between git's markers, and `imagelock lock --resolve` resolves them. A side that is not a lock
    leaves both sides between markers (exit 2).

    `imagelock init` writes the line of .gitattributes; the program has to be configured once in each clone.

    \b
    Examples:
      git config merge.imagelock.driver 'imagelock merge-driver %O %A %B %P'
      git config merge.imagelock.name "imagelock's merge of two locks"
    """
    from imagelock.ops.lock.merge import run_merge

    directory = run.settings.directory.absolute()
    sides = (directory / base, directory / ours, directory / theirs)
    run.finish(run_merge(*sides, path or ours.as_posix()))
