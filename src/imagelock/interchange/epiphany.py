"""Judge Epiphany's download lists: what digests replace, and where the lists contradict each other.

The lists are read by :mod:`imagelock.formats.lists.epiphany`; here they are judged.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.interchange.epiphany_names import archive_name, collisions
from imagelock.model.outcome import finding_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.model.outcome import Finding
    from imagelock.model.requirement import Requirement

name = "epiphany"
summary = "Epiphany's images.yml, older requirement texts and image-registry.yml"


def judge(required: Sequence[Requirement], loaded: Sequence[Requirement]) -> Iterator[Finding]:
    """Yield what is wrong with download lists and, where there are any, lists of images to load."""
    if loaded:
        yield from _disagreements(required, loaded)
    yield from _wrong_names((*required, *loaded))
    yield from _collisions((*required, *loaded))


def _disagreements(required: Sequence[Requirement], loaded: Sequence[Requirement]) -> Iterator[Finding]:
    """Yield the images of one side that the other lacks, each architecture for itself (IL121)."""
    # Nothing can be said of an architecture whose download list was not given.
    judged = {item.architecture for item in required}
    known = [item for item in loaded if None in judged or item.architecture in (None, *judged)]
    sides = ((required, known, loaded), (known, required, required))
    for side, others, named in sides:
        images = _architectures(others)
        files = ", ".join(dict.fromkeys(item.file for item in named))
        for item in _once(side):
            if not _is_for(item.architecture, images.get(item.reference.canonical)):
                of = f" for {item.architecture}" if item.architecture else ""
                yield finding_in(
                    item, "IL121", f"{item.reference}{of} is not in {files}", reference=item.reference
                )


def _architectures(requirements: Iterable[Requirement]) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = defaultdict(set)
    for item in requirements:
        found[item.reference.canonical].add(item.architecture)
    return found


def _is_for(architecture: str | None, found: set[str | None] | None) -> bool:
    """Whether an image is there for an architecture; what does not say which one is for all."""
    return found is not None and (architecture is None or None in found or architecture in found)


def _once(requirements: Iterable[Requirement]) -> Iterator[Requirement]:
    seen = set()
    for item in requirements:
        key = (item.reference.canonical, item.architecture)
        if key not in seen:
            seen.add(key)
            yield item


def _wrong_names(requirements: Iterable[Requirement]) -> Iterator[Finding]:
    for item in requirements:
        wanted = archive_name(item.reference)
        if item.file_name is not None and item.file_name != wanted:
            message = f"the archive of {item.reference} is {wanted}, not {item.file_name}"
            yield finding_in(
                item, "IL122", message, reference=item.reference, hint=f"write file_name: {wanted}"
            )


def _collisions(requirements: Sequence[Requirement]) -> Iterator[Finding]:
    places = {item.reference.canonical: item for item in reversed(requirements)}
    for file, references in collisions(item.reference for item in requirements).items():
        items = [places[reference.canonical] for reference in references]
        yield finding_in(
            items[-1],
            "IL116",
            f"{len(items)} images would be written to {file}",
            reference=items[-1].reference,
            notes=[f"{item.where}: {item.reference}" for item in items],
            hint="use one OCI layout, where file names do not matter, or change a tag",
        )
