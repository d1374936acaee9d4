"""Which names of a file a kustomization replaces, on every way in which the file is deployed.

A base may be deployed by several overlays and by nothing else; what counts is every way from a kustomization that
no other contains down to the file.  On each of them the entries of ``images`` apply from the inside out.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.formats.relations.base import Contains, Deploys, Renames
from imagelock.formats.relations.kustomize import FILE_NAMES
from imagelock.ops.scan.files_by_name import joined, stated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    from imagelock.formats.relations.base import Statement
    from imagelock.model.context import Renaming
    from imagelock.ops.scan.files_by_name import Files

    Chain: TypeAlias = "tuple[Renaming, ...]"

_VISITS = 20_000
"""Ways through the kustomizations that are followed; a project has hundreds."""


def renamed_files(
    said: Mapping[str, Sequence[Statement]], files: Files
) -> dict[str, tuple[tuple[Renaming, ...], ...]]:
    """Return the entries that apply to the names of each file, a chain for each way; files without any are left out."""
    graph = _Graph(said, files)
    return {name: tuple(dict.fromkeys(chains)) for name, chains in graph.chains().items() if any(chains)}


class _Graph:
    """Kustomizations by their file, what each contains, and the entries it applies."""

    def __init__(self, said: Mapping[str, Sequence[Statement]], files: Files) -> None:
        self._files = files
        self._entries = {by: item.entries for by, item in stated(said, Renames)}
        self._contained: defaultdict[str, list[str]] = defaultdict(list)
        self._components: defaultdict[str, list[str]] = defaultdict(list)
        for by, item in stated(said, Contains):
            for name in self._targets(by, item.path):
                (self._components if item.is_component else self._contained)[by].append(name)
        self._deployed: list[tuple[str, Chain]] = [
            (name, item.entries)
            for by, item in stated(said, Deploys)
            for name in self._deploys(by, item.path)
        ]
        self._found: defaultdict[str, list[Chain]] = defaultdict(list)
        self._visits = 0

    def chains(self) -> Mapping[str, list[Chain]]:
        """Follow every way down."""
        if not self._entries and not any(entries for _, entries in self._deployed):
            return {}
        inner = {
            name
            for listed in (self._contained, self._components)
            for names in listed.values()
            for name in names
        }
        inner |= {name for name, _ in self._deployed}
        every = {*self._contained, *self._components, *self._entries}
        for name in sorted(every - inner):
            self._visit(name, (), ())
        for name, entries in self._deployed:
            self._visit(name, entries, ())
        return self._found

    def _visit(self, name: str, outer: Chain, above: tuple[str, ...]) -> None:
        self._visits += 1
        if name in above or self._visits > _VISITS:
            return
        self._found[name].append(outer)
        inside = (*above, name)
        added = tuple(entry for each in self._components[name] for entry in self._of_component(each, inside))
        chain = (*added, *self._entries.get(name, ()), *outer)
        for below in (*self._contained[name], *self._components[name]):
            self._visit(below, chain, inside)

    def _of_component(self, name: str, above: tuple[str, ...]) -> Iterator[Renaming]:
        """Yield what a component applies to the resources beside it."""
        if name not in above:
            for each in self._components[name]:
                yield from self._of_component(each, (*above, name))
            yield from self._entries.get(name, ())

    def _targets(self, by: str, path: str) -> list[str]:
        found = self._files.beside(by, path)
        return found or [
            name for last in FILE_NAMES for name in self._files.beside(by, f"{path.rstrip('/')}/{last}")
        ]

    def _deploys(self, by: str, path: str) -> list[str]:
        for last in FILE_NAMES:
            if found := self._files.anywhere(by, joined(path.lstrip("/"), last)):
                return found
        return []
