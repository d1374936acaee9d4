"""Sizes in bytes, as people write and read them."""

from __future__ import annotations

import re

from imagelock.errors import InvalidValueError

_WRITTEN = re.compile(r"([0-9]{1,12}) ?([kKMGT]i?B?|B)?", re.ASCII)
_STEPS = {"": 0, "B": 0, "K": 1, "M": 2, "G": 3, "T": 4}


def parse_size(text: str) -> int:
    """Read ``20MiB``, ``4 GB``, ``512K`` or a plain number of bytes.

    ``i`` counts in 1024, without it ``MB`` counts in 1000; a lone letter counts in 1024, as ``split`` and
    ``dd`` do.  Raises :class:`InvalidValueError`.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise InvalidValueError(
            f"{text[:40]!r} is not a size", hint="write a number and a unit: 20MiB, 4GB", text=text
        )
    unit = match[2] or ""
    step = _STEPS[unit[:1].upper()]
    base = 1000 if len(unit) == 2 and unit.endswith("B") else 1024
    size: int = int(match[1]) * base**step  # A power may be a float to the type checker.
    return size


def in_units(count: int) -> str:
    """Return bytes as people read them (decimal units)."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
