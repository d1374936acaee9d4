"""OpenShift's ImageContentSourcePolicy, which clusters before 4.13 have instead of an ImageDigestMirrorSet.

The OpenShift API reference, ``operator.openshift.io/v1alpha1``.  Newer clusters still read it and call it
deprecated; only one of the two kinds should be in a cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.mirrors import NAMED, mirror_objects

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "icsp"
summary = "an OpenShift ImageContentSourcePolicy (before 4.13; use idms since)"
is_marked = True
options: tuple[Option, ...] = NAMED


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the object as YAML."""
    return mirror_objects(
        "operator.openshift.io/v1alpha1", "ImageContentSourcePolicy", "repositoryDigestMirrors", asked, lock
    )
