"""Plan the pinning of a whole project, as the command line and the Python interface both start it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.ops.olm.asked import olm_of
from imagelock.ops.pin.forms import Forms
from imagelock.ops.pin.plan import PinRequest, plan_pin
from imagelock.ops.scan.collect import has_record

if TYPE_CHECKING:
    from imagelock.model.lock import Lock
    from imagelock.ops.pin.plan import EditPlan
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection


def plan_project(
    project: Project,
    collection: Collection,
    lock: Lock,
    *,
    untagged_first: bool = False,
    proves: bool = True,
) -> EditPlan:
    """Decide what ``pin`` writes into every place of a collection.

    With ``proves`` the edits of a recorded trace are rendered once more before they are written.
    """
    request = PinRequest(
        forms=Forms.of(project.config, is_olm=project.config.olm.related_images),
        keep_existing=project.config.existing == "keep",
        untagged_first=untagged_first,
        olm=olm_of(project, collection, lock),
    )
    plan = plan_pin(collection, lock, request)
    if proves and has_record(project):
        from imagelock.ops.trace.pinned import proved_plan  # noqa: PLC0415 - only charts have a record

        return proved_plan(project, collection, plan)
    return plan
