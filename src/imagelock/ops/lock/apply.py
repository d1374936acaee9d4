"""Carry out a lock plan: ask the registries and build the new lock, reporting failures.  Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imagelock.errors import AccessDeniedError, DigestConflictError, NotFoundError, RegistryError
from imagelock.model.digest import same_digest
from imagelock.model.lock import LATEST, Lock
from imagelock.model.outcome import finding
from imagelock.ops.compare import differences
from imagelock.ops.lock.near_tags import near_tags
from imagelock.ops.lock.resolve import ImageQuery, ResolutionFailure, resolve_all
from imagelock.ops.parallel import map_concurrently
from imagelock.ops.usage import missing_platforms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.model.lock import LockedImage, Source
    from imagelock.model.outcome import Change, Finding
    from imagelock.ops.lock.plan import LockPlan, LockRequest
    from imagelock.ops.parallel import Progress
    from imagelock.ops.registry_access import RegistryReader
    from imagelock.ops.scan.occurrence import Occurrence
    from imagelock.stores.base import ManifestReader


@dataclass(frozen=True, slots=True, kw_only=True)
class LockResult:
    """The new lock, what changed, and what could not be resolved (the old entries are kept then)."""

    lock: Lock
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    complete: bool
    moved: dict[str, tuple[LockedImage, ...]] = field(default_factory=dict)
    """What the tags of a digest name now, by ``name@old-digest``, where one of them has moved."""


def apply(
    lock_plan: LockPlan,
    old: Lock,
    request: LockRequest,
    reader: RegistryReader,
    *,
    jobs: int,
    progress: Progress | None = None,
) -> LockResult:
    """Ask the registry for what the plan wants and return the new lock; writes nothing."""
    moved_tags, same, failures = _ask_again(lock_plan.refresh, reader, request, jobs=jobs, progress=progress)
    queries = [*lock_plan.queries, *moved_tags]
    results = resolve_all(reader, queries, request.resolve_options, jobs=jobs, progress=progress)
    images = [*lock_plan.keep, *same]
    findings = [*lock_plan.findings]
    for query, answer in results.items():
        if isinstance(answer, ResolutionFailure):
            failures[query] = answer.error
        else:
            images.append(_with_source(answer, lock_plan.source_of(query), old))
    near = near_tags(failures, reader)
    for query, error in failures.items():
        uses = lock_plan.queries.get(query) or lock_plan.places.get(query, ())
        findings.append(not_resolved(query, error, uses, near.get(query, ())))
        images += [image for image in old.named(query.name) if _is_of(image, query)]
    lock = Lock(_without_doubles(images, old)).sorted
    findings += missing_platforms(lock, request.platforms)
    return LockResult(
        lock=lock,
        changes=differences(old, lock),
        findings=tuple(findings),
        complete=not failures
        and not any(item.code in ("IL104", "IL120", "IL121", "IL301") for item in findings),
        moved=_moved(old, lock),
    )


def _without_doubles(images: Sequence[LockedImage], old: Lock) -> tuple[LockedImage, ...]:
    """Leave out new entries without a tag whose digest another entry has: a digest belongs to that one."""
    tagged = {(image.name, image.digest) for image in images if image.tag is not None}
    known = {(image.name, image.digest) for image in old.images if image.tag is None}
    return tuple(
        image
        for image in images
        if image.tag is not None
        or (image.name, image.digest) in known
        or (image.name, image.digest) not in tagged
    )


def not_resolved(
    query: ImageQuery, error: RegistryError, uses: Sequence[Occurrence], near: Sequence[str]
) -> Finding:
    """Report one image that failed: who uses it, what was tried, what to run.

    Two digests for one tag are a conflict (IL104), not could-not-tell.
    """
    host = query.name.partition("/")[0]
    first = uses[0] if uses else None
    disagree = isinstance(error, DigestConflictError)
    cause = error.message if disagree else f"{error.kind}: {error.message}"
    notes = [] if disagree else [f"tried {line}" for line in error.tried]
    notes += [f"tags there: {', '.join(near)}"] if near else []
    notes += [f"used at {use.where}" for use in uses[1:]]
    return finding(
        "IL104" if disagree else "IL301",
        f"{query.shown}: {cause}",
        reference=query.shown,
        file=first.file.name if first else None,
        line=first.place.line if first else None,
        column=first.place.column if first else None,
        hint=error.hint or _way_out(error, host, first),
        notes=notes,
        cause=cause,
    )


def _way_out(error: RegistryError, host: str, use: Occurrence | None) -> str:
    if isinstance(error, NotFoundError):
        return (
            f"correct the reference at {use.where}, then run `imagelock lock`"
            if use
            else "correct the reference"
        )
    if isinstance(error, AccessDeniedError):
        return f"log in (`skopeo login {host}` or `docker login {host}`), then run `imagelock lock`"
    return f"run `imagelock lock` again when {host} answers"


def _ask_again(
    images: Sequence[LockedImage],
    reader: ManifestReader,
    request: LockRequest,
    *,
    jobs: int,
    progress: Progress | None,
) -> tuple[list[ImageQuery], list[LockedImage], dict[ImageQuery, RegistryError]]:
    """Ask known tags by HEAD (pull quotas count GETs); what may have moved is read in full later."""

    def ask(image: LockedImage) -> bool | RegistryError:
        try:
            claim = reader.head(image.name, image.tag or LATEST)
        except RegistryError as error:
            return error
        return claim.digest is not None and same_digest(claim.digest, image.digest)

    hosts = len({image.name.partition("/")[0] for image in images})
    results = map_concurrently(images, ask, jobs=jobs, hosts=hosts, progress=progress)
    moved: list[ImageQuery] = []
    same: list[LockedImage] = []
    failures: dict[ImageQuery, RegistryError] = {}
    for image, answer in zip(images, results, strict=True):
        query = ImageQuery(image.name, image.tag, None)
        if isinstance(answer, RegistryError):
            failures[query] = answer
        elif answer and not request.resolve_options.is_incomplete(image):
            same.append(image)
        else:
            moved.append(query)
    return moved, same, failures


def _with_source(image: LockedImage, source: Source | None, old: Lock) -> LockedImage:
    """Add what a registry does not tell: where the entry came from, and who answered for its tag before."""
    known = next((item for item in old.named(image.name) if _is_of(item, image)), None)
    if known is None:
        return replace(image, source=source)
    resolved_from = image.resolved_from
    if same_digest(known.digest, image.digest):
        resolved_from = resolved_from or known.resolved_from
    return replace(image, source=source or known.source, resolved_from=resolved_from)


def _is_of(image: LockedImage, item: ImageQuery | LockedImage) -> bool:
    """Whether an entry is the one that a query or another entry names."""
    if item.tag is not None:
        return image.tag == item.tag
    return image.tag is None and item.digest is not None and same_digest(image.digest, item.digest)


def _moved(old: Lock, new: Lock) -> dict[str, tuple[LockedImage, ...]]:
    now: dict[str, list[LockedImage]] = defaultdict(list)
    for image in old.images:
        successor = None if image.tag is None else new.tagged(image.name, image.tag)
        if successor is not None:
            now[f"{image.name}@{image.digest}"].append(successor)
    return {
        key: tuple(images)
        for key, images in now.items()
        if any(f"{image.name}@{image.digest}" != key for image in images)
    }
