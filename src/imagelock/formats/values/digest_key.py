"""Judge a name and tag whose digest has a key of its own, the only place where the format takes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.classify.candidates import NO_SPAN
from imagelock.formats.values.added_keys import digest_slot
from imagelock.formats.values.split_reference import NULL_DIGEST
from imagelock.model.place import Damaged, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Slot
    from imagelock.model.reference import Reference


def judge_beside_digest(
    node: Node,
    written: str,
    parse: Callable[[], Reference],
    digest: Node | None,
    *,
    absent: str,
    format_name: str,
    added: Slot | None = None,
) -> Place | Damaged:
    """Return the place of a reference whose name is at ``node`` and whose digest is at ``digest``.

    ``written`` is what messages show, ``parse`` gives the reference or raises :class:`InvalidValueError`,
    ``absent`` is the refusal where there is no key to fill, and ``added`` what would add that key.
    """
    line, column = node.position
    try:
        reference = parse()
    except InvalidValueError as error:
        return Damaged(
            text=written, line=line, column=column, reason=error.message, hint=error.hint, format=format_name
        )
    slots, refusal = _digest_slot(digest, absent)
    return Place(
        reference=reference,
        slots=slots,
        line=line,
        column=column,
        document=node.document.index,
        path=node.path,
        format=format_name,
        refusal=refusal,
        insertion=added if digest is None else None,
    )


def _digest_slot(digest: Node | None, absent: str) -> tuple[tuple[Slot, ...], str | None]:
    if digest is None:
        return (), absent
    if digest.is_null:
        return (), NULL_DIGEST
    slot = digest_slot(digest)
    return ((), NO_SPAN) if slot is None else ((slot,), None)
