"""What lists are edited by: items to add, and which list of a document gains and loses them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its keys and strings in order, and the text of the ``# tag:`` comment below."""

    fields: tuple[tuple[str, str], ...]
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEdit:
    """Take the items ``drop`` (by number) out of the list ``key`` of a mapping, and put ``add`` at its end.

    ``way`` leads from the document's root to the mapping: keys, and numbers of items.
    """

    document: int
    way: tuple[str | int, ...]
    key: str
    drop: tuple[int, ...] = ()
    add: tuple[Item, ...] = ()
