"""Prove what ``pin`` is about to write: render each recorded target before and after, and hold back what leaks.

Only files that the record's edits touch are rendered, and only where their renderer is installed.  A target
whose output changes anywhere but in its images keeps its files as they are, and the finding names the field.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.lazy_regex import lazy_regex
from imagelock.model.outcome import finding
from imagelock.ops.trace.outputs import OutputShapeError
from imagelock.ops.trace.prove import field_name, is_checksum
from imagelock.ops.trace.run import read_record
from imagelock.ops.trace.targets import TraceTarget, trace_targets
from imagelock.ops.trace.workspace import Workspace
from imagelock.ops.verify.render_targets import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from imagelock.model.outcome import Finding
    from imagelock.ops.pin.plan import EditPlan
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.trace.outputs import Difference, Output

_DIGEST = lazy_regex(r"@?(?:sha256:)?(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_TAG = lazy_regex(r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")


def proved_plan(project: Project, collection: Collection, plan: EditPlan) -> EditPlan:
    """Return the plan without the files of targets whose output would change elsewhere."""
    record, _ = read_record(project)
    if not record.targets or not plan.writes:
        return plan
    touched = {
        item.path.relative_to(project.root).as_posix()
        for item in plan.writes
        if _is_below(item.path, project.root)
    }
    contents = {_relative(project, name): after for name, _, after in plan.texts}
    known = {target.name: target for target in record.targets}
    refused: dict[str, Finding] = {}
    for item in trace_targets(project, collection):
        target = known.get(item.name) if isinstance(item, TraceTarget) else None
        if target is None or not isinstance(item, TraceTarget) or target.problem:
            continue
        files = {image.edit.file for image in target.images if image.edit is not None} & touched
        reason = _leak(project, item, contents) if files else None
        if reason is not None:
            refused.update((name, _finding(project, name, item.name, reason)) for name in files)
    return _without(project, plan, refused) if refused else plan


def _finding(project: Project, name: str, target: str, reason: str) -> Finding:
    return finding(
        "IL123",
        f"{target} would change elsewhere: {reason}",
        file=project.shown(project.root / name),
        hint="run `imagelock trace` again",
    )


def _leak(project: Project, item: TraceTarget, contents: Mapping[str, str]) -> str | None:
    """Return what else than images changes in the output; None where nothing does, or nothing can be rendered."""
    try:
        with Workspace(project.root, item) as work:
            if not contents.keys() & work.texts.keys():
                return None
            before = work.render()
            try:
                after = work.render({name: text for name, text in contents.items() if name in work.texts})
                differences = list(_other(before, before.differences(after)))
            except OutputShapeError as error:
                return str(error)
            except FileError as error:
                return f"the chart does not render any more: {say(error)}"
            noise = {one.field for one in before.differences(work.render())} if differences else set()
    except (FileError, OutputShapeError):
        # Without a renderer, or where the chart does not render as it is, the record's proof stands.
        return None
    left = [one for one in differences if one.field not in noise]
    return f"{field_name(before, left[0])} becomes {left[0].after}" if left else None


def _other(before: Output, differences: list[Difference]) -> Iterator[Difference]:
    """Yield the differences that are not images with their digest."""
    fields = {image.field for image in before.images}
    names = {image.image for image in before.images if "/" in image.image or ":" in image.image}
    for item in differences:
        one, two = (_DIGEST.sub("", text or "") for text in (item.before, item.after))
        is_same = one == two or _TAG.sub("", one) == two
        holds_image = item.field in fields or any(name in one for name in names)
        if not is_checksum(item) and not (is_same and holds_image):
            yield item


def _without(project: Project, plan: EditPlan, refused: Mapping[str, Finding]) -> EditPlan:
    """Return a plan that leaves these files alone."""
    names = {project.shown(project.root / name) for name in refused}
    paths = {project.root / name for name in refused}
    held = sum(1 for change in plan.changes if change.file in names)
    counts = {**plan.counts, "changed": plan.counts["changed"] - held, "failed": plan.counts["failed"] + held}
    return replace(
        plan,
        writes=tuple(item for item in plan.writes if item.path not in paths),
        texts=tuple(item for item in plan.texts if item[0] not in names),
        changes=tuple(change for change in plan.changes if change.file not in names),
        findings=(*plan.findings, *dict.fromkeys(refused.values())),
        counts=counts,
    )


def _is_below(path: Path, root: Path) -> bool:
    return path.is_relative_to(root)


def _relative(project: Project, shown: str) -> str:
    path = (project.directory / shown).absolute()
    return path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else shown
