"""Fill slots in a text and keep every other character: the one place that edits files.

An edit replaces only the characters that differ between what a slot holds and what it should hold, so
pinning inserts a digest and unpinning takes exactly it away again.  Afterwards what was edited is read
once more.  In YAML and JSON only the intended scalars may differ: where an edit stays inside one word on one
line that word is enough (:mod:`imagelock.formats.edit.local`), else the documents are parsed before and after.
Elsewhere the finder must see the intended references at the same places.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import yaml

from imagelock.errors import FormatError
from imagelock.formats import custom_rules as rules_format
from imagelock.formats.all import FILE_FORMATS
from imagelock.formats.edit.edits import applied, edit_of
from imagelock.formats.edit.local import is_local, is_local_word
from imagelock.formats.scan import find, is_documents
from imagelock.formats.syntax.json_nodes import compose_json
from imagelock.formats.syntax.masked import masked
from imagelock.formats.syntax.scalars import scalar_span
from imagelock.formats.syntax.yaml_text import BYTE_ORDER_MARK, chunks
from imagelock.model.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.formats.edit.edits import Edit
    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import RawNode
    from imagelock.formats.syntax.yaml_text import Chunk
    from imagelock.model.place import Found
    from imagelock.model.reference import Reference
    from imagelock.model.rule import ScanRule

_FILE_FORMATS = frozenset(item.name for item in FILE_FORMATS)


def fill(
    text: Text,
    wanted: Iterable[tuple[Place, Reference]],
    rules: Sequence[ScanRule] = (),
    found: Sequence[Found] | None = None,
) -> str:
    """Return the text with each place holding its reference, proved by reading it again.

    ``rules`` are those the places were found with, ``found`` everything that was found then, as far as known.
    Raises :class:`FormatError` and changes nothing when the result would not be exact.
    """
    pairs = list(wanted)
    fillings = sorted(
        {
            (edit, slot.span.at, words)
            for place, new in pairs
            for slot in place.slots
            if (edit := edit_of(slot, words := slot.words(new)))
        }
    )
    edits = [edit for edit, _, _ in fillings]
    for one, other in pairwise(edits):
        if other.start < one.end or other.start == one.start:
            line, column = text.position(other.start)
            raise FormatError(
                "two edits of one place contradict each other", line=line, column=column, where=text.path
            )
    result = applied(text.content, edits)
    whole = _whole_format(text, pairs)
    is_proved_there = is_local if whole is None else is_local_word
    if whole != "" and all(is_proved_there(text.content, at, edit, words) for edit, at, words in fillings):
        return result
    if whole is None:
        new = replace(text, content=result)
        _prove_by_events(text, new, edits)
        if any(edit.is_key for edit in edits):
            _prove_by_order(text, new, pairs, rules)
        return result
    before = found if found is not None else find(text, whole or None, rules)
    _prove_by_finding(text, before, find(replace(text, content=result), whole or None, rules), pairs)
    return result


def _whole_format(text: Text, pairs: Sequence[tuple[Place, Reference]]) -> str | None:
    """Return the format that reads the text as a whole, nothing for a rule's text, None for documents."""
    formats = {place.format for place, _ in pairs}
    whole = next((name for name in formats if name in _FILE_FORMATS), None)
    if whole is None and formats == {rules_format.name} and not is_documents(text):
        return ""
    return whole


def _prove_by_finding(
    text: Text, before: Sequence[Found], after: Sequence[Found], pairs: Sequence[tuple[Place, Reference]]
) -> None:
    """Compare place by place what was found with what is found now; lines stay, columns may move."""
    intended = {(place.line, place.column): str(reference) for place, reference in pairs}
    expected = [
        (place.line, intended.get((place.line, place.column), str(place.reference)))
        for place in before
        if isinstance(place, Place)
    ]
    if [(place.line, str(place.reference)) for place in after if isinstance(place, Place)] != expected:
        raise FormatError("the edited text does not read back as intended", where=text.path)


def _prove_by_order(
    old: Text, new: Text, pairs: Sequence[tuple[Place, Reference]], rules: Sequence[ScanRule]
) -> None:
    """Compare what is found in their order: a key that is added or taken away moves all lines below."""
    intended = {(place.line, place.column): str(reference) for place, reference in pairs}
    expected = [
        intended.get((place.line, place.column), str(place.reference))
        for place in find(old, None, rules)
        if isinstance(place, Place)
    ]
    if [str(place.reference) for place in find(new, None, rules) if isinstance(place, Place)] != expected:
        raise FormatError("the edited text does not read back as intended", where=old.path)


def _prove_by_events(old: Text, new: Text, edits: Sequence[Edit]) -> None:
    """Parse every edited document before and after; only the edited scalars may differ."""
    shift = 0
    left = deque(edits)
    for chunk in chunks(old):
        inside = []
        # An insertion at the very end of the text belongs to the last document.
        while left and (left[0].start < chunk.end or chunk.end == len(old.content)):
            inside.append(left.popleft())
        grown = sum(len(edit.words) - (edit.end - edit.start) for edit in inside)
        if inside:
            start = chunk.start + shift
            after = new.content[start : chunk.end + shift + grown]
            _same_but_for(old, chunk, after, inside)
        shift += grown


def _same_but_for(old: Text, chunk: Chunk, after: str, edits: Sequence[Edit]) -> None:
    raw = old.content[chunk.start : chunk.end]
    mark = BYTE_ORDER_MARK if raw.startswith(BYTE_ORDER_MARK) else ""
    base = chunk.start + len(mark)
    local = [edit._replace(start=edit.start - base, end=edit.end - base) for edit in edits]
    raw, after = raw.removeprefix(mark), after.removeprefix(mark)
    hidden, hidden_after = masked(raw), masked(after)
    if not _reads_the_same(raw, after, local) and (
        hidden is None or hidden_after is None or not _reads_the_same(hidden, hidden_after, local)
    ):
        line, column = old.position(edits[0].start)
        raise FormatError(
            "the edited document does not read back as intended", line=line, column=column, where=old.path
        )


def _reads_the_same(raw: str, after: str, edits: Sequence[Edit]) -> bool:
    """Whether two texts differ in the edited scalars alone; False for what is no YAML."""
    removed, added = _keys_of(edits)
    in_scalars = [edit for edit in edits if not edit.is_key]
    try:
        pairs = zip(_expected(raw, in_scalars, removed), _scalars(after, added), strict=True)
        return all(one == other.kept for one, other in pairs)
    except (yaml.YAMLError, FormatError, ValueError):
        return False


def _keys_of(edits: Sequence[Edit]) -> tuple[list[range], list[range]]:
    """Return the characters of keys that are taken away, in the text before, and of those added, in the text after."""
    removed, added = [], []
    shift = 0
    for edit in edits:
        start = edit.start + shift
        shift += len(edit.words) - (edit.end - edit.start)
        if edit.is_key:
            removed.append(range(edit.start, edit.end))
            added.append(range(start, start + len(edit.words)))
    return removed, added


@dataclass(frozen=True, slots=True)
class _Event:
    """What must stay the same of one parsing event, and where a scalar is written."""

    kept: tuple[object, ...]
    scalar: tuple[int, int, str, str | None] | None = None


def _scalars(raw: str, without: Sequence[range] = ()) -> Iterator[_Event]:
    """Yield a document's events, but for those of some characters: libyaml's, or those of JSON that it does not read."""
    if raw.lstrip()[:1] in ("{", "["):
        try:
            yield from _node_events(compose_json(raw))
        except FormatError:
            pass
        else:
            return
    for event in yaml.parse(raw, Loader=yaml.CSafeLoader):
        # A block begins and ends without a character of its own.
        start, end = _index(event.start_mark), _index(event.end_mark)
        if start < end and any(start in left_out for left_out in without):
            continue
        if isinstance(event, yaml.ScalarEvent):
            kept = ("scalar", event.anchor, event.tag, event.implicit, event.value)
            where = (start, end, event.value, event.style)
            yield _Event(kept, where)
        else:
            yield _Event((type(event), getattr(event, "anchor", None), getattr(event, "tag", None)))


def _index(mark: Any) -> int:
    """Return a mark's offset; PyYAML has two classes of marks, and its types allow none at all."""
    if mark is None:
        raise ValueError("a scalar without a position")
    return int(mark.index)


def _node_events(root: RawNode) -> Iterator[_Event]:
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.ScalarNode):
            kept = ("scalar", None, node.tag, None, node.value)
            yield _Event(kept, (_index(node.start_mark), _index(node.end_mark), node.value, node.style))
        else:
            yield _Event((type(node), len(node.value)))
            pairs = isinstance(node, yaml.MappingNode)
            stack.extend(reversed([part for pair in node.value for part in pair] if pairs else node.value))


def _expected(raw: str, edits: Sequence[Edit], removed: Sequence[range] = ()) -> Iterator[tuple[object, ...]]:
    """Yield what the events of ``raw`` must become: the edits made in the decoded scalars, keys taken away."""
    left = deque(edits)
    for event in _scalars(raw, removed):
        mine = []
        while event.scalar and left and event.scalar[0] <= left[0].start and left[0].end <= event.scalar[1]:
            mine.append(left.popleft())
        yield (*event.kept[:4], _decoded(raw, event.scalar, mine)) if event.scalar and mine else event.kept
    if left:
        raise ValueError("an edit outside every scalar")


def _decoded(raw: str, scalar: tuple[int, int, str, str | None], edits: Sequence[Edit]) -> str:
    start, end, value, style = scalar
    span = scalar_span(raw, start, end, value, style)
    if span is None:
        raise ValueError("a scalar whose characters cannot be located")
    if not value and not style and start == end:
        # Where nothing is written behind a key, a blank must come first.
        return "".join(edit.words for edit in edits).strip(" ")
    pieces = []
    at = 0
    for edit in edits:
        if edit.start == edit.end:
            first = last = bisect_left(span.ends, edit.start) + 1 if len(span) else 0
        else:
            first, last = bisect_left(span.starts, edit.start), bisect_left(span.ends, edit.end) + 1
        pieces += [value[at:first], edit.words]
        at = last
    return "".join([*pieces, value[at:]])
