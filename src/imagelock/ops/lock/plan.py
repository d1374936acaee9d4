"""Plan ``lock``: resolve what is new, keep what is known, remove what nothing uses.

``plan`` decides here, from values alone; :mod:`imagelock.ops.lock.apply` asks the registry and makes the new
lock; writing is left to the commands, so that ``lock`` and ``update`` share everything and a dry run is free.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.model.digest import same_digest
from imagelock.model.lock import LATEST, Lock, LockedImage
from imagelock.model.reference import Reference
from imagelock.model.selection import ORIGIN as SELECTED
from imagelock.ops.compare import matches_image
from imagelock.ops.findings import finding_at
from imagelock.ops.lock.build_lists import ListedImage
from imagelock.ops.lock.resolve import ImageQuery, ResolveOptions
from imagelock.ops.scan.image_source import split_source
from imagelock.ops.scan.scanned_file import IMAGE_SCHEME
from imagelock.ops.usage import (
    build_sources,
    disagreement,
    is_scanned,
    used_entries,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.model.lock import Source
    from imagelock.model.outcome import Finding
    from imagelock.model.platform import Platform
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.occurrence import Occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """What a lock run is asked for: see the options of ``imagelock lock``."""

    upgrade: bool = False
    upgrade_images: tuple[str, ...] = ()
    adopt: bool = False
    full: bool = False
    offline: bool = False
    platforms: tuple[Platform, ...] = ()
    listed: ListedImage = field(default_factory=ListedImage)

    @property
    def resolve_options(self) -> ResolveOptions:
        """How much of each image to read."""
        return ResolveOptions(self.platforms, self.full)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockPlan:
    """What a lock run will do: ``queries`` by the places that need them, ``keep`` as they are.

    ``refresh`` are known entries whose tag is asked again; ``removed`` go; ``findings`` were decided
    without a registry; ``sources`` are those of wants that a build list gave, ``builds`` those that tag
    files give, by name and tag; ``places`` are where the entries of ``refresh`` are used; ``remarks`` report what
    a partial pipeline keeps, and of which images there is no tag to ask for.
    """

    queries: dict[ImageQuery, tuple[Occurrence, ...]]
    keep: tuple[LockedImage, ...]
    refresh: tuple[LockedImage, ...]
    removed: tuple[LockedImage, ...]
    findings: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()
    sources: dict[ImageQuery, Source | None] = field(default_factory=dict)
    builds: dict[tuple[str, str], Source] = field(default_factory=dict)
    places: dict[ImageQuery, tuple[Occurrence, ...]] = field(default_factory=dict)

    def source_of(self, query: ImageQuery) -> Source | None:
        """Return where a query comes from, if a build list or a tag file says so."""
        return self.sources.get(query) or self.builds.get((query.name, query.tag or ""))

    @property
    def changes_something(self) -> bool:
        """Whether the lock would be another without asking any registry."""
        return bool(self.queries or self.removed)


def plan(collection: Collection, lock: Lock, request: LockRequest) -> LockPlan:
    """Decide what to resolve, keep and remove; raises :class:`UsageError` for an unknown ``-P`` image."""
    # What has its tag decided elsewhere names nothing that could be asked for.
    listed, uses = request.listed, tuple(use for use in collection.uses if use.place.tag_is_known)
    if request.upgrade_images and not request.upgrade:
        # Nothing else may change: what is new and not named waits for the next plain `lock`.
        uses = _named(uses, request.upgrade_images, lock)
        _check_known(request.upgrade_images, lock, uses)
        listed = ListedImage(own=listed.own, open=_named_selections(listed, request.upgrade_images))
    known = _overlaid(lock, listed.images)
    built = [use for use in uses if use.reference.name in listed.own]
    uses = tuple(use for use in uses if use.reference.name not in listed.own)
    queries, findings = _wants(uses, known, adopt=request.adopt)
    as_they_are, sources = _from_lists(listed.images, lock, offline=request.offline)
    sources |= _open(listed, lock, queries)
    removed = _unused(collection, lock, request)
    decided = {_key(query) for query in (*queries, *sources)}
    decided |= {_key(image) for image in (*removed, *as_they_are)}
    sources |= {
        query: source for query, source in _incomplete(lock, request).items() if _key(query) not in decided
    }
    queries = {**dict.fromkeys(sources, ()), **queries}
    replaced = {_key(query) for query in queries} | {_key(image) for image in (*removed, *as_they_are)}
    staying = [image for image in lock.images if _key(image) not in replaced]
    refresh = [
        image
        for image in staying
        if image.tag is not None and image.name not in request.listed.own and _is_upgraded(image, request)
    ]
    asked = {id(image) for image in refresh}
    builds = build_sources(collection.uses)
    return LockPlan(
        queries=queries,
        keep=(*as_they_are, *(image for image in staying if id(image) not in asked)),
        refresh=tuple(
            replace(image, source=builds.get((image.name, image.tag or ""), image.source))
            for image in refresh
        ),
        removed=removed,
        findings=(
            *findings,
            *_not_recorded(built, known, listed),
            *listed.findings,
            *(listed.built.disagreements(lock) if listed.built else ()),
        ),
        remarks=(*(listed.built.kept(lock) if listed.built else ()), *_without_tags(request, lock)),
        sources=sources,
        places=_places(refresh, uses, lock),
        builds=builds,
    )


def _not_recorded(uses: Iterable[Occurrence], known: Lock, listed: ListedImage) -> Iterator[Finding]:
    """Yield each image that this pipeline builds and that no record and no entry knows (IL121)."""
    seen: set[str] = set()
    for use in uses:
        reference = use.reference
        is_reported = (
            listed.built is not None
            and reference.name not in listed.built.records
            and not known.named(reference.name)
        )
        unknown = _unknown_key(reference, known, adopt=False) is not None
        if unknown and not is_reported and str(reference) not in seen:
            seen.add(str(reference))
            yield finding_at(
                use,
                "IL121",
                f"{reference} is built by this pipeline, and no record has its digest",
                hint=f"run `imagelock record {reference.name}:TAG@DIGEST` in the job that builds it",
            )


def _key(item: LockedImage | ImageQuery) -> tuple[str, str]:
    """Return what two entries of a lock never share: the name with the tag, or with the digest."""
    return (item.name, str(item.digest) if item.tag is None else item.tag)


def _incomplete(lock: Lock, request: LockRequest) -> dict[ImageQuery, Source | None]:
    """Return what is known and should be known better: read again by its digest, the tag is not asked."""
    if request.offline or request.upgrade or request.upgrade_images:
        return {}
    return {
        ImageQuery(image.name, image.tag, image.digest): image.source
        for image in lock.images
        if request.resolve_options.is_incomplete(image)
    }


def _overlaid(lock: Lock, listed: Sequence[LockedImage]) -> Lock:
    """Return what will be known: the lock, with the build lists' word over its own."""
    keys = {_key(image) for image in listed}
    return Lock((*listed, *(image for image in lock.images if _key(image) not in keys)))


def _from_lists(
    listed: Sequence[LockedImage], lock: Lock, *, offline: bool
) -> tuple[list[LockedImage], dict[ImageQuery, Source | None]]:
    """Split the listed images into entries that are known or taken unproved, and wants to prove."""
    as_they_are: list[LockedImage] = []
    sources: dict[ImageQuery, Source | None] = {}
    old = {_key(image): image for image in lock.images}
    for image in listed:
        known = old.get(_key(image))
        if known is not None and same_digest(known.digest, image.digest) and (known.media_type or offline):
            as_they_are.append(replace(known, source=image.source))
        elif offline:
            as_they_are.append(image)
        else:
            sources[ImageQuery(image.name, image.tag, image.digest)] = image.source
    return as_they_are, sources


def _open(listed: ListedImage, lock: Lock, queries: Iterable[ImageQuery]) -> dict[ImageQuery, Source | None]:
    """Return what lists name without a digest and the lock does not know: to be resolved, with its source."""
    asked = {_key(query): query for query in queries}
    return {
        asked.get(key, ImageQuery(*key, None)): source
        for key, source in listed.open.items()
        if lock.tagged(*key) is None
    }


def _wants(
    uses: Iterable[Occurrence], lock: Lock, *, adopt: bool
) -> tuple[dict[ImageQuery, tuple[Occurrence, ...]], list[Finding]]:
    """Group what the lock does not know; one place's digest speaks for all places of its tag."""
    unknown: dict[tuple[str, str | None], list[Occurrence]] = defaultdict(list)
    for use in uses:
        key = _unknown_key(use.reference, lock, adopt=adopt)
        if key is not None:
            unknown[key].append(use)
    queries: dict[ImageQuery, tuple[Occurrence, ...]] = {}
    findings: list[Finding] = []
    for (name, tag), group in unknown.items():
        digests = {use.reference.digest: use for use in group if use.reference.digest is not None}
        if tag is not None and len(digests) > 1:
            digests = {digest: use for digest, use in digests.items() if not use.silences("IL120")}
        if tag is None:
            for digest in digests:
                queries[ImageQuery(name, None, digest)] = tuple(
                    use for use in group if use.reference.digest == digest
                )
        elif len(digests) > 1:
            findings.append(disagreement(f"{name}:{tag}", list(digests.values())))
        else:
            queries[ImageQuery(name, tag, next(iter(digests), None))] = tuple(group)
    return queries, findings


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


def _named(uses: Iterable[Occurrence], images: Sequence[str], lock: Lock) -> tuple[Occurrence, ...]:
    """Return the places of images that were asked for by name, and what lists inside such an image name."""
    asked = {
        image.name for image in lock.images for text in images if matches_image(text, image.name, image.tag)
    }
    return tuple(
        use
        for use in uses
        if any(matches_image(text, use.reference.name, use.reference.pulled_tag) for text in images)
        or (use.file.is_inside_image and split_source(use.file.name)[0].name in asked)
    )


def _named_selections(listed: ListedImage, images: Sequence[str]) -> dict[tuple[str, str], Source]:
    """Return what selections chose of the images that were asked for by name."""
    return {
        (name, tag): source
        for (name, tag), source in listed.open.items()
        if source.origin.startswith(SELECTED) and any(matches_image(text, name, tag) for text in images)
    }


def _places(
    refresh: Iterable[LockedImage], uses: Iterable[Occurrence], lock: Lock
) -> dict[ImageQuery, tuple[Occurrence, ...]]:
    """Find where the entries that are asked again are used, for the words about those that fail."""
    places: dict[ImageQuery, list[Occurrence]] = {
        ImageQuery(image.name, image.tag, None): [] for image in refresh
    }
    for use in uses if places else ():
        match = lock.match(use.reference)
        if isinstance(match, LockedImage):
            places.get(ImageQuery(match.name, match.tag, None), []).append(use)
    return {query: tuple(found) for query, found in places.items()}


def _check_known(images: Sequence[str], lock: Lock, uses: Iterable[Occurrence]) -> None:
    names = {(image.name, image.tag) for image in lock.images}
    names |= {(use.reference.name, use.reference.pulled_tag) for use in uses}
    for text in images:
        if not any(matches_image(text, name, tag) for name, tag in names):
            raise UsageError(
                "neither the lock nor the files have this image",
                where=text,
                hint="`imagelock scan` lists them",
            )


def _without_tags(request: LockRequest, lock: Lock) -> Iterator[str]:
    """Say of images that were asked for by name that a digest without a tag never becomes another."""
    for text in () if request.upgrade else request.upgrade_images:
        found = [image for image in lock.images if matches_image(text, image.name, image.tag)]
        if found and all(image.tag is None for image in found):
            yield f"{text} is locked without a tag, so it cannot be updated: add a tag or write another digest"


def _unused(collection: Collection, lock: Lock, request: LockRequest) -> tuple[LockedImage, ...]:
    """Return the entries that go: only a whole and readable project can tell that nothing uses them."""
    if not collection.whole or collection.problems or request.upgrade_images:
        return ()
    used = used_entries(collection.uses, lock)
    listed, in_lists, read = request.listed, request.listed.keys, _images_read(collection)
    return tuple(
        image
        for image in lock.images
        # An entry of a list that was not read now stays: a partial pipeline keeps what it did not build.
        if (is_scanned(image) or listed.has_left(image) or _image_of_origin(image) in read)
        and _key(image) not in in_lists
        and image.image_id not in used
    )


def _images_read(collection: Collection) -> frozenset[str]:
    """Return the names of the images whose files were read in this run."""
    return frozenset(split_source(file.name)[0].name for file in collection.files if file.is_inside_image)


def _image_of_origin(image: LockedImage) -> str | None:
    """Return the name of the image whose file named an entry, or None."""
    origin = image.source.origin if image.source is not None else ""
    return split_source(origin)[0].name if origin.startswith(IMAGE_SCHEME) else None
