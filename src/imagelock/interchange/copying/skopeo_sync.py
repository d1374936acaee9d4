"""The YAML source of ``skopeo sync --src yaml``: every host, its repositories and their digests.

Follows skopeo-sync(1).  skopeo copies by digest what is listed by digest and writes no tag; tags at the
target are what ``imagelock mirror`` writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.mirrors import documents

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "skopeo-sync"
summary = "the YAML source of `skopeo sync`, every image by digest"
is_marked = True
options: tuple[Option, ...] = ()


def export(lock: Lock, asked: ExportOptions) -> str:  # noqa: ARG001 - the protocol's signature
    """Return the source file as YAML."""
    hosts: dict[str, dict[str, list[str]]] = {}
    for image in lock.images:
        host, _, repository = image.name.partition("/")
        digests = hosts.setdefault(host, {}).setdefault(repository, [])
        if str(image.digest) not in digests:
            digests.append(str(image.digest))
    return documents([{host: {"images": repositories} for host, repositories in hosts.items()}])
