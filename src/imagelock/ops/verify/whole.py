"""Check a whole project, as the command line and the Python interface both start it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.ops.olm.asked import olm_of
from imagelock.ops.verify.check import check, lock_to_check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.model.lock import Lock
    from imagelock.model.outcome import Outcome
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The outcome of a check, and what was compared."""

    outcome: Outcome
    collection: Collection
    lock: Lock


def check_project(project: Project, collection: Collection, sources: Sequence[str] = ()) -> Checked:
    """Compare every place with the lock, what catalogs list included; offline."""
    lock = lock_to_check(project, collection, sources)
    olm = olm_of(project, collection)
    if olm is not None:
        from imagelock.ops.olm.catalogs import with_catalogs  # noqa: PLC0415 - only bundles have catalogs

        collection = with_catalogs(project, collection)
    outcome = check(collection, lock, platforms=project.config.platforms, olm=olm)
    return Checked(outcome=outcome, collection=collection, lock=lock)
