"""Pack files into plain tuples, to send them from one process to another.

Pickling the values themselves takes longer than finding them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from imagelock.ops.scan.packing import PackedFound, kept, pack_found, unpack_found
from imagelock.ops.scan.scanned_file import ScannedFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Chart
    from imagelock.model.context import FileContext
    from imagelock.model.rule import ScanRule
    from imagelock.ops.scan.scanned_file import FileContent

Packed: TypeAlias = tuple[Any, ...]


def pack(file: ScannedFile) -> Packed:
    """Return a file as tuples; its rules and its context are not in it, because the other side has them."""
    found = file.found
    items = found if isinstance(found, PackedFound) else [pack_found(item) for item in found]
    return (
        file.name,
        file.place,
        file.content,
        file.chart,
        file.may_ignore,
        file.has_variables,
        file.said,
        items,
    )


def unpack(
    packed: Packed,
    rules_of: Callable[[str], tuple[ScanRule, ...]],
    context_of: Callable[[str], FileContext | None],
) -> ScannedFile:
    """Return the file again."""
    name, place, content, chart, may_ignore, has_variables, said, items = _typed(packed)
    return ScannedFile(
        name=name,
        place=place,
        content=content,
        found=items if isinstance(items, PackedFound) else kept([unpack_found(item) for item in items]),
        rules=rules_of(name),
        chart=chart,
        may_ignore=may_ignore,
        has_variables=has_variables,
        context=context_of(name),
        said=said,
    )


def _typed(
    packed: Packed,
) -> tuple[
    str, str | None, FileContent, Chart | None, bool, bool, tuple[Statement, ...], list[Any] | PackedFound
]:
    name, place, content, chart, may_ignore, has_variables, said, items = packed
    return name, place, content, chart, may_ignore, has_variables, said, items
