"""What files say about files, put together: a :class:`FileContext` for each file that others speak of.

The statements come from the first reading of every file (:mod:`imagelock.formats.relations`); the few files that are
spoken of are then read again with their context.  Paths are resolved by names alone: nothing outside the files
that were walked is ever opened for the sake of a statement.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.relations.base import (
    FILE,
    FOLDER,
    AsksFor,
    Builds,
    BuildsFrom,
    Generates,
    Holds,
    ReadAs,
    TakesValues,
)
from imagelock.lazy_regex import lazy_regex
from imagelock.model.context import Built, FileContext, Use
from imagelock.model.reference import Reference
from imagelock.ops.scan.files_by_name import Files, stated
from imagelock.ops.scan.kustomize_graph import renamed_files
from imagelock.ops.scan.variables import ENV_FILE, uses_of, values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from imagelock.formats.relations.base import Statement

VALUES, DOCKERFILE = "helm-values", "dockerfile"
_CALLED = lazy_regex(r"(?:dockerfile|containerfile)[^/]*\Z", re.IGNORECASE)
"""Files whose name says what they are already."""


def contexts(
    said: Mapping[str, Sequence[Statement]],
    names: Iterable[str],
    content: Callable[[str], str],
    templates: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, FileContext]:
    """Return the context of each file that the statements speak of by its path.

    ``said`` are the statements by the file that makes them, ``names`` all files of the run, ``content`` reads one;
    ``templates`` are the images of ApplicationSets that are not known before a generator fills them in.
    """
    if not said:
        return {}
    files = Files.of(names)
    found: defaultdict[str, FileContext] = defaultdict(FileContext)
    for name, by, format_name in _read_as(said, files):
        if found[name].read_as is None:
            uses = tuple(Use(text, by) for text in (templates or {}).get(by, ()))
            found[name] = replace(found[name], read_as=format_name, because=by, uses=uses)
    for name, chains in renamed_files(said, files).items():
        found[name] = replace(found[name], renamed=chains)
    for name, values in values_of(said, files, content).items():
        found[name] = replace(found[name], values=values)
    for name, (uses, others) in uses_of(said, files, content).items():
        found[name] = replace(found[name], read_as=ENV_FILE, uses=uses, other_uses=others)
    for name, arguments in _arguments(said, files):
        found[name] = replace(found[name], arguments=arguments)
    for name, keys in _value_keys(said):
        found[name] = replace(found[name], value_keys=keys)
    return dict(found)


def _value_keys(
    said: Mapping[str, Sequence[Statement]],
) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """Yield, for each file with an object that releases take values from, the object with the key of these."""
    taken = dict.fromkeys((item.name, item.key) for _, item in stated(said, TakesValues))
    for name, statements in said.items() if taken else ():
        held = {item.name for item in statements if isinstance(item, Holds)}
        keys = tuple(key for key in taken if key[0] in held)
        if keys:
            yield name, keys


def _read_as(said: Mapping[str, Sequence[Statement]], files: Files) -> Iterator[tuple[str, str, str]]:
    """Yield file, the file that says so, and format."""
    taken = {item.name: by for by, item in stated(said, TakesValues)}
    for by, item in stated(said, ReadAs):
        found = files.anywhere(by, item.path) if item.anywhere else files.beside(by, item.path)
        yield from ((name, by, item.format) for name in found if name != by)
    for by, build in stated(said, BuildsFrom):
        names = files.beside(by, build.dockerfile) if not _CALLED.search(build.dockerfile) else ()
        yield from ((name, by, DOCKERFILE) for name in names)
    for by, made in stated(said, Generates):
        if made.name in taken:
            yield from ((name, taken[made.name], VALUES) for name in files.beside(by, made.path))


def _arguments(
    said: Mapping[str, Sequence[Statement]], files: Files
) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """Yield, for each file that gives arguments to builds, the images that Dockerfiles make of them."""
    given: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for by, item in stated(said, BuildsFrom):
        for name in files.beside(by, item.dockerfile):
            for asked in said.get(name, ()):
                if isinstance(asked, AsksFor):
                    given[by] += [(item.dockerfile, image) for image in asked.images]
    yield from ((by, tuple(dict.fromkeys(images))) for by, images in given.items())


class BuiltNames:
    """The names of images that the project builds, and how far each reaches."""

    def __init__(self, said: Mapping[str, Sequence[Statement]]) -> None:
        self._by_name: defaultdict[str, list[tuple[str, Builds]]] = defaultdict(list)
        for by, item in stated(said, Builds):
            reference = Reference.parse_or_none(item.name)
            if reference is not None:
                self._by_name[reference.name].append((by, item))

    def among(self, name: str, references: Iterable[Reference]) -> tuple[Built, ...]:
        """Return those that the references of a file may mean."""
        if not self._by_name:
            return ()
        meant = {each.name for each in references}
        return tuple(
            Built(name=key, by=by, tag=item.tag)
            for key in sorted(meant & self._by_name.keys())
            for by, item in self._by_name[key]
            if _reaches(item, by, name)
        )


def _reaches(item: Builds, by: str, name: str) -> bool:
    if item.reach == FILE:
        return name == by
    folder = by.rpartition("/")[0]
    return item.reach != FOLDER or not folder or name.startswith(f"{folder}/")
