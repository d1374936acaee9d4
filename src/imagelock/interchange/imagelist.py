"""The plain list: ``name[:tag]@digest``, one image per line, in the lock's order.

The form that pipelines pass around and that imagelock reads wherever a lock is only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "list"
summary = "one name[:tag]@digest per line"
is_marked = False
options: tuple[Option, ...] = ()


def export(lock: Lock, asked: ExportOptions) -> str:  # noqa: ARG001 - the protocol's signature
    """Return the list."""
    return "".join(f"{image.image_id}\n" for image in lock.images)
