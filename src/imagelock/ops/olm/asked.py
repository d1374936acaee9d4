"""Say what ``[olm]`` asks of a run, without importing what only bundles need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagelock.model.lock import Lock
    from imagelock.ops.olm.pin import OlmPinning
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection


def olm_of(project: Project, collection: Collection, lock: Lock | None = None) -> OlmPinning | None:
    """Return what is generated in bundles, or None for a project without ``related-images``."""
    if not project.config.olm.related_images:
        return None
    from imagelock.ops.olm.catalogs import olm_pinning  # noqa: PLC0415 - most projects have no bundle

    return olm_pinning(project, collection, lock)
