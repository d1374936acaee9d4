"""Match what catalogs list with the lock, and name the variable of each image (``[[olm.catalog]] naming``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.formats.olm.components import components
from imagelock.model import olm
from imagelock.model.finding_codes import Level
from imagelock.model.lock import Ambiguous
from imagelock.ops.findings import ambiguous, finding_at, not_in_lock
from imagelock.ops.olm.images import Needed, collision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.formats.olm.components import Component
    from imagelock.model.lock import Lock
    from imagelock.model.olm import Catalog
    from imagelock.model.outcome import Finding
    from imagelock.model.reference import Reference
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.occurrence import Occurrence


@dataclass(frozen=True, slots=True)
class CatalogUses:
    """What the lists of one catalog name, in their order."""

    catalog: Catalog
    uses: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class Generated:
    """One variable that is generated for an image of a catalog."""

    name: str
    item: Needed

    @property
    def value(self) -> str:
        """What the variable holds."""
        return str(self.item.image)


@dataclass(frozen=True, slots=True)
class CatalogImages:
    """The images of one catalog that are locked, and the variables of all that have one."""

    catalog: Catalog
    images: tuple[Needed, ...]
    variables: tuple[Generated, ...]

    @property
    def is_environment(self) -> bool:
        """Whether the images count as parts of the operator's environment, where they are sorted."""
        return self.catalog.naming != olm.BASE32


def listed(
    catalogs: Iterable[CatalogUses], collection: Collection, lock: Lock, dialect: str
) -> tuple[tuple[CatalogImages, ...], list[Finding]]:
    """Return every catalog's images with their digests and variables, and what is wrong with them.

    That is what is in no lock (IL112), what cannot be named (IL125), and what shares a name (IL116).
    """
    findings: list[Finding] = []
    result = []
    for read in catalogs:
        all_items: list[Needed] = []
        images: dict[tuple[str, str], Needed] = {}
        missing: list[Finding] = []
        for use in read.uses:
            if collection.exemption(use.reference, use.file) is not None:
                if read.catalog.naming == olm.EDITOR:
                    # The operator looks for a variable of every component, and this one stays as it is.
                    all_items.append(Needed(use.reference, use.reference, use))
                continue
            outcome = _locked(use, lock)
            if isinstance(outcome, Needed):
                all_items.append(outcome)
                images.setdefault(olm.identity(outcome.origin), outcome)
            else:
                (missing if outcome.code == "IL112" else findings).append(outcome)
        findings += _missing(read.catalog, missing)
        variables, unnamed = _variables(read.catalog, all_items, list(images.values()), dialect)
        findings += unnamed
        result.append(CatalogImages(read.catalog, tuple(images.values()), tuple(variables)))
    return tuple(result), [*findings, *_shared(result)]


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


def _variables(
    catalog: Catalog, every: Sequence[Needed], images: Sequence[Needed], dialect: str
) -> tuple[list[Generated], list[Finding]]:
    """Return the variables of a catalog by its rule of naming, and what has no name."""
    if catalog.naming == olm.BASE32:
        names = olm.env_names((item.origin for item in images), catalog.label, dialect)
        return [Generated(names[olm.identity(item.origin)], item) for item in images], []
    known = _Components()
    found: dict[tuple[str, str], Generated] = {}
    findings: list[Finding] = []
    for item in every:
        name = (_editor if catalog.naming == olm.EDITOR else _sample)(item, known)
        if isinstance(name, str):
            variable = Generated(name, item)
            found.setdefault((name, variable.value), variable)
        else:
            findings.append(name)
    return list(found.values()), findings


class _Components:
    """The components of the files that were asked for, each file read once."""

    def __init__(self) -> None:
        self._files: dict[str, dict[tuple[int, str], Component]] = {}

    def of(self, use: Occurrence) -> Component | None:
        """Return the component that a place is the image of."""
        name = use.file.name
        if name not in self._files:
            self._files[name] = components(use.file.text)
        return self._files[name].get((use.place.document, use.place.path))


def _editor(item: Needed, known: _Components) -> str | Finding:
    component = known.of(item.use)
    if component is None or not (component.devfile and component.version and component.name):
        return _nameless(item, "needs metadata.name, metadata.attributes.version and its component's name")
    return olm.editor_name(component.devfile, component.version, component.name)


def _sample(item: Needed, known: _Components) -> str | Finding:
    written: Reference = item.use.reference
    if written.digest is None:
        # The variable's name is replaced wherever a sample has it as text, and that would be a part of
        # every other tag of an untagged name.
        return olm.sample_name(str(written)) if written.tag is not None else _nameless(item, "needs a tag")
    component = known.of(item.use)
    if component is None or not (component.devfile and component.name):
        return _nameless(item, "came with a digest and needs metadata.name and its component's name")
    return olm.sample_component_name(component.devfile, component.name)


def _nameless(item: Needed, why: str) -> Finding:
    message = f"{item.use.reference} {why}: there is no name for its variable"
    return finding_at(
        item.use, "IL125", message, level=Level.ERROR, hint="complete the file, or exempt the image"
    )


def _shared(catalogs: Sequence[CatalogImages]) -> Iterator[Finding]:
    """Report variables that several images of all catalogs still share (IL116)."""
    by_name: dict[str, list[Needed]] = {}
    for read in catalogs:
        for variable in read.variables:
            by_name.setdefault(variable.name, []).append(variable.item)
    for name, items in by_name.items():
        if len(items) > 1:
            yield collision(name, items, "as a variable")
