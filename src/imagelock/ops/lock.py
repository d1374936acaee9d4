"""``lock``: what is new is resolved, what is known is kept, what nothing uses goes.

``plan`` decides from values alone; ``apply`` asks the registry; writing is left to the caller, so that
``lock`` and ``update`` share everything and a dry run is free.
"""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imagelock.errors import NoAccessError, NotFoundError, RegistryError, UsageError, ValueFormError
from imagelock.model.digest import same_digest
from imagelock.model.lock import LATEST, Lock, LockedImage
from imagelock.model.outcome import Change, finding
from imagelock.model.reference import Reference
from imagelock.ops.lists import Listed
from imagelock.ops.resolve import Detail, Failed, Want, ask_all, resolve_all
from imagelock.ops.uses import (
    build_sources,
    disagreement,
    is_scanned,
    is_used,
    missing_platforms,
    references_by_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagelock.model.lock import Source
    from imagelock.model.outcome import Finding
    from imagelock.model.platform import Platform
    from imagelock.ops.collect import Collection, Use
    from imagelock.ops.resolve import Progress
    from imagelock.registry.store import ManifestReader


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """What a lock run is asked for: see the options of ``imagelock lock``."""

    upgrade: bool = False
    upgrade_images: tuple[str, ...] = ()
    adopt: bool = False
    full: bool = False
    offline: bool = False
    platforms: tuple[Platform, ...] = ()
    listed: Listed = field(default_factory=Listed)

    @property
    def detail(self) -> Detail:
        """How much of each image to read."""
        return Detail(self.platforms, self.full)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPlan:
    """What a lock run will do: ``wants`` by the places that need them, ``keep`` as they are.

    ``refresh`` are known entries whose tag is asked again; ``removed`` go; ``findings`` were decided
    without a registry; ``sources`` are those of wants that a build list gave, ``builds`` those that tag
    files give, by name and tag; ``places`` are where the entries of ``refresh`` are used.
    """

    wants: dict[Want, tuple[Use, ...]]
    keep: tuple[LockedImage, ...]
    refresh: tuple[LockedImage, ...]
    removed: tuple[LockedImage, ...]
    findings: tuple[Finding, ...] = ()
    sources: dict[Want, Source | None] = field(default_factory=dict)
    builds: dict[tuple[str, str], Source] = field(default_factory=dict)
    places: dict[Want, tuple[Use, ...]] = field(default_factory=dict)

    def source_of(self, want: Want) -> Source | None:
        """Return where a want comes from, if a build list or a tag file says so."""
        return self.sources.get(want) or self.builds.get((want.name, want.tag or ""))

    @property
    def changes_something(self) -> bool:
        """Whether the lock would be another without asking any registry."""
        return bool(self.wants or self.removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockResult:
    """The new lock, what changed, and what could not be resolved (the old entries are kept then)."""

    lock: Lock
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    complete: bool
    moved: dict[str, tuple[LockedImage, ...]] = field(default_factory=dict)
    """What the tags of a digest name now, by ``name@old-digest``, where one of them has moved."""


def plan(collection: Collection, lock: Lock, request: LockRequest) -> LockPlan:
    """Decide what to resolve, keep and remove; raises :class:`UsageError` for an unknown ``-P`` image."""
    # What has its tag decided elsewhere names nothing that could be asked for.
    listed, uses = request.listed, tuple(use for use in collection.uses if use.place.tag_is_known)
    if request.upgrade_images and not request.upgrade:
        # Nothing else may change: what is new and not named waits for the next plain `lock`.
        uses = _named(uses, request.upgrade_images)
        _check_known(request.upgrade_images, lock, uses)
        listed = Listed()
    wants, findings = _wants(uses, _overlaid(lock, listed.images), adopt=request.adopt)
    as_they_are, sources = _from_lists(listed.images, lock, offline=request.offline)
    wants = {**wants, **dict.fromkeys(sources, ())}
    removed = _unused(collection, lock, request)
    replaced = {_key(want) for want in wants} | {_key(image) for image in (*removed, *as_they_are)}
    staying = [image for image in lock.images if _key(image) not in replaced]
    refresh = [image for image in staying if image.tag is not None and _is_upgraded(image, request)]
    asked = {id(image) for image in refresh}
    builds = build_sources(collection.uses)
    return LockPlan(
        wants=wants,
        keep=(*as_they_are, *(image for image in staying if id(image) not in asked)),
        refresh=tuple(
            replace(image, source=builds.get((image.name, image.tag or ""), image.source))
            for image in refresh
        ),
        removed=removed,
        findings=(*findings, *listed.findings),
        sources=sources,
        places=_places(refresh, uses, lock),
        builds=builds,
    )


def _key(item: LockedImage | Want) -> tuple[str, str]:
    """Return what two entries of a lock never share: the name with the tag, or with the digest."""
    return (item.name, str(item.digest) if item.tag is None else item.tag)


def _overlaid(lock: Lock, listed: Sequence[LockedImage]) -> Lock:
    """Return what will be known: the lock, with the build lists' word over its own."""
    keys = {_key(image) for image in listed}
    return Lock((*listed, *(image for image in lock.images if _key(image) not in keys)))


def _from_lists(
    listed: Sequence[LockedImage], lock: Lock, *, offline: bool
) -> tuple[list[LockedImage], dict[Want, Source | None]]:
    """Split the listed images into entries that are known or taken unproved, and wants to prove."""
    as_they_are: list[LockedImage] = []
    sources: dict[Want, Source | None] = {}
    old = {_key(image): image for image in lock.images}
    for image in listed:
        known = old.get(_key(image))
        if known is not None and same_digest(known.digest, image.digest) and (known.media_type or offline):
            as_they_are.append(replace(known, source=image.source))
        elif offline:
            as_they_are.append(image)
        else:
            sources[Want(image.name, image.tag, image.digest)] = image.source
    return as_they_are, sources


def apply(
    lock_plan: LockPlan,
    old: Lock,
    request: LockRequest,
    reader: ManifestReader,
    *,
    jobs: int,
    progress: Progress | None = None,
) -> LockResult:
    """Ask the registry for what the plan wants and return the new lock; writes nothing."""
    moved_tags, same, failures = _ask_again(lock_plan.refresh, reader, request, jobs=jobs, progress=progress)
    questions = [*lock_plan.wants, *moved_tags]
    answers = resolve_all(reader, questions, request.detail, jobs=jobs, progress=progress)
    images = [*lock_plan.keep, *same]
    findings = [*lock_plan.findings]
    for want, answer in answers.items():
        if isinstance(answer, Failed):
            failures[want] = answer.error
        else:
            images.append(_with_source(answer, lock_plan.source_of(want), old))
    for want, error in failures.items():
        uses = lock_plan.wants.get(want) or lock_plan.places.get(want, ())
        findings.append(not_resolved(want, error, uses))
        known = None if want.tag is None else old.tagged(want.name, want.tag)
        if known is not None:
            images.append(known)
    lock = Lock(_without_doubles(images, old)).sorted
    findings += missing_platforms(lock, request.platforms)
    return LockResult(
        lock=lock,
        changes=differences(old, lock),
        findings=tuple(findings),
        complete=not failures and not any(item.code in ("IL104", "IL120") for item in findings),
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


def not_resolved(want: Want, error: RegistryError, uses: Sequence[Use]) -> Finding:
    """Tell of one image that failed: who uses it, what was tried, what to run."""
    host = want.name.partition("/")[0]
    first = uses[0] if uses else None
    notes = [f"tried {line}" for line in error.tried]
    notes += [f"used at {use.where}" for use in uses[1:]]
    return finding(
        "IL301",
        f"{want.shown}: {error.kind}: {error.message}",
        reference=want.shown,
        file=first.file.name if first else None,
        line=first.place.line if first else None,
        column=first.place.column if first else None,
        hint=error.hint or _way_out(error, host, first),
        notes=notes,
    )


def _way_out(error: RegistryError, host: str, use: Use | None) -> str:
    if isinstance(error, NotFoundError):
        return (
            f"correct the reference at {use.where}, then run `imagelock lock`"
            if use
            else "correct the reference"
        )
    if isinstance(error, NoAccessError):
        return f"log in (`skopeo login {host}` or `docker login {host}`), then run `imagelock lock`"
    return f"run `imagelock lock` again when {host} answers"


def differences(old: Lock, new: Lock) -> tuple[Change, ...]:
    """Compare two locks entry by entry: added, removed, digest moved under the same tag."""
    before = {(image.name, image.tag or str(image.digest)): image for image in old.images}
    after = {(image.name, image.tag or str(image.digest)): image for image in new.images}
    changes = []
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if one is None or other is None or one != other:
            image = other or one
            changes.append(
                Change(
                    reference=image.reference if image else "",
                    before=None if one is None else str(one.digest),
                    after=None if other is None else str(other.digest),
                )
            )
    return tuple(changes)


def matches_image(text: str, name: str, tag: str | None) -> bool:
    """Whether what a user wrote (name, name:tag, or a glob on either) means this image.

    Raises :class:`UsageError` for what is none of them.
    """
    full = name if tag is None else f"{name}:{tag}"
    if any(mark in text for mark in "*?["):
        return fnmatch.fnmatchcase(name, text) or fnmatch.fnmatchcase(full, text)
    try:
        reference = Reference.parse(text)
    except ValueFormError as error:
        raise UsageError(f"no image: {error.message}", where=text, hint=error.hint) from error
    if reference.digest is not None:
        raise UsageError(
            "an image is named without its digest here", where=text, hint="write name or name:tag"
        )
    return reference.name == name and reference.tag in (None, tag)


def _wants(
    uses: Iterable[Use], lock: Lock, *, adopt: bool
) -> tuple[dict[Want, tuple[Use, ...]], list[Finding]]:
    """Group what the lock does not know; one place's digest speaks for all places of its tag."""
    unknown: dict[tuple[str, str | None], list[Use]] = defaultdict(list)
    for use in uses:
        key = _unknown_key(use.reference, lock, adopt=adopt)
        if key is not None:
            unknown[key].append(use)
    wants: dict[Want, tuple[Use, ...]] = {}
    findings: list[Finding] = []
    for (name, tag), group in unknown.items():
        digests = {use.reference.digest: use for use in group if use.reference.digest is not None}
        if tag is not None and len(digests) > 1:
            digests = {digest: use for digest, use in digests.items() if not use.silences("IL120")}
        if tag is None:
            for digest in digests:
                wants[Want(name, None, digest)] = tuple(
                    use for use in group if use.reference.digest == digest
                )
        elif len(digests) > 1:
            findings.append(disagreement(f"{name}:{tag}", list(digests.values())))
        else:
            wants[Want(name, tag, next(iter(digests), None))] = tuple(group)
    return wants, findings


def _unknown_key(reference: Reference, lock: Lock, *, adopt: bool) -> tuple[str, str | None] | None:
    """Return the name and tag to resolve for a reference, or None when the lock knows it."""
    if reference.digest is not None and reference.tag is None:
        known = bool(lock.with_digest(reference.name, reference.digest))
        return None if known else (reference.name, None)
    if reference.tag is None:
        return None if _knows_untagged(reference.name, lock) else (reference.name, LATEST)
    entry = lock.tagged(reference.name, reference.tag)
    if entry is None:
        return (reference.name, reference.tag)
    differs = reference.digest is not None and not same_digest(entry.digest, reference.digest)
    return (reference.name, reference.tag) if adopt and differs else None


def _knows_untagged(name: str, lock: Lock) -> bool:
    """Whether a reference without a tag needs no ``latest``: a list may have named its image already."""
    if lock.tagged(name, LATEST) is not None:
        return True
    match = lock.match(Reference.parse(name))
    return isinstance(match, LockedImage) and (match.tag is None or not is_scanned(match))


def _is_upgraded(image: LockedImage, request: LockRequest) -> bool:
    if request.upgrade:
        return True
    return any(matches_image(text, image.name, image.tag) for text in request.upgrade_images)


def _named(uses: Iterable[Use], images: Sequence[str]) -> tuple[Use, ...]:
    return tuple(
        use
        for use in uses
        if any(matches_image(text, use.reference.name, use.reference.pulled_tag) for text in images)
    )


def _places(refresh: Iterable[LockedImage], uses: Iterable[Use], lock: Lock) -> dict[Want, tuple[Use, ...]]:
    """Find where the entries that are asked again are used, for the words about those that fail."""
    places: dict[Want, list[Use]] = {Want(image.name, image.tag, None): [] for image in refresh}
    for use in uses if places else ():
        match = lock.match(use.reference)
        if isinstance(match, LockedImage):
            places.get(Want(match.name, match.tag, None), []).append(use)
    return {want: tuple(found) for want, found in places.items()}


def _check_known(images: Sequence[str], lock: Lock, uses: Iterable[Use]) -> None:
    names = {(image.name, image.tag) for image in lock.images}
    names |= {(use.reference.name, use.reference.pulled_tag) for use in uses}
    for text in images:
        if not any(matches_image(text, name, tag) for name, tag in names):
            raise UsageError(
                "no such image in the lock or in the files", where=text, hint="`imagelock scan` lists them"
            )


def _unused(collection: Collection, lock: Lock, request: LockRequest) -> tuple[LockedImage, ...]:
    """Return the entries that go: only a whole and readable project can tell that nothing uses them."""
    if not collection.whole or collection.problems or request.upgrade_images:
        return ()
    grouped = references_by_name(collection.uses)
    listed = {_key(image) for image in request.listed.images}
    return tuple(
        image
        for image in lock.images
        # An entry of a list that was not read now stays: a partial pipeline keeps what it did not build.
        if (is_scanned(image) or _origin(image) in request.listed.origins)
        and _key(image) not in listed
        and not is_used(image, grouped, lock)
    )


def _ask_again(
    images: Sequence[LockedImage],
    reader: ManifestReader,
    request: LockRequest,
    *,
    jobs: int,
    progress: Progress | None,
) -> tuple[list[Want], list[LockedImage], dict[Want, RegistryError]]:
    """Ask known tags by HEAD (pull quotas count GETs); what may have moved is read in full later."""

    def ask(image: LockedImage) -> bool | RegistryError:
        try:
            claim = reader.ask(image.name, image.tag or LATEST)
        except RegistryError as error:
            return error
        return claim.digest is not None and same_digest(claim.digest, image.digest)

    hosts = len({image.name.partition("/")[0] for image in images})
    answers = ask_all(images, ask, jobs=jobs, hosts=hosts, progress=progress)
    moved: list[Want] = []
    same: list[LockedImage] = []
    failures: dict[Want, RegistryError] = {}
    for image, answer in zip(images, answers, strict=True):
        want = Want(image.name, image.tag, None)
        if isinstance(answer, RegistryError):
            failures[want] = answer
        elif answer and not _needs_detail(image, request.detail):
            same.append(image)
        else:
            moved.append(want)
    return moved, same, failures


def _needs_detail(image: LockedImage, detail: Detail) -> bool:
    if image.media_type is None:
        return True
    return any(part.config is None and detail.wants_config(part.platform) for part in image.platforms)


def _origin(image: LockedImage) -> str | None:
    return None if image.source is None else image.source.origin


def _with_source(image: LockedImage, source: Source | None, old: Lock) -> LockedImage:
    known = None if image.tag is None else old.tagged(image.name, image.tag)
    return replace(image, source=source or (known.source if known else None))


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
