"""Ask of every place of a text who else uses its characters, and refuse those that are shared.

The one place where this is asked: after the formats have found what a text holds and before a place
counts as pinnable.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.sharing.anchors import Anchors
from imagelock.formats.sharing.variables import Variables
from imagelock.model.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found


def refuse_shared(documents: Sequence[Document], found: list[Found]) -> list[Found]:
    """Return what was found, without the slots of places whose characters mean something else as well."""
    if not documents or not any(isinstance(item, Place) and item.slots for item in found):
        return found
    anchors = [Anchors(document) for outer in documents for document in _all(outer)]
    variables = Variables(documents)
    return [_judged(item, anchors, variables) for item in found]


def _all(document: Document) -> Iterator[Document]:
    """Yield a document and those inside its texts."""
    yield document
    for inner in document.inner:
        yield from _all(inner)


def _judged(item: Found, anchors: Sequence[Anchors], variables: Variables) -> Found:
    if not isinstance(item, Place):
        return item
    for slot in item.slots:
        at = slot.span.offset(0)
        reasons = (known.other_use(at, item.format) for known in anchors)
        reason = next(filter(None, reasons), None) or variables.other_use(at, item.format)
        if reason is not None:
            return replace(item, slots=(), refusal=reason, insertion=None)
    return item
