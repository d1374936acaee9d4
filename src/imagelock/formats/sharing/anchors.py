"""Tell where an alias repeats the characters of a place as something that is not an image.

``image: &web …`` with ``value: *web`` writes one text at two places.  A use counts as an image's where a
format has judged it, and where it only keeps the anchor: an extension (``x-…``), a hidden job (``.…``).
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from imagelock.formats.sharing.leaves import leaves

if TYPE_CHECKING:
    from imagelock.formats.sharing.leaves import Leaf
    from imagelock.formats.syntax.tree import Document

REPEATED = "an alias repeats these characters as something else: {path} ({file}:{line})"
_KEEPERS = ("x-", ".", "_")
"""How top-level keys begin that only keep what anchors carry elsewhere."""
_KEPT_DEPTH = 3
_CIRCLECI = "circleci"
_CIRCLECI_KEYS = frozenset(
    ["version", "jobs", "workflows", "orbs", "commands", "executors", "parameters", "setup"]
)
_SETTINGS = frozenset(["variables", "environment", "env", "labels", "annotations"])


class Anchors:
    """The scalars of one document that aliases repeat."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def other_use(self, offset: int, format_name: str) -> str | None:
        """Return why characters at a file's offset must stay, or None when every use is an image's."""
        for leaf in self._at(offset):
            if not (self._is_judged(leaf) or _is_kept(leaf, format_name)):
                return REPEATED.format(
                    path=leaf.path, file=self._document.text.path, line=leaf.line(self._document)
                )
        return None

    def _at(self, offset: int) -> list[Leaf]:
        for start, end, uses in self._repeated:
            if start <= offset <= end:
                return uses
        return []

    @cached_property
    def _repeated(self) -> list[tuple[int, int, list[Leaf]]]:
        """The ranges in the file of scalars with several uses; texts over several lines hold more than a name."""
        if "&" not in self._document.source or "*" not in self._document.source:
            return []
        uses: defaultdict[int, list[Leaf]] = defaultdict(list)
        for leaf in leaves(self._document):
            uses[id(leaf.raw)].append(leaf)
        return [
            (self._in_file(group[0].raw.start_mark.index), self._in_file(group[0].raw.end_mark.index), group)
            for group in uses.values()
            if len(group) > 1 and "\n" not in group[0].text
        ]

    def _in_file(self, index: int) -> int:
        at, outer = index + self._document.offset, self._document.outer
        return at if outer is None else outer.offset(at)

    def _is_judged(self, leaf: Leaf) -> bool:
        last = leaf.steps[-1] if leaf.steps else ""
        end = f"[{last}]" if isinstance(last, int) else last
        judged = self._document.judged.get(id(leaf.raw), ())
        return any(holder is leaf.holder and path.endswith(end) for holder, path in judged)


def _is_kept(leaf: Leaf, format_name: str) -> bool:
    first = str(leaf.steps[0]) if leaf.steps else ""
    if len(leaf.steps) > _KEPT_DEPTH or _SETTINGS.intersection(map(str, leaf.steps)):
        return False
    return first.startswith(_KEEPERS) or (format_name == _CIRCLECI and first not in _CIRCLECI_KEYS)
