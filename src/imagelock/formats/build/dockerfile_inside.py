"""Dockerfiles inside other files: ``dockerfile_inline`` of Compose, BuildConfigs, ConfigMaps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.build import dockerfile
from imagelock.formats.classify.candidates import NO_SPAN
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Found, Span

ROLE = "inlined Dockerfile"


def dockerfile_images(node: Node | None, format_name: str) -> Iterator[Found]:
    """Yield the images of a Dockerfile that is written in a string."""
    written = "" if node is None else node.text or ""
    if node is None or not written or not node.document.is_first(ROLE, node.raw):
        return
    inner, outer = Text("Dockerfile", written), node.span()
    node.document.taken.add(node.offset)
    for item in dockerfile.find(inner):
        yield _outside(item, inner, node, outer, format_name)


def _outside(item: Found, inner: Text, node: Node, outer: Span | None, format_name: str) -> Found:
    """Return what was found in the string as it is found in the file."""
    at = _offset(inner.content, item.line, item.column)
    line, column = node.document.text.position(node.offset if outer is None else outer.offset(at))
    if not isinstance(item, Place):
        return replace(item, line=line, column=column, format=format_name)
    slots = (
        () if outer is None else tuple(replace(slot, span=outer.through(slot.span)) for slot in item.slots)
    )
    return replace(
        item,
        line=line,
        column=column,
        format=format_name,
        document=node.document.index,
        path=f"{node.path} > {item.path}",
        slots=slots,
        refusal=item.refusal or (NO_SPAN if outer is None else None),
    )


def _offset(content: str, line: int, column: int) -> int:
    at = 0
    for _ in range(line - 1):
        at = content.index("\n", at) + 1
    return at + column - 1
