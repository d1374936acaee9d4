"""``replacements.json`` of operator-manifest-tools: every image as it is written, and by its digest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imagelock.interchange.operator_manifest import tagged

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "operator-replacements"
summary = "replacements.json for operator-manifest-tools"
is_marked = False
options: tuple[Option, ...] = ()


def export(lock: Lock, asked: ExportOptions) -> str:  # noqa: ARG001 - the protocol's signature
    """Return the object."""
    return json.dumps(tagged(lock), indent=2) + "\n"
