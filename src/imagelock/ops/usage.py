"""Decide which entries the places of a project use, and where places contradict each other."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.model.lock import Ambiguous, Lock, Source
from imagelock.model.outcome import finding
from imagelock.ops.project import LockFile, read_lock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imagelock.model.finding_codes import Level
    from imagelock.model.lock import LockedImage
    from imagelock.model.outcome import Finding
    from imagelock.model.platform import Platform
    from imagelock.model.reference import Reference
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.occurrence import Occurrence


def read_lock_for(project: Project, collection: Collection) -> LockFile:
    """Read the lock; a project in which nothing can be locked (all exempt, no tag known) needs none."""
    can_lock = any(use.place.tag_is_known for use in collection.uses) or collection.problems
    if collection.all_uses and not can_lock and not project.lock_path.exists():
        return LockFile(project.lock_path, Lock(), None)
    return read_lock(project)


def used_entries(uses: Iterable[Occurrence], lock: Lock) -> frozenset[str]:
    """Return which entries the places mean, by whatever of their names, as ``image_id``.

    Where a reference could mean several entries of a name, all of that name count as used.
    """
    used: set[str] = set()
    for name, references in references_by_name(uses).items():
        for reference in references:
            match = lock.match(reference)
            if isinstance(match, Ambiguous):
                used.update(image.image_id for image in lock.named(name))
            elif match is not None:
                used.add(match.image_id)
            if reference.tag is None and reference.digest is not None:
                used.update(image.image_id for image in lock.with_digest(name, reference.digest))
    return frozenset(used)


def recorded_entries(use: Occurrence, lock: Lock) -> tuple[LockedImage, ...]:
    """Return the entries that a digest without a tag belongs to because its file tells the tag."""
    matches = (lock.match(origin) for origin in use.place.recorded)
    return tuple(match for match in matches if match is not None and not isinstance(match, Ambiguous))


def references_by_name(uses: Iterable[Occurrence]) -> dict[str, list[Reference]]:
    """Group the distinct references of all places by canonical name, with what files say they were."""
    grouped: dict[str, dict[Reference, None]] = defaultdict(dict)
    for use in uses:
        for reference in (use.reference, *use.place.recorded):
            grouped[reference.name][reference] = None
    return {name: list(references) for name, references in grouped.items()}


@dataclass(frozen=True, slots=True)
class DigestPlace:
    """Where a file gives a digest to an image and tag; no column where a generated list does."""

    digest: str
    file: str
    line: int
    column: int | None = None


def two_digests(
    reference: str,
    places: Sequence[DigestPlace],
    *,
    hint: str = "make the places agree, or remove one digest and run again",
) -> Finding:
    """Report places that give one image and tag different digests (IL120), at the first of them."""
    first = places[0]
    return finding(
        "IL120",
        f"{reference} has {len(places)} digests in the files",
        reference=reference,
        file=first.file,
        line=first.line,
        column=first.column,
        notes=[f"{place.file}:{place.line}: {place.digest}" for place in places],
        hint=hint,
    )


def disagreement(reference: str, uses: Sequence[Occurrence]) -> Finding:
    """Report occurrences of one image and tag that have different digests (IL120)."""
    return two_digests(
        reference,
        [
            DigestPlace(str(use.reference.digest), use.file.name, use.place.line, use.place.column)
            for use in uses
        ],
    )


def unused(image: LockedImage, *, level: Level | None = None) -> Finding:
    """Report an entry of the lock that nothing in the project uses (IL103)."""
    return finding(
        "IL103",
        f"nothing uses {image.reference}",
        reference=image.reference,
        hint="run `imagelock lock` to remove it",
        level=level,
    )


def missing_platforms(lock: Lock, platforms: Iterable[Platform]) -> list[Finding]:
    """Report which images lack a platform that the configuration asks for (IL106)."""
    return [
        finding("IL106", f"{image.reference} has no {platform}", reference=image.reference)
        for platform in platforms
        for image in lock.images
        if image.platforms and not any(part.platform.satisfies(platform) for part in image.platforms)
    ]


def build_sources(uses: Iterable[Occurrence]) -> dict[tuple[str, str], Source]:
    """Return where images come from that no scan of the project finds again, by name and tag.

    Tag files say of which build, the first file's word counts; of files inside images all is said by their
    name, and counts where no other file names the image.
    """
    sources: dict[tuple[str, str], Source] = {}
    inside: dict[tuple[str, str], Source] = {}
    others: set[tuple[str, str]] = set()
    for use in uses:
        build, tag = use.place.build, use.reference.pulled_tag
        key = (use.reference.name, tag or "")
        if build is not None and use.reference.tag is not None:
            source = Source(origin=use.file.name, tag=build.tag, revision=build.revision)
            sources.setdefault(key, source)
        elif use.file.name.startswith("image://"):
            inside.setdefault(key, Source(origin=use.file.name))
        else:
            others.add(key)
    return {**{key: source for key, source in inside.items() if key not in others}, **sources}


def is_scanned(image: LockedImage) -> bool:
    """Whether a scan of the whole project can tell that an entry is used; build lists are not part of it."""
    return image.source is None or image.source.is_tag_file
