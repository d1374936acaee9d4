"""Handle the terminal: colours, width, and progress that is shown only on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from imagelock.files import encode
from imagelock.report.style import Style, printable_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.ops.parallel import Progress

_chosen: list[str] = ["auto"]


def choose_colour(when: str) -> None:
    """Remember ``--color`` for this process."""
    _chosen[0] = when


def stdout_style() -> Style:
    """Return the colours for data."""
    return Style(_coloured(sys.stdout))


def stderr_style() -> Style:
    """Return the colours for words."""
    return Style(_coloured(sys.stderr))


def table_width() -> int | None:
    """Return the width tables must fit; None when stdout is not a terminal and nothing is cut or folded."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def feed(text: str) -> None:
    """Write data for another program byte for byte; on a terminal no control character gets through."""
    if sys.stdout.isatty():
        sys.stdout.write(printable_lines(text))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(encode(text))


def _coloured(stream: TextIO) -> bool:
    """Follow --color, then NO_COLOR and FORCE_COLOR (no-color.org, force-color.org), then the terminal."""
    if _chosen[0] != "auto":
        return _chosen[0] == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def progress(title: str, *, quiet: bool) -> Iterator[Progress | None]:
    """Show a running count on a terminal's stderr; yield None where no one would see it."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn())
    # Data that is written meanwhile belongs to stdout as it is: rich would fold it and put it on stderr.
    console = Console(stderr=True)
    with Bar(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        yield _Counter(bar, bar.add_task(title, total=None))


class _Counter:
    def __init__(self, bar: object, task: object) -> None:
        self._bar = bar
        self._task = task

    def advance(self, what: str) -> None:  # noqa: ARG002 - the count is enough
        """Count one more."""
        self._bar.advance(self._task)  # type: ignore[attr-defined] # rich is not imported for its types
