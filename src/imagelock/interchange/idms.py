"""OpenShift's ImageDigestMirrorSet: pulls by digest go to the mirror.

The OpenShift API reference, ``config.openshift.io/v1``; one entry per repository, because the rules of
``--map`` are rules for repositories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.mirrors import SET_OPTIONS, mirror_set

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "idms"
summary = "an OpenShift ImageDigestMirrorSet"
is_marked = True
options: tuple[Option, ...] = SET_OPTIONS


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the object as YAML."""
    return mirror_set("ImageDigestMirrorSet", "imageDigestMirrors", asked, lock)
