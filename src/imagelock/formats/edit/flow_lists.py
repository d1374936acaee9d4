"""Write a list inside a flow mapping again: JSON, or YAML between braces.

Items that stay are taken over as they are written; new ones are written like the first item, on one line or on
several.  A comment has no place there, so what ``# tag:`` says in block style is left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.formats.edit.edits import Edit
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.formats.edit.list_items import Item
    from imagelock.formats.syntax.tree import Document, Node

_INDENT = lazy_regex(r"[ \t]*")
_STEP = "  "


@dataclass(frozen=True, slots=True)
class _Style:
    """How a list is written: keys in quotes, items on lines of their own, and each of them on several."""

    is_json: bool
    indent: str | None
    """Before each item, where items have lines of their own."""
    step: str
    is_expanded: bool
    broken: str

    def item(self, item: Item) -> str:
        """Return one item."""
        pairs = [f"{self._key(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in item.fields]
        if not self.is_expanded or self.indent is None:
            return "{" + ", ".join(pairs) + "}"
        inner = f",{self.broken}".join(f"{self.indent}{self.step}{pair}" for pair in pairs)
        return f"{{{self.broken}{inner}{self.broken}{self.indent}}}"

    def _key(self, key: str) -> str:
        return json.dumps(key) if self.is_json else key

    def written(self, items: Sequence[str]) -> str:
        """Return the list of these items."""
        if self.indent is None or not items:
            return f"[{', '.join(items)}]"
        inner = f",{self.broken}".join(f"{self.indent}{item}" for item in items)
        return f"[{self.broken}{inner}{self.broken}{self.indent.removesuffix(self.step)}]"

    def pair(self, key: str, items: Sequence[str]) -> str:
        """Return the list behind its key."""
        return f"{self._key(key)}: {self.written(items)}"


def flow_edit(
    document: Document,
    parent: Node,
    existing: Node | None,
    key: str,
    kept: Sequence[Node],
    add: Sequence[Item],
) -> Edit:
    """Return the edit that makes a list of a flow mapping hold what is kept and what is added."""
    style = _style_of(document, parent, existing)
    items = [*(document.raw_text(node.raw) for node in kept), *map(style.item, add)]
    if existing is not None:
        start, end = (
            mark.index + document.offset for mark in (existing.raw.start_mark, existing.raw.end_mark)
        )
        return Edit(start, end, style.written(items))
    end = parent.raw.end_mark.index + document.offset - 1
    head = document.source[:end].rstrip()
    comma = "" if not parent.raw.value else ","
    blank = document.source[len(head) : end]
    between = " " if comma else ""
    if style.indent is not None:
        between = style.broken + style.indent.removesuffix(style.step)
    return Edit(len(head), end, f"{comma}{between}{style.pair(key, items)}{blank}")


def _style_of(document: Document, parent: Node, existing: Node | None) -> _Style:
    source = document.source
    is_json = source.lstrip("\ufeff \t\r\n").startswith("{")
    broken = "\r\n" if "\r\n" in source else "\n"
    items = list(existing.items()) if existing is not None else []
    whole = document.raw_text(existing.raw if existing is not None and items else parent.raw)
    if "\n" not in whole:
        return _Style(is_json, None, _STEP, is_expanded=False, broken=broken)
    outer = _indent(document, parent.raw.value[0][0].start_mark.index) if parent.raw.value else ""
    step = outer.removeprefix(_indent(document, parent.raw.start_mark.index)) or _STEP
    if items:
        indent = _indent(document, items[0].raw.start_mark.index)
        is_expanded = "\n" in document.raw_text(items[0].raw)
        return _Style(is_json, indent, indent.removeprefix(outer) or step, is_expanded, broken)
    return _Style(is_json, outer + step, step, is_expanded=True, broken=broken)


def _indent(document: Document, at: int) -> str:
    """Return the blanks before the first character of the line that a mark is in."""
    start = document.source.rfind("\n", 0, at + document.offset) + 1
    match = _INDENT.match(document.source, start)
    return match[0] if match else ""
