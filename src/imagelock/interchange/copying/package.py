"""What the exports for packing tools share: every image by digest, and the name of the package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.interchange.base import Option

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

NAME = Option(name="name", help="The object's name.", metavar="NAME", default=("imagelock",))

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?", re.ASCII)


def package_name(asked: ExportOptions) -> str:
    """Return ``--name``; raise :class:`UsageError` when Kubernetes would not take it."""
    wanted = asked.one(NAME.name) or ""
    if not _NAME.fullmatch(wanted):
        raise UsageError(f"--name {wanted!r} is not a name", hint="use lower-case letters, digits and -")
    return wanted


def by_digest(lock: Lock) -> list[str]:
    """Return ``name@digest`` of every entry once: two tags of one digest are one image."""
    return list(dict.fromkeys(f"{image.name}@{image.digest}" for image in lock.images))


def in_full(lock: Lock) -> list[str]:
    """Return ``name[:tag]@digest`` of every entry."""
    return [image.image_id for image in lock.images]
