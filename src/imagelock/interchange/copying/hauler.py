"""Hauler's ``Images`` manifest (``content.hauler.cattle.io/v1``): what ``hauler store sync -f`` fetches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.copying.package import NAME, by_digest, package_name
from imagelock.interchange.mirrors import documents

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "hauler"
summary = "Hauler's Images manifest, every image by digest"
is_marked = True
options: tuple[Option, ...] = (NAME,)


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the manifest as YAML."""
    return documents(
        [
            {
                "apiVersion": "content.hauler.cattle.io/v1",
                "kind": "Images",
                "metadata": {"name": package_name(asked)},
                "spec": {"images": [{"name": image} for image in by_digest(lock)]},
            }
        ]
    )
