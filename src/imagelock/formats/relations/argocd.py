"""Argo CD Applications and ApplicationSets: the values files they name, wherever those lie in the project.

``valueFiles`` count from ``path`` of their source, or with ``$ref/`` from the top of the repository that the
source of that name stands for.  Where that is in the project is not written, so every folder above counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.relations.base import Deploys, ReadAs
from imagelock.formats.values.split_reference import text_of
from imagelock.model.context import Renaming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node

_MARKS = ("valueFiles", "kustomize:", "files:")
_SUFFIXES = (".yaml", ".yml", ".json")


def may_say(text: Text) -> bool:
    """Take texts that speak of Argo CD's group and of files or names."""
    content = text.content
    return (
        text.file_name.lower().endswith(_SUFFIXES)
        and "argoproj.io/" in content
        and any(mark in content for mark in _MARKS)
    )


def says(document: Document) -> Iterator[Statement]:
    """Yield the values files of every source, and the names that a source replaces in its folder."""
    for source in document.top.mappings():
        files = source.get("helm", "valueFiles")
        folder = text_of(source.get("path"))
        for item in files.items() if files is not None else ():
            for path in _paths(item.text or "", folder):
                yield ReadAs(path, "helm-values", anywhere=True)
        images = source.get("kustomize", "images")
        if images is not None and folder:
            entries = tuple(_entries(images, document.text.path))
            yield Deploys(folder, entries)
        yield from _generator_files(source)


def _paths(written: str, folder: str) -> Iterator[str]:
    if written.startswith("$"):
        yield written.partition("/")[2]
    elif written.startswith("/"):
        yield written[1:]
    elif written and "://" not in written:
        yield f"{folder}/{written}" if folder else written


def _entries(images: Node, by: str) -> Iterator[Renaming]:
    """Read ``old=new:tag`` and ``name:tag``."""
    for item in images.items():
        old, equals, new = (item.text or "").partition("=")
        new = new if equals else old
        image, _, digest = new.partition("@")
        name, colon, tag = image.rpartition(":")
        if not colon or "/" in tag:
            name, tag = image, ""
        if name:
            yield Renaming(name=old if equals else name, by=by, new_name=name, tag=tag, digest=digest)


def _generator_files(mapping: Node) -> Iterator[Statement]:
    """Yield the files of git generators: their keys feed the template."""
    files = mapping.get("git", "files")
    for item in files.items() if files is not None else ():
        if path := text_of(item.get("path")):
            yield ReadAs(path, "generator-file", anywhere=True)
