"""Decide which images a ClusterServiceVersion needs, and their names, from places and the lock.

The order of entries: the operator first, then what its containers and their environment name, sorted as it is
written, then each catalog in its own order; one entry for each reference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.model import olm
from imagelock.model.digest import same_digest
from imagelock.model.lock import Ambiguous
from imagelock.model.outcome import finding
from imagelock.ops.findings import ambiguous, not_in_lock
from imagelock.ops.usage import disagreement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.model.lock import Lock
    from imagelock.model.olm import Catalog
    from imagelock.model.outcome import Finding
    from imagelock.model.reference import Reference
    from imagelock.ops.scan.collect import Collection, Occurrence


@dataclass(frozen=True, slots=True)
class Needed:
    """One image: what it was called before it was pinned, what is written now, and a place that says so."""

    origin: Reference
    image: Reference
    use: Occurrence


@dataclass(frozen=True, slots=True)
class CatalogUses:
    """What the lists of one catalog name, in their order."""

    catalog: Catalog
    uses: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class CatalogImages:
    """The images of one catalog that are locked."""

    catalog: Catalog
    images: tuple[Needed, ...]


def listed(
    catalogs: Iterable[CatalogUses], collection: Collection, lock: Lock
) -> tuple[tuple[CatalogImages, ...], list[Finding]]:
    """Return every catalog's images with their digests, and what is in no lock."""
    findings: list[Finding] = []
    result = []
    for read in catalogs:
        images: dict[tuple[str, str], Needed] = {}
        missing: list[Finding] = []
        for use in read.uses:
            if collection.exemption(use.reference) is not None:
                continue
            outcome = _locked(use, lock)
            if isinstance(outcome, Needed):
                images.setdefault(olm.identity(outcome.origin), outcome)
            else:
                (missing if outcome.code == "IL112" else findings).append(outcome)
        findings += _missing(read.catalog, missing)
        result.append(CatalogImages(read.catalog, tuple(images.values())))
    return tuple(result), findings


def _missing(catalog: Catalog, findings: Sequence[Finding]) -> Sequence[Finding]:
    """Return what a catalog lists and the lock lacks as one finding: a catalog that was never locked is one mistake."""
    if len(findings) < 2:
        return findings
    first = findings[0]
    joined = replace(
        first,
        message=f"{len(findings)} images of the catalog {catalog.label} are not in the lock",
        reference=None,
        notes=tuple(f"{item.file}:{item.line}: {item.reference}" for item in findings),
    )
    return (joined,)


def _locked(use: Occurrence, lock: Lock) -> Needed | Finding:
    reference = use.reference
    if olm.came_with_digest(reference):
        return Needed(reference, reference, use)
    origin = reference.with_tag(reference.tag)
    match = lock.match(origin)
    if match is None:
        return not_in_lock(use, lock)
    if isinstance(match, Ambiguous):
        return ambiguous(use, match)
    return Needed(origin, origin.with_digest(match.digest, keep_tag=False), use)


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
    finals: Sequence[tuple[Occurrence, Reference]], operator: str | None, lock: Lock
) -> tuple[list[Needed], list[Finding]]:
    """Return the images of one ClusterServiceVersion without its catalogs, in their order."""
    images: dict[tuple[str, str], Needed] = {}
    disagreeing: dict[tuple[str, str], list[Occurrence]] = {}
    for use, final in sorted(finals, key=lambda pair: pair[0].place.path != operator):
        for origin in origins(use, lock):
            image = final.with_digest(final.digest, keep_tag=False) if final.digest is not None else final
            item = Needed(origin, image, use)
            known = images.setdefault(olm.identity(origin), item)
            if not same_image(known, item):
                disagreeing.setdefault(olm.identity(origin), [known.use]).append(use)
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


def merged(own: Iterable[Needed], catalogs: Iterable[CatalogImages]) -> list[Needed]:
    """Return one entry for each reference: a bundle's own images, then each catalog's."""
    images: dict[tuple[str, str], Needed] = {}
    for item in (*own, *(item for read in catalogs for item in read.images)):
        images.setdefault(olm.identity(item.origin), item)
    return list(images.values())


def variables(read: CatalogImages, dialect: str) -> dict[tuple[str, str], str]:
    """Return the generated variable of every image of a catalog, in its order."""
    return olm.env_names((item.origin for item in read.images), read.catalog.label, dialect)


def shared_variables(catalogs: Sequence[CatalogImages], dialect: str) -> Iterator[Finding]:
    """Report variables that several images of all catalogs still share (IL116)."""
    by_name: dict[str, list[Needed]] = {}
    for read in catalogs:
        for item, name in zip(read.images, variables(read, dialect).values(), strict=True):
            by_name.setdefault(name, []).append(item)
    for name, items in by_name.items():
        if len(items) > 1:
            yield _collision(name, items, "as a variable")


def shared_names(names: dict[tuple[str, str], str], images: Iterable[Needed]) -> Iterator[Finding]:
    """Report related images that still share a name with their full path (IL116)."""
    by_key = {olm.identity(item.origin): item for item in images}
    for name, keys in olm.collisions(names).items():
        yield _collision(name, [by_key[key] for key in keys], "in spec.relatedImages")


def _collision(name: str, items: Sequence[Needed], what: str) -> Finding:
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
