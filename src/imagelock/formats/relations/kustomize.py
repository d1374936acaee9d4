"""Kustomizations: their resources, patches and values files, and the names that their ``images`` replace.

Follows the reference of kustomization.yaml and kustomize's image transformer: an entry matches the exact name as
written, ``newTag`` and ``digest`` take the place of both tag and digest, ``tagSuffix`` drops the digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.relations.base import Contains, Generates, ReadAs, Renames
from imagelock.formats.values.split_reference import text_of
from imagelock.model.context import Renaming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_RESOURCES = ("resources", "bases", "crds", "generators", "transformers", "patchesStrategicMerge")
_PATCHES = ("patches", "patchesJson6902")
_GENERATORS = ("configMapGenerator", "secretGenerator")


def may_say(text: Text) -> bool:
    """Take kustomizations by the names that the tool knows."""
    return text.file_name in FILE_NAMES


def says(document: Document) -> Iterator[Statement]:
    """Yield what the kustomization contains and replaces."""
    top = document.top
    for path in _texts(top, *_RESOURCES):
        if "\n" not in path:
            yield Contains(path)
    for path in _texts(top, "components"):
        yield Contains(path, is_component=True)
    for key in _PATCHES:
        for patch in _items(top, key):
            if path := text_of(patch.get("path")):
                yield Contains(path)
                yield ReadAs(path, "json-patch")
    yield from _charts(top)
    yield from _generated(top)
    entries = tuple(renamings(top.get("images"), document.text.path))
    if entries:
        yield Renames(entries)


def renamings(images: Node | None, by: str) -> Iterator[Renaming]:
    """Yield the entries of a list of names with what replaces them."""
    for item in images.items() if images is not None else ():
        name = text_of(item.get("name"))
        if name:
            yield Renaming(
                name=name,
                by=by,
                new_name=text_of(item.get("newName")),
                tag=text_of(item.get("newTag")),
                digest=text_of(item.get("digest")),
                has_suffix=bool(text_of(item.get("tagSuffix"))),
            )


def _items(top: Node, key: str) -> Iterator[Node]:
    listed = top.get(key)
    yield from listed.items() if listed is not None else ()


def _texts(top: Node, *keys: str) -> Iterator[str]:
    for key in keys:
        yield from (item.text for item in _items(top, key) if item.text)


def _charts(top: Node) -> Iterator[Statement]:
    for chart in _items(top, "helmCharts"):
        files = [text_of(chart.get("valuesFile")), *_texts(chart, "additionalValuesFiles")]
        for path in filter(None, files):
            yield Contains(path)
            yield ReadAs(path, "helm-values")


def _generated(top: Node) -> Iterator[Statement]:
    for kind in _GENERATORS:
        for generator in _items(top, kind):
            name = text_of(generator.get("name"))
            for listed in _texts(generator, "files"):
                key, equals, path = listed.partition("=")
                yield Generates(name, key if equals else key.rpartition("/")[2], path if equals else key)
            for path in (*_texts(generator, "envs"), text_of(generator.get("env"))):
                if path:
                    yield ReadAs(path, "env-file")
