"""Every file of a run read, and those that others speak of read by what these say.

The first reading finds what each file holds and what it says of others; almost no file is spoken of in a way that
changes how it is read, so the second reading is of a few.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.files import decode, read_bytes
from imagelock.formats.relations.kustomize import FILE_NAMES
from imagelock.limits import MIB
from imagelock.model.context import FileContext
from imagelock.model.outcome import Finding
from imagelock.model.place import Skipped
from imagelock.ops.scan.context import BuiltNames, contexts
from imagelock.ops.scan.walk import Visited
from imagelock.ops.scan.workers import read_all
from imagelock.paths import leads_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.formats.relations.base import Statement
    from imagelock.ops.parallel import Progress
    from imagelock.ops.project import Project
    from imagelock.ops.scan.reader import FileReader
    from imagelock.ops.scan.scanned_file import ScannedFile
    from imagelock.ops.scan.workers import Read

_COMPOSE = tuple(f"{stem}.{suffix}" for stem in ("compose", "docker-compose") for suffix in ("yaml", "yml"))
_NEIGHBOURS = (*FILE_NAMES, "skaffold.yaml", "skaffold.yml", *_COMPOSE, ".env")
"""What is looked at in the folders above files that were named alone: it may say something of them."""


def read_in_context(
    reader: FileReader, files: Sequence[Visited], project: Project, progress: Progress | None = None
) -> Iterator[Read]:
    """Yield what each file holds, in the order given, as the files around it mean it."""
    results = list(read_all(reader, files, progress))
    others = list(_neighbours(files, project))
    said = _said([*results, *(reader.read(file) for file in others)])
    if not said:
        yield from results
        return
    paths = {file.name: file.path for file in (*files, *others) if not file.is_outside}
    known = contexts(said, paths, lambda name: _content(paths[name]), _templates(results))
    again = [file for file in files if file.name in known and known[file.name].changes_reading]
    read_again = dict(zip((file.name for file in again), read_all(reader.within(known), again), strict=True))
    built = BuiltNames(said)
    for file, result in zip(files, results, strict=True):
        read = read_again.get(file.name, result)
        yield (
            read
            if isinstance(read, Finding)
            else [item for each in read if (item := _in_context(each, known, built)).found]
        )


def _said(results: Sequence[Read]) -> dict[str, tuple[Statement, ...]]:
    return {
        file.name: file.said
        for result in results
        if not isinstance(result, Finding)
        for file in result
        if file.said
    }


def _templates(results: Sequence[Read]) -> dict[str, list[str]]:
    """Return the images of ApplicationSets that are templates."""
    return {
        file.name: [item.text for item in file.found if isinstance(item, Skipped) and "{{" in item.text]
        for result in results
        if not isinstance(result, Finding)
        for file in result
        if file.said
    }


def _in_context(file: ScannedFile, known: Mapping[str, FileContext], built: BuiltNames) -> ScannedFile:
    """Return a file with its names judged; where nobody speaks of any of them it stays as it is."""
    context = known.get(file.name)
    names = built.among(file.name, (place.reference for place in file.places))
    if names:
        context = replace(context or FileContext(), built=names)
    return file if context is None or not (names or context.renamed) else file.within(context)


def _neighbours(files: Sequence[Visited], project: Project) -> Iterator[Visited]:
    """Yield the files above those that were named themselves which may say something of them."""
    seen = {file.path for file in files}
    root = str(project.root)
    named = (file.path for file in files if file.is_named)
    for folder in dict.fromkeys(above for path in named for above in _folders_above(path, root)):
        for name in _NEIGHBOURS:
            path = f"{folder}/{name}"
            if path not in seen and os.path.isfile(path) and not leads_out(path, root):  # noqa: PTH113 - a text
                yield Visited(path, project.shown(path), is_named=False)


def _folders_above(path: str, root: str) -> Iterator[str]:
    """Yield the folders from a file's own up to the project's."""
    folder = path.rpartition("/")[0]
    while folder == root or folder.startswith(root.rstrip("/") + "/"):
        yield folder
        folder = folder.rpartition("/")[0]


def _content(path: str) -> str:
    try:
        return decode(read_bytes(path, MIB))
    except FileError:
        return ""
