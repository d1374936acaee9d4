"""What rebuilding lists changed in a file: every item, and whatever else differs, each with its line.

What is there afterwards has the line it has then, what went has the line it had.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.formats.olm.related_images import bundles
from imagelock.formats.syntax.text import Text
from imagelock.model.outcome import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.olm.related_images import Bundle


class LineMap:
    """Where the lines of a text are in another one made of it."""

    def __init__(self, before: str, after: str) -> None:
        self._old, self._new = before.splitlines(), after.splitlines()
        matcher = difflib.SequenceMatcher(None, self._old, self._new, autojunk=False)
        self._blocks = matcher.get_opcodes()

    def after(self, line: int) -> int:
        """Return a line's number in the new text; a line that changed itself keeps its distance to what is above."""
        at = line - 1
        for _, start, end, new, new_end in self._blocks:
            if start <= at < end:
                return min(new + at - start, max(new, new_end - 1)) + 1
        return line

    def silent(self, told: Sequence[Change]) -> Iterator[tuple[int, str, str]]:
        """Yield what differs between the texts and no change says: a line, what was there, and what is there now."""
        lines = {change.line for change in told}
        for kind, start, end, new, new_end in self._blocks:
            covers = {*range(start + 1, end + 1), *range(new + 1, new_end + 1)}
            if kind != "equal" and not covers & lines:
                gone, came = self._old[start:end], self._new[new:new_end]
                yield new + 1, "\n".join(gone), "\n".join(came)


@dataclass(frozen=True, slots=True)
class _Item:
    """One item of a list, compared by all that it says but its line."""

    name: str
    said: str
    line: int

    @property
    def key(self) -> tuple[str, str]:
        return self.name, self.said


def list_changes(file: str, before: str, after: str, lines: LineMap) -> Iterator[Change]:
    """Yield what the lists of all bundles lost, gained and changed between two texts of a file."""
    if before == after:
        return
    told: list[Change] = []
    pairs = zip(bundles(Text(file, before)), bundles(Text(file, after)), strict=True)
    for old, new in pairs:
        told += _differences(file, _variables(old), _variables(new))
        told += _differences(file, _related(old), _related(new))
    yield from told
    for line, gone, came in lines.silent(told):
        text = (came or gone).strip().partition("\n")[0]
        yield Change(reference=text, before=gone or None, after=came or None, file=file, line=line)


def _variables(bundle: Bundle) -> list[_Item]:
    return [_Item(item.name, item.value or "", item.line) for item in bundle.variables]


def _related(bundle: Bundle) -> list[_Item]:
    return [
        _Item(item.name or f"[{i}]", f"{item.image or ''}{_commented(item.comment)}", item.line)
        for i, item in enumerate(bundle.related)
    ]


def _commented(comment: str | None) -> str:
    return "" if comment is None else f" # tag: {comment}"


def _differences(file: str, old: Sequence[_Item], new: Sequence[_Item]) -> Iterator[Change]:
    """Yield the difference of two lists: an item that says something else under its name is one change."""
    gone, come = _unmatched(old, new)
    for item in come:
        same = next((other for other in gone if other.name == item.name and other.said != item.said), None)
        if same is not None:
            gone.remove(same)
        before = None if same is None else same.said
        yield Change(reference=item.name, before=before, after=item.said, file=file, line=item.line)
    for item in gone:
        yield Change(reference=item.name, before=item.said, after=None, file=file, line=item.line)


def _unmatched(old: Sequence[_Item], new: Sequence[_Item]) -> tuple[list[_Item], list[_Item]]:
    matcher = difflib.SequenceMatcher(
        None, [item.key for item in old], [item.key for item in new], autojunk=False
    )
    gone: list[_Item] = []
    come: list[_Item] = []
    for kind, start, end, begin, stop in matcher.get_opcodes():
        if kind != "equal":
            gone += old[start:end]
            come += new[begin:stop]
    return gone, come
