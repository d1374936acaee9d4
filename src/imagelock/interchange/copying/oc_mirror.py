"""oc-mirror's ``ImageSetConfiguration`` (``mirror.openshift.io/v2alpha1``) with the lock's images.

They are ``additionalImages``: what operators and catalogs need is in the lock already, by digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.interchange.copying.package import by_digest
from imagelock.interchange.mirrors import documents

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions, Option
    from imagelock.model.lock import Lock

name = "oc-mirror"
summary = "oc-mirror's ImageSetConfiguration, every image by digest"
is_marked = True
options: tuple[Option, ...] = ()


def export(lock: Lock, asked: ExportOptions) -> str:  # noqa: ARG001 - the protocol's signature
    """Return the configuration as YAML."""
    return documents(
        [
            {
                "apiVersion": "mirror.openshift.io/v2alpha1",
                "kind": "ImageSetConfiguration",
                "mirror": {"additionalImages": [{"name": image} for image in by_digest(lock)]},
            }
        ]
    )
