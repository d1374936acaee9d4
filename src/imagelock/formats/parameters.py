"""Parameters with defaults in workflow objects: ``image: $(params.builder)`` leads to the default.

A step that takes its whole image from a parameter runs, unless told otherwise, what the parameter's
default says; that default is the place.  What is put together from parameters is skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.candidates import SHOWN_CHARS, required, skipped
from imagelock.model.place import Damaged, Skipped

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping

    from imagelock.formats.tree import Node
    from imagelock.model.place import Found

NO_DEFAULT = "a parameter without a default"
PUT_TOGETHER = "put together from parameters"


def image_of(
    node: Node, whole: re.Pattern[str], defaults: Mapping[str, Node], mark: str, format_name: str
) -> Iterator[Found]:
    """Judge an image that may be a parameter.

    ``whole`` matches a text that is one parameter, with its name as the group ``name``; ``mark`` is what
    every use of a parameter begins with.
    """
    text = node.text or ""
    if mark not in text:
        found = required(node, format_name)
        if found is not None:
            yield found
        return
    if not node.document.is_first("judged", node.raw):
        return
    match = whole.fullmatch(text.strip())
    default = defaults.get(match["name"]) if match is not None else None
    if match is None:
        yield skipped(node, PUT_TOGETHER, format_name)
    elif default is None or not default.scalar or default.is_null:
        yield skipped(node, NO_DEFAULT, format_name)
    else:
        node.document.taken.add(node.offset)
        found = required(default, format_name)
        if isinstance(found, Damaged) and mark in found.text:
            found = _put_together(found)
        if found is not None:
            yield found


def _put_together(found: Damaged) -> Skipped:
    return Skipped(
        text=found.text[:SHOWN_CHARS],
        line=found.line,
        column=found.column,
        reason=PUT_TOGETHER,
        format=found.format,
    )
