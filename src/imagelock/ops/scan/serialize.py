"""Pack what was found in files into plain tuples, to send it from one process to another.

Pickling the values themselves takes longer than finding them.  Almost all places are alike: a reference
written in one piece, in one slot; of these only what differs is sent, and anything else goes as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from imagelock.model.place import Place, Skipped, Slot, Span
from imagelock.model.reference import Reference
from imagelock.ops.scan.scanned_file import ScannedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Chart
    from imagelock.model.context import FileContext
    from imagelock.model.place import Found
    from imagelock.model.rule import ScanRule
    from imagelock.ops.scan.scanned_file import FileContent

Packed: TypeAlias = tuple[Any, ...]


def pack(file: ScannedFile) -> Packed:
    """Return a file as tuples; its rules and its context are not in it, because the other side has them."""
    items = [_pack_found(item) for item in file.found]
    return (file.name, file.place, file.content, file.chart, file.may_ignore, file.said, items)


def unpack(
    packed: Packed,
    rules_of: Callable[[str], tuple[ScanRule, ...]],
    context_of: Callable[[str], FileContext | None],
) -> ScannedFile:
    """Return the file again."""
    name, place, content, chart, may_ignore, said, items = _typed(packed)
    return ScannedFile(
        name=name,
        place=place,
        content=content,
        found=tuple(_unpack_found(item) for item in items),
        rules=rules_of(name),
        chart=chart,
        may_ignore=may_ignore,
        context=context_of(name),
        said=said,
    )


def _typed(
    packed: Packed,
) -> tuple[str, str | None, FileContent, Chart | None, bool, tuple[Statement, ...], list[Any]]:
    name, place, content, chart, may_ignore, said, items = packed
    return name, place, content, chart, may_ignore, said, items


def _pack_found(item: Found) -> Any:
    if type(item) is Skipped:
        return (item.text, item.line, item.column, item.reason, item.format, item.kind)
    if type(item) is Place and _is_simple(item):
        slot = item.slots[0]
        return (slot.text, item.line, item.column, item.document, item.path, item.format, slot.span.at)
    return item


def _is_simple(place: Place) -> bool:
    """Whether a place is what its slot's text and where that begins say, and nothing else."""
    if len(place.slots) != 1 or place.recorded or place.build is not None or place.refusal is not None:
        return False
    slot = place.slots[0]
    span = slot.span
    return (
        place.tag_is_known
        and slot.part == "reference"
        and isinstance(span.starts, range)
        and span == Span.plain(span.at, span.at + len(slot.text))
        and slot.text == str(place.reference)
    )


def _unpack_found(item: Any) -> Found:
    if type(item) is not tuple:
        found: Found = item
        return found
    if len(item) == 6:
        text, line, column, reason, format_name, kind = item
        return Skipped(text=text, line=line, column=column, reason=reason, format=format_name, kind=kind)
    text, line, column, document, path, format_name, at = item
    return Place(
        reference=Reference.parse(text),
        slots=(Slot(span=Span.plain(at, at + len(text)), text=text),),
        line=line,
        column=column,
        document=document,
        path=path,
        format=format_name,
    )
