"""The table of collectors, and what one text says by all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.relations import (
    argocd,
    compose,
    dockerfile,
    flux,
    helmfile,
    kustomize,
    pipelines,
    quadlet,
    skaffold,
    text_objects,
)
from imagelock.formats.syntax.yaml_text import chunks
from imagelock.formats.syntax.yaml_text import compose as compose_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Collector, Statement, TextCollector
    from imagelock.formats.syntax.text import Text

DOCUMENT_COLLECTORS: tuple[Collector, ...] = (kustomize, argocd, flux, skaffold, compose)
TEXT_COLLECTORS: tuple[TextCollector, ...] = (helmfile, dockerfile, pipelines, quadlet, text_objects)


def said(text: Text) -> tuple[Statement, ...]:
    """Return what a text says about other files; nothing for what cannot be read, and for almost all texts."""
    found = [
        statement for item in TEXT_COLLECTORS if item.may_say(text) for statement in item.says_of_text(text)
    ]
    collectors = [item for item in DOCUMENT_COLLECTORS if item.may_say(text)]
    if collectors:
        found += _of_documents(text, collectors)
    return tuple(found)


def _of_documents(text: Text, collectors: list[Collector]) -> Iterator[Statement]:
    for chunk in chunks(text):
        try:
            document = compose_document(text, chunk)
        except FormatError:
            continue
        if document is not None:
            for item in collectors:
                yield from item.says(document)
