"""``spec.relatedImages`` of a ClusterServiceVersion, for bundles that are put together by other tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from imagelock.errors import UsageError
from imagelock.model import olm
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "relatedimages"
summary = "spec.relatedImages of an OLM bundle, the tag in a comment below"
is_marked = True
options: tuple[Option, ...] = ()


def export(lock: Lock, asked: ExportOptions) -> str:  # noqa: ARG001 - the protocol's signature
    """Return the list in the lock's order; raise :class:`UsageError` for names that collide."""
    origins = [Reference.parse(image.reference) for image in lock.images]
    names = olm.related_names(origins)
    for shared in olm.collisions(names):
        raise UsageError(
            f"two images get the name {shared} (IL116)", hint="exempt one of them, or change its tag"
        )
    lines = ["relatedImages:" if origins else "relatedImages: []"]
    for origin, image in zip(origins, lock.images, strict=True):
        lines += [
            f"- name: {_scalar(names[olm.identity(origin)])}",
            f"  image: {image.name}@{image.digest}",
            f"  # tag: {origin}",
        ]
    return "".join(f"{line}\n" for line in lines)


def _scalar(text: str) -> str:
    written: str = yaml.safe_dump(text, width=2**20)
    return written.removesuffix("\n").removesuffix("\n...")
