"""Judge Epiphany's lists by what is around them: templates of roles, a cluster's manifest, the platforms in the lock."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.model.finding_codes import Level
from imagelock.model.outcome import finding_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.model.lock import Lock
    from imagelock.model.outcome import Finding
    from imagelock.model.requirement import Manifest, Requirement

PLATFORMS = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
"""Epiphany's architectures as registries call them."""


def judge_templates(required: Sequence[Requirement], templates: Sequence[Requirement]) -> Iterator[Finding]:
    """Yield the images of templates that a download list lacks (IL121): nodes would look for them in vain."""
    by_file: dict[str, set[str]] = defaultdict(set)
    for item in required:
        by_file[item.file].add(item.reference.canonical)
    for item in templates:
        missing = [name for name, known in by_file.items() if item.reference.canonical not in known]
        if missing:
            yield finding_in(
                item,
                "IL121",
                f"{item.reference} is named here and is not in {', '.join(missing)}",
                reference=item.reference,
                hint="add it to the lists, or correct the template",
            )


def judge_features(
    required: Sequence[Requirement], loaded: Sequence[Requirement], manifest: Manifest
) -> Iterator[Finding]:
    """Yield the components whose features are unknown, and features with images to load and none to download (IL121)."""
    groups = {_spelled(item.group) for item in required if item.group is not None}
    to_load: dict[str, int] = defaultdict(int)
    for item in loaded:
        if item.group is not None:
            to_load[_spelled(item.group)] += 1
    for component in manifest.components:
        if not component.features:
            yield finding_in(
                component,
                "IL121",
                f"the component {component.name} is used and has no features here",
                reference=None,
                level=Level.WARNING,
                hint="add it to configuration/feature-mappings, or its images are in no account",
            )
        for feature in component.features:
            if feature in to_load and feature not in groups and groups:
                yield finding_in(
                    component,
                    "IL121",
                    f"{component.name} needs the feature {feature}: {to_load[feature]} images are loaded for it, "
                    "and no download list has the group",
                    reference=None,
                )


def unneeded(required: Sequence[Requirement], manifest: Manifest) -> str | None:
    """Return a remark on the groups that the cluster does not use; None where it uses all."""
    groups: dict[str, int] = defaultdict(int)
    for item in required:
        if item.group is not None and _spelled(item.group) not in manifest.features:
            groups[item.group] += 1
    if not groups:
        return None
    counted = ", ".join(f"{group} ({count})" for group, count in groups.items())
    return f"this cluster does not use the groups {counted}; --group leaves them out"


def judge_platforms(required: Sequence[Requirement], lock: Lock) -> Iterator[Finding]:
    """Yield the images that are listed for an architecture and have no such platform in the lock (IL106)."""
    for item in required:
        wanted = PLATFORMS.get(item.architecture or "")
        entry = lock.tagged(item.reference.name, item.reference.pulled_tag or "")
        if wanted is None or entry is None or not entry.platforms:
            continue
        known = [str(image.platform) for image in entry.platforms]
        if not any(name == wanted or name.startswith(f"{wanted}/") for name in known):
            yield finding_in(
                item,
                "IL106",
                f"{item.reference} is listed for {item.architecture} and has no {wanted}",
                reference=item.reference,
                level=Level.ERROR,
                notes=[f"the lock has {', '.join(known)}"],
                hint="take it out of this list, or list an image that has the platform",
            )


def _spelled(name: str) -> str:
    return name.replace("_", "-")
