"""Turn ``[[mirror.select]]`` into entries of the lock: list the tags of a repository and choose among them.

What was chosen before stays until ``lock -U``, or ``-P`` with the repository, chooses again, so that a lock does not
change because a registry got a tag.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.errors import RegistryError
from imagelock.model.lock import Source
from imagelock.model.outcome import finding
from imagelock.model.selection import ORIGIN, choose
from imagelock.ops.compare import matches_image
from imagelock.ops.parallel import map_concurrently
from imagelock.ops.project import read_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.model.lock import Lock, LockedImage
    from imagelock.model.outcome import Finding
    from imagelock.model.selection import Selection
    from imagelock.ops.lock.plan import LockRequest
    from imagelock.ops.project import Project
    from imagelock.ops.registry_access import RegistryAccess


def with_selected(project: Project, request: LockRequest, access: RegistryAccess | None) -> LockRequest:
    """Return the request with the tags that selections choose, as images of lists.

    Without ``access`` nothing is asked: what is selected and not locked is a finding.
    """
    rules = project.config.selections
    if not rules:
        return replace(request, listed=replace(request.listed, selected=True))
    lock = read_lock(project, for_writing=True).lock
    before = {image.source.origin for image in lock.images if image.source is not None}
    asking = [rule for rule in rules if rule.origin not in before or _is_asked_again(rule, request)]
    chosen = _chosen(asking, access)
    open_ = dict(request.listed.open)
    for rule in rules:
        answer = chosen.get(rule)
        tags = _locked(lock, rule) if answer is None or answer.finding is not None else answer.tags
        for tag in tags:
            open_.setdefault((rule.name, tag), Source(origin=rule.origin))
    findings = [one.finding for one in chosen.values() if one.finding is not None]
    listed = replace(
        request.listed, open=open_, selected=True, findings=(*request.listed.findings, *findings)
    )
    return replace(request, listed=listed)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What one selection chose, or why it could not."""

    tags: tuple[str, ...] = ()
    finding: Finding | None = None


def _chosen(rules: Sequence[Selection], access: RegistryAccess | None) -> dict[Selection, _Chosen]:
    if access is None:
        return {rule: _Chosen(finding=_not_locked(rule)) for rule in rules}
    if not rules:
        return {}
    with access.open_reader() as reader:

        def one(rule: Selection) -> _Chosen:
            try:
                tags = choose(rule, reader.tags(rule.name))
            except RegistryError as error:
                return _Chosen(finding=_not_listed(rule, error))
            return _Chosen(tags) if tags else _Chosen(finding=_nothing_fits(rule))

        hosts = len({rule.name.partition("/")[0] for rule in rules})
        found = map_concurrently(rules, one, jobs=access.jobs, hosts=hosts, progress=access.progress)
    return dict(zip(rules, found, strict=True))


def _locked(lock: Lock, rule: Selection) -> Iterator[str]:
    """Yield the tags that a selection chose before; one that changed keeps those of the rule before it."""
    own = [image for image in lock.named(rule.name) if _is_selected(image) and image.tag is not None]
    same = [image for image in own if image.source is not None and image.source.origin == rule.origin]
    yield from (image.tag for image in same or own if image.tag is not None)


def _is_selected(image: LockedImage) -> bool:
    return image.source is not None and image.source.origin.startswith(ORIGIN)


def _is_asked_again(rule: Selection, request: LockRequest) -> bool:
    return request.upgrade or any(matches_image(text, rule.name, None) for text in request.upgrade_images)


def _not_locked(rule: Selection) -> Finding:
    return finding(
        "IL112",
        f"{rule.shown} are selected and not in the lock",
        reference=rule.name,
        hint="run `imagelock lock`",
    )


def _not_listed(rule: Selection, error: RegistryError) -> Finding:
    return finding(
        "IL301",
        f"{rule.shown} could not be listed: {error.kind}: {error.message}",
        reference=rule.name,
        hint=error.hint,
        notes=[f"tried {line}" for line in error.tried],
    )


def _nothing_fits(rule: Selection) -> Finding:
    return finding(
        "IL301",
        f"{rule.shown}: the repository has none",
        reference=rule.name,
        hint="correct [[mirror.select]] in imagelock.toml",
    )
