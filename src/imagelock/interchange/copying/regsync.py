"""regclient's ``regsync.yml``: one step for each image, from its digest to its tag at the mirror.

Follows regsync's configuration, version 1.  An entry without a tag is copied to its digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.mirrors import MAP, MIRROR, documents, registry

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.destination import Destination
    from imagelock.model.lock import Lock, LockedImage

name = "regsync"
summary = "regsync.yml for regclient, from each digest to its place at the mirror"
is_marked = True
options: tuple[Option, ...] = (MIRROR, MAP)


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the configuration as YAML."""
    to = registry(asked)
    return documents([{"version": 1, "sync": [_step(image, to) for image in lock.images]}])


def _step(image: LockedImage, to: Destination) -> dict[str, str]:
    place = f"@{image.digest}" if image.tag is None else f":{image.tag}"
    return {
        "source": f"{image.name}@{image.digest}",
        "target": to.name_of(image.name) + place,
        "type": "image",
    }
