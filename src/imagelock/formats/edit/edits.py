"""Make the smallest edit that fills a slot, and apply edits to a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.model.place import Slot


class Edit(NamedTuple):
    """Replace ``content[start:end]`` by ``words``; start equals end for an insertion.

    ``is_key`` says that a key is written or taken away, and not only characters of a scalar.
    """

    start: int
    end: int
    words: str
    is_key: bool = False


def edit_of(slot: Slot, words: str) -> Edit | None:
    """Return the smallest edit that makes a slot hold ``words``; None when it does already."""
    old = slot.text
    if old == words:
        return None
    head, tail = _common(old, words)
    first, last = head, len(old) - tail
    if first == last == 0 and old:
        # Nothing is before it to be inserted behind, so the first character is rewritten.
        last, tail = 1, tail - 1
    span = slot.span
    # An insertion goes right behind the character before it: a line may be continued after that.
    start = span.starts[first] if first < last else (span.ends[first - 1] if first else span.offset(0))
    end = span.ends[last - 1] if first < last else start
    is_key = slot.adds_key and (not old or not words)
    return Edit(start, end, words[head : len(words) - tail], is_key)


def _common(old: str, words: str) -> tuple[int, int]:
    """Return how many characters two texts share at their begin, and of the rest at their end."""
    # What pinning and unpinning do: the digest is put behind, or taken away.
    if words.startswith(old) or old.startswith(words):
        return min(len(old), len(words)), 0
    shorter = min(len(old), len(words))
    head = next((i for i in range(shorter) if old[i] != words[i]), shorter)
    tail = 0
    while tail < shorter - head and old[len(old) - 1 - tail] == words[len(words) - 1 - tail]:
        tail += 1
    return head, tail


def applied(content: str, edits: Sequence[Edit]) -> str:
    """Return a text with sorted edits made, each counting in the old text."""
    pieces = []
    at = 0
    for edit in edits:
        pieces += [content[at : edit.start], edit.words]
        at = edit.end
    return "".join([*pieces, content[at:]])
