"""Decide what a local store may forget, and which bytes nothing needs then."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from imagelock.errors import IntegrityError
from imagelock.model.digest import HEX_CHARS, Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from imagelock.model.manifest import Descriptor
    from imagelock.stores.backend import Backend
    from imagelock.stores.catalog import Catalog, Repository
    from imagelock.stores.graph import Graph

    Choice: TypeAlias = Callable[[Graph, Catalog], Catalog]

_REFERRER_TAG = re.compile(r"(?P<algorithm>sha256|sha512)-(?P<hex>[0-9a-f]+)(?:\.[a-z]+)?", re.ASCII)
"""The tags of cosign (``sha256-<hex>.sig``) and of referrers where a registry has no interface for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What goes: tags and manifests without one by their names, blobs with their sizes in bytes.

    ``spared`` are blobs that nothing needs but that are young; ``kept`` counts the records that stay.
    """

    records: tuple[tuple[str, Descriptor], ...] = ()
    blobs: Mapping[Digest, int] = field(default_factory=dict)
    spared: Mapping[Digest, int] = field(default_factory=dict)
    kept: int = 0


def keep_all(graph: Graph, catalog: Catalog) -> Catalog:
    """Forget nothing that has a record; raise :class:`IntegrityError` when a manifest cannot be read."""
    _require_readable(graph, catalog)
    return catalog


def keep_only(wanted: Collection[Digest], names: Collection[str]) -> Choice:
    """Return what forgets everything but these manifests, what they point to and what refers to them.

    Repositories in ``names`` stay whole.  What refers to an image may lie in another repository.
    """

    def decide(graph: Graph, catalog: Catalog) -> Catalog:
        _require_readable(graph, catalog)
        kept = _closure(graph, catalog, set(wanted), names)
        for name in catalog.repositories:
            if name not in names:
                catalog = catalog.put(name, _narrowed(graph, catalog, name, kept))
        return catalog

    return decide


def plan_removal(
    backend: Backend, graph: Graph, before: Catalog, after: Catalog, orphans_before: float
) -> Pruned:
    """Return the blobs that nothing needs after a change, and the records that the change takes away."""
    needed, needed_before = graph.used(after), graph.used(before)
    blobs: dict[Digest, int] = {}
    spared: dict[Digest, int] = {}
    for digest, size, written in backend.contents():
        if digest not in needed:
            is_young = digest not in needed_before and written >= orphans_before
            (spared if is_young else blobs)[digest] = size
    left = dict.fromkeys(_records(after))
    return Pruned(
        records=tuple(one for one in _records(before) if one not in left),
        blobs=blobs,
        spared=spared,
        kept=len(left),
    )


def _records(catalog: Catalog) -> Iterator[tuple[str, Descriptor]]:
    """Yield every record with its name as references write it."""
    for name, repository in sorted(catalog.repositories.items()):
        for tag, one in sorted(repository.tags.items()):
            yield f"{name}:{tag}", one
        for digest, one in sorted(repository.untagged.items()):
            yield f"{name}@{digest}", one


def _closure(graph: Graph, catalog: Catalog, kept: set[Digest], names: Collection[str]) -> frozenset[Digest]:
    """Return every manifest to keep: what the wanted ones point to, and what refers to any of these."""
    members = {name: graph.members(name, catalog) for name in catalog.repositories}
    every = {digest: one for each in members.values() for digest, one in each.items()}
    kept.update(digest for name in names for digest in members.get(name, ()))
    subjects = {digest: subject for digest in every for subject in _subjects(graph, digest)}
    tagged = [
        (one.digest, subject)
        for repository in catalog.repositories.values()
        for tag, one in repository.tags.items()
        if (subject := _subject_of_tag(tag)) is not None
    ]
    while True:
        below = graph.reach(every[digest] for digest in kept if digest in every)
        more = kept | below.keys()
        more |= {digest for digest, subject in (*subjects.items(), *tagged) if subject in more}
        if more == kept:
            return frozenset(kept)
        kept = more


def _subjects(graph: Graph, digest: Digest) -> Iterator[Digest]:
    parsed = graph.parse(digest)
    if parsed is not None and parsed.subject is not None:
        yield parsed.subject.digest


def _subject_of_tag(tag: str) -> Digest | None:
    match = _REFERRER_TAG.fullmatch(tag)
    if match is None or len(match["hex"]) != HEX_CHARS[match["algorithm"]]:
        return None
    return Digest(match["algorithm"], match["hex"])


def _narrowed(graph: Graph, catalog: Catalog, name: str, kept: frozenset[Digest]) -> Repository:
    """Return a repository with its kept records; a child of an index that goes gets one of its own."""
    before = catalog.repository(name)
    members = graph.members(name, catalog)
    after = replace(
        before,
        tags={tag: one for tag, one in before.tags.items() if one.digest in kept},
        untagged={digest: one for digest, one in before.untagged.items() if digest in kept},
    )
    covered = graph.reach(after.recorded.values())
    for digest in sorted(members.keys() & kept - covered.keys()):
        after = after.keep(members[digest])
    return after


def _require_readable(graph: Graph, catalog: Catalog) -> None:
    """Refuse while a manifest is damaged: what it needs is not known, and must not go."""
    records = [one.descriptor for one in catalog.foreign]
    records += [one for repository in catalog.repositories.values() for one in repository.recorded.values()]
    lost = [one.digest for one in records if graph.parse(one.digest) is None]
    # Children of an index may be left out on purpose, but not be damaged.
    lost += [digest for digest in graph.reach(records) if graph.is_unreadable(digest)]
    if lost:
        raise IntegrityError(
            f"{lost[0]} is damaged or missing: what it needs is not known",
            where=str(lost[0]),
            hint="store the image again, or delete its manifest; nothing was removed",
        )
