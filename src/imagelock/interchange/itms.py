"""OpenShift's ImageTagMirrorSet: pulls by tag go to the mirror too.

The OpenShift API reference, ``config.openshift.io/v1``.  A cluster that runs pinned files needs it only for
what is not pinned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.mirrors import SET_OPTIONS, mirror_set

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "itms"
summary = "an OpenShift ImageTagMirrorSet"
is_marked = True
options: tuple[Option, ...] = SET_OPTIONS


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the object as YAML."""
    return mirror_set("ImageTagMirrorSet", "imageTagMirrors", asked, lock)
