"""The JSON Schemas of what imagelock reads and writes, as files of the package (draft-07, which editors know)."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMAS: Mapping[str, str] = {
    "config": "imagelock.toml, and [tool.imagelock] of pyproject.toml",
    "lock": "images.lock",
    "output": "what every command prints with -o json",
}
"""Each schema's name with what it describes; the file of ``x`` is ``x.schema.json``."""


def schema_text(name: str) -> str:
    """Return one schema as JSON; raise :class:`KeyError` for a name that is not in :data:`SCHEMAS`."""
    if name not in SCHEMAS:
        raise KeyError(name)
    return resources.files(__name__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
