"""Say in which form references are written, by file and by format (``[[pin.rule]]``)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRule:
    """One ``[[pin.rule]]``: the form of places of a format, or in files that match; the first that fits counts.

    ``files`` are patterns as ``.gitignore`` has them, beside the configuration.
    """

    form: str
    files: tuple[str, ...] = ()
    format: str | None = None
