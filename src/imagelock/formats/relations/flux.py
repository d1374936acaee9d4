"""Flux: values that a HelmRelease takes from objects, and names that a Kustomization replaces in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.objects import group_of, kind_of, objects
from imagelock.formats.relations.base import Deploys, TakesValues
from imagelock.formats.relations.kustomize import renamings
from imagelock.formats.values.split_reference import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document

_SUFFIXES = (".yaml", ".yml", ".json")
_GROUP = ".toolkit.fluxcd.io"
_VALUES = "values.yaml"


def may_say(text: Text) -> bool:
    """Take texts that speak of Flux's groups."""
    return text.file_name.lower().endswith(_SUFFIXES) and _GROUP in text.content


def says(document: Document) -> Iterator[Statement]:
    """Yield what releases take values from, and the entries of Kustomizations."""
    for item in objects(document):
        spec = item.get("spec")
        if spec is None or not group_of(item).endswith(_GROUP):
            continue
        listed = spec.get("valuesFrom")
        for source in listed.items() if kind_of(item) == "HelmRelease" and listed is not None else ():
            yield TakesValues(text_of(source.get("name")), text_of(source.get("valuesKey")) or _VALUES)
        entries = tuple(renamings(spec.get("images"), document.text.path))
        path = text_of(spec.get("path"))
        if kind_of(item) == "Kustomization" and path and entries:
            yield Deploys(path, entries)
