"""Parameters of an OpenShift Template, followed to the values that the template gives them.

``${NAME}`` that is a whole image is a place at the parameter's value; an image that is put together from parameters is
found and not written.  Follows "Using templates" of OpenShift's documentation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.classify.assembled import ELSEWHERE, nowhere, place_of
from imagelock.formats.classify.candidates import required
from imagelock.formats.classify.defaults import FOLLOWED, OPENSHIFT, named_values
from imagelock.formats.classify.interpolation import Declared, Piece, UnresolvedError, assemble, resolve
from imagelock.formats.classify.objects import TEMPLATE_PARAMETER
from imagelock.model.place import Damaged, SkipKind, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found


def with_parameters(found: Iterable[Found], document: Document, format_name: str) -> Iterator[Found]:
    """Yield what was found, images of parameters replaced by the values of these."""
    values = dict(named_values(document.top.get("parameters"), "value"))
    for item in found:
        made = None
        if values and isinstance(item, Skipped) and item.reason == TEMPLATE_PARAMETER:
            made = _made(item, values, format_name)
        if made is None or not isinstance(item, Skipped):
            yield item
            continue
        yield replace(item, reason=FOLLOWED, kind=SkipKind.REPLACED)
        yield from made


def _made(item: Skipped, values: Mapping[str, Node], format_name: str) -> list[Found] | None:
    """Return the image that a text means, nothing when it was told before; None when a value is not known."""
    match = OPENSHIFT.fullmatch(item.text)
    if match is not None:
        value = values.get(match["name"])
        found = None if value is None else required(value, format_name)
        if value is None or isinstance(found, Damaged):
            return None
        return [] if found is None else [found]
    declared = {
        key: Declared((Piece(node.scalar or "", nowhere(node.scalar or "", node.offset), ()),))
        for key, node in values.items()
    }
    try:
        assembled = assemble(resolve(item.text, nowhere(item.text), declared.get))
    except UnresolvedError:
        return None
    names = [name for piece in assembled.pieces for name in piece.variables]
    node = values[names[-1]]
    document = node.document
    refusal = ELSEWHERE
    return [place_of(assembled, document.text, node.offset, node.path, format_name, document.index, refusal)]
