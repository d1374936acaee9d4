"""Decide which images a ClusterServiceVersion needs, and their names, from places and the lock.

The order of entries: the operator first, then what its containers and their environment name, sorted as it is
written, then each catalog in its own order; one entry for each reference.  Editors and samples are part of the
environment, so they are sorted with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.model import olm
from imagelock.model.digest import same_digest
from imagelock.model.outcome import finding
from imagelock.ops.usage import disagreement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.model.lock import Lock
    from imagelock.model.outcome import Finding
    from imagelock.model.reference import Reference
    from imagelock.ops.scan.occurrence import Occurrence


@dataclass(frozen=True, slots=True)
class Needed:
    """One image: what it was called before it was pinned, what is written now, and a place that says so."""

    origin: Reference
    image: Reference
    use: Occurrence


def origins(use: Occurrence, lock: Lock) -> tuple[Reference, ...]:
    """Return what a place said before it was pinned, as far as file and lock know it.

    Several where two tags have the digest; a digest that no one knows a tag of came as it is.
    """
    reference = use.reference
    if reference.digest is None or reference.tag is not None:
        return (reference.with_tag(reference.tag),)
    if use.place.recorded:
        return tuple(reference.with_tag(item.tag) for item in use.place.recorded)
    tags = {entry.tag for entry in lock.with_digest(reference.name, reference.digest)}
    only = next(iter(tags)) if len(tags) == 1 else None
    return (reference,) if only is None else (reference.with_tag(only),)


def needed(
    finals: Sequence[tuple[Occurrence, Reference]],
    operator: str | None,
    lock: Lock,
    listed: Iterable[Needed] = (),
) -> tuple[list[Needed], list[Finding]]:
    """Return the images of one ClusterServiceVersion, in their order, with those that are ``listed`` elsewhere."""
    images: dict[tuple[str, str], Needed] = {}
    disagreeing: dict[tuple[str, str], list[Occurrence]] = {}
    for use, final in sorted(finals, key=lambda pair: pair[0].place.path != operator):
        for origin in origins(use, lock):
            image = final.with_digest(final.digest, keep_tag=False) if final.digest is not None else final
            item = Needed(origin, image, use)
            known = images.setdefault(olm.identity(origin), item)
            if not same_image(known, item):
                disagreeing.setdefault(olm.identity(origin), [known.use]).append(use)
    for item in listed:
        images.setdefault(olm.identity(item.origin), item)
    findings = [
        disagreement(f"{name}:{version}" if version else name, uses)
        for (name, version), uses in disagreeing.items()
    ]
    first = [item for item in images.values() if item.use.place.path == operator]
    rest = [item for item in images.values() if item.use.place.path != operator]
    return [*first, *sorted(rest, key=lambda item: str(item.origin))], findings


def same_image(one: Needed, other: Needed) -> bool:
    """Whether two places of one reference hold one digest."""
    a, b = one.image.digest, other.image.digest
    return a is None or b is None or same_digest(a, b)


def merged(own: Iterable[Needed], listed: Iterable[Needed]) -> list[Needed]:
    """Return one entry for each reference: a bundle's own images, then those of its catalogs."""
    images: dict[tuple[str, str], Needed] = {}
    for item in (*own, *listed):
        images.setdefault(olm.identity(item.origin), item)
    return list(images.values())


def shared_names(names: dict[tuple[str, str], str], images: Iterable[Needed]) -> Iterator[Finding]:
    """Report related images that still share a name with their full path (IL116)."""
    by_key = {olm.identity(item.origin): item for item in images}
    for name, keys in olm.collisions(names).items():
        yield collision(name, [by_key[key] for key in keys], "in spec.relatedImages")


def collision(name: str, items: Sequence[Needed], what: str) -> Finding:
    """Report images that share a generated name (IL116)."""
    first = items[0].use
    return finding(
        "IL116",
        f"{len(items)} images get the name {name} {what}",
        reference=items[0].origin,
        file=first.file.name,
        line=first.place.line,
        column=first.place.column,
        notes=[f"{item.use.where}: {item.origin}" for item in items],
        hint="give one of them another tag, or exempt it",
    )
