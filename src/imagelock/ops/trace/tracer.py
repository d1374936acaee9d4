"""Trace one target: base render, marks, edits, proof."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.model.trace import TracedEdit, TracedImage, TracedPart, TracedTarget
from imagelock.ops.trace.edits import trials, why_none
from imagelock.ops.trace.parts import all_leaves, learn_parts, values_files
from imagelock.ops.trace.probe import probe
from imagelock.ops.trace.prove import Group, Prover
from imagelock.ops.trace.workspace import TooManyRendersError

if TYPE_CHECKING:
    from imagelock.ops.trace.edits import Trial
    from imagelock.ops.trace.outputs import RenderedImage
    from imagelock.ops.trace.parts import Part
    from imagelock.ops.trace.targets import TraceTarget
    from imagelock.ops.trace.workspace import Workspace

SHARED = "several images are built from these characters, and their digests differ"
TOO_MANY = "it takes too many renders to prove"


def trace(work: Workspace, item: TraceTarget, renderer: str, *, edit_templates: bool) -> TracedTarget:
    """Render a target until each of its images has a proved edit or a reason why not.

    Raises :class:`FileError` where it does not render as it is.
    """
    base = work.render()
    leaves = all_leaves(work, item, base, edit_templates=edit_templates)
    try:
        parts = learn_parts(work, base, leaves)
    except TooManyRendersError:
        parts = dict.fromkeys(base.images, ())
    groups = _groups(parts)
    chosen, reasons = _proved(
        work,
        _empty_in(work, item),
        groups,
        Prover(work, base, hashes_names=item.target.kind == "kustomize"),
        edit_templates=edit_templates,
    )
    images = {
        _image(group, parts[group.fields[0]], chosen.get(group), reasons.get(group)) for group in groups
    }
    found = TracedTarget(
        name=item.name,
        kind=item.target.kind,
        inputs="",
        renderer=renderer,
        files=tuple(sorted({part.leaf.file for found in parts.values() for part in found})),
        images=tuple(sorted(images, key=_sort_key)),
    )
    return replace(found, inputs=work.inputs(found))


def _sort_key(image: TracedImage) -> tuple[str, str, str]:
    return image.image, repr(image.parts), repr(image.edit)


def _groups(parts: dict[RenderedImage, tuple[Part, ...]]) -> dict[Group, tuple[Part, ...]]:
    """Return the images that the same leaves build, as one."""
    together: dict[tuple[object, ...], list[RenderedImage]] = defaultdict(list)
    for image, found in parts.items():
        together[image.image, *((part.leaf.file, part.leaf.span.at, part.at) for part in found)].append(image)
    return {
        Group(number, images[0].image, tuple(images)): parts[images[0]]
        for number, images in enumerate(together.values())
    }


def _empty_in(work: Workspace, item: TraceTarget) -> list[str]:
    """Return the files whose empty keys may count: values that can be edited."""
    if item.target.kind == "kustomize":
        return []
    return [
        name
        for name in values_files(work, item)
        if name != item.source and not any(name.startswith(folder) for folder in work.unpacked)
    ]


def _proved(
    work: Workspace,
    files: list[str],
    groups: dict[Group, tuple[Part, ...]],
    prover: Prover,
    *,
    edit_templates: bool,
) -> tuple[dict[Group, Trial], dict[Group, str]]:
    """Try the edits of every image, the best of each first and all images at once."""
    waiting = {
        group: list(trials(work, group.fields[0].written, parts, edit_templates=edit_templates))
        for group, parts in groups.items()
    }
    # Keys that are empty are looked for where nothing beside a leaf can be tried.
    orphans = [group for group in groups if not waiting[group]]
    with contextlib.suppress(TooManyRendersError):
        waiting |= probe(work, prover.base, files, orphans) if orphans and files else {}
    reasons = {
        group: why_none(work, group.fields[0].written, groups[group])
        for group in groups
        if not waiting[group]
    }
    chosen: dict[Group, Trial] = {}
    try:
        while any(group not in chosen and waiting[group] for group in groups):
            trying = {
                group: waiting[group].pop(0) for group in groups if group not in chosen and waiting[group]
            }
            shared = _shared({**chosen, **trying})
            fit = {group: trial for group, trial in trying.items() if group not in shared}
            reasons.update(dict.fromkeys(shared & trying.keys(), SHARED))
            verdicts = prover.verdicts(fit) if fit else {}
            reasons.update({group: reason for group, reason in verdicts.items() if reason is not None})
            chosen |= {group: fit[group] for group, reason in verdicts.items() if reason is None}
        return _all_at_once(chosen, reasons, prover)
    except TooManyRendersError:
        return {}, {**dict.fromkeys(groups, TOO_MANY), **reasons}


def _all_at_once(
    chosen: dict[Group, Trial], reasons: dict[Group, str], prover: Prover
) -> tuple[dict[Group, Trial], dict[Group, str]]:
    """Prove that the chosen edits go together; those that do not are refused."""
    if len(chosen) > 1 and not prover.is_last(chosen):
        verdicts = prover.verdicts(chosen)
        reasons.update({group: reason for group, reason in verdicts.items() if reason is not None})
        chosen = {group: trial for group, trial in chosen.items() if verdicts[group] is None}
    return chosen, {group: reason for group, reason in reasons.items() if group not in chosen}


def _shared(trying: dict[Group, Trial]) -> set[Group]:
    """Return the groups whose edits are the same characters although their images differ."""
    images: dict[tuple[str, int], set[str]] = defaultdict(set)
    for group, trial in trying.items():
        images[trial.place].add(group.image)
    counts = Counter({place: len(found) for place, found in images.items()})
    return {group for group, trial in trying.items() if counts[trial.place] > 1}


def _image(group: Group, parts: tuple[Part, ...], trial: Trial | None, reason: str | None) -> TracedImage:
    written = group.fields[0].written
    return TracedImage(
        image=group.image,
        parts=tuple(
            TracedPart(
                file=part.leaf.file, path=part.leaf.path, role=part.role(written), document=part.leaf.document
            )
            for part in parts
            if part.leaf.text
        ),
        edit=None
        if trial is None
        else TracedEdit(
            kind=trial.kind,
            file=trial.file,
            path=trial.path,
            document=trial.document,
            tag=group.pinned.tag if trial.kind == "empty-tag" else None,
        ),
        reason=None if trial is not None else reason,
    )
