"""Files that the git generator of an ApplicationSet reads: the values that its template makes images of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.gitops.generators import made_of, places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found

name = "generator-file"
summary = "files of Argo CD's git generators: the values that images of the template are made of"
marks: tuple[str, ...] = (":",)


def matches_name(text: Text) -> bool:
    """Take files that an ApplicationSet names."""
    return text.is_said_to_be(name)


def claims(document: Document) -> bool:
    """Take mappings, and lists of them: each is an element."""
    return document.top.is_mapping or document.top.is_sequence


def find(document: Document) -> Iterator[Found]:
    """Yield the images that the template makes of the values."""
    context = document.text.context
    elements = [document.top] if document.top.is_mapping else list(document.top.items())
    texts = [use.text for use in (context.uses if context is not None else ())]
    others = dict(context.other_uses) if context is not None else {}
    yield from places(list(made_of(texts, elements)), others, name)
