"""Resolve parameters in workflow objects: ``image: $(params.builder)`` leads to the value or the default.

A step that takes its whole image from a parameter runs what its task is given for it, else what the
parameter's default says; that is the place.  What is put together from parameters is skipped.
"""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import SHOWN_CHARS, required, skipped
from imagelock.model.place import Damaged, SkipKind, Skipped

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Found

NO_DEFAULT = "a parameter without a default"
PUT_TOGETHER = "put together from parameters"


class Parameters:
    """The defaults of a document's parameters: those of one task come before those of all others.

    ``keys`` are where a parameter says its default.  A list that aliases repeat is read once.
    """

    def __init__(self, *keys: str) -> None:
        self._keys = keys
        self._lists: dict[int, dict[str, Node]] = {}
        self._given: dict[int, dict[str, Node]] = {}
        self._anywhere: dict[str, Node] = {}

    def add(self, parameters: Node | None) -> None:
        """Let a list of parameters count in the whole document; of one name the first counts."""
        if parameters is not None and id(parameters.raw) not in self._lists:
            for key, default in self._of(parameters).items():
                self._anywhere.setdefault(key, default)

    def within(self, *lists: Node | None, given: Node | None = None) -> ChainMap[str, Node]:
        """Return the defaults as a task sees them that has these lists of its own, and is ``given`` values."""
        return ChainMap(
            self._given_by(given),
            *(self._of(parameters) for parameters in lists if parameters is not None),
            self._anywhere,
        )

    def _given_by(self, given: Node | None) -> dict[str, Node]:
        if given is None:
            return {}
        known = self._given.get(id(given.raw))
        if known is None:
            known = self._given[id(given.raw)] = dict(_named(given, "value"))
        return known

    def _of(self, parameters: Node) -> dict[str, Node]:
        known = self._lists.get(id(parameters.raw))
        if known is None:
            known = self._lists[id(parameters.raw)] = dict(_named(parameters, *self._keys))
        return known


def _named(parameters: Node, *keys: str) -> Iterator[tuple[str, Node]]:
    """Yield the names of a list of parameters with what the first of the keys says of each."""
    for parameter in parameters.items():
        name = parameter.get("name")
        defaults = (default for key in keys if (default := parameter.get(key)) is not None)
        default = next(defaults, None)
        if name is not None and name.text and default is not None:
            yield name.text, default


def image_of(
    node: Node, whole: re.Pattern[str], defaults: ChainMap[str, Node], mark: str, format_name: str
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
    default = _led(match, whole, defaults) if match is not None else None
    if match is None:
        yield skipped(node, PUT_TOGETHER, format_name, SkipKind.TEMPLATE)
    elif default is None or not default.scalar or default.is_null:
        yield skipped(node, NO_DEFAULT, format_name, SkipKind.TEMPLATE)
    else:
        node.document.taken.add(node.offset)
        found = required(default, format_name)
        if isinstance(found, Damaged) and mark in found.text:
            found = _put_together(found)
        if found is not None:
            yield found


def _led(match: re.Match[str], whole: re.Pattern[str], defaults: ChainMap[str, Node]) -> Node | None:
    """Return where a parameter leads; a task's that is given the pipeline's leads on to that one's default."""
    default = defaults.get(match["name"])
    onward = whole.fullmatch((default.text or "").strip()) if default is not None else None
    return default if onward is None else defaults.maps[-1].get(onward["name"], default)


def _put_together(found: Damaged) -> Skipped:
    return Skipped(
        text=found.text[:SHOWN_CHARS],
        line=found.line,
        column=found.column,
        reason=PUT_TOGETHER,
        format=found.format,
        kind=SkipKind.TEMPLATE,
    )
