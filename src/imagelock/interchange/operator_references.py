"""``references.json`` of operator-manifest-tools: every image as it is written, a JSON list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imagelock.interchange.operator_manifest import tagged

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "operator-references"
summary = "references.json for operator-manifest-tools"
is_marked = False
options: tuple[Option, ...] = ()


def export(lock: Lock, asked: ExportOptions) -> str:  # noqa: ARG001 - the protocol's signature
    """Return the list."""
    return json.dumps(list(tagged(lock)), indent=2) + "\n"
