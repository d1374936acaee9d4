"""Handle the terminal: colours, width, and data for other programs."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from imagelock.files import encode
from imagelock.report.style import Style, printable_lines

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
