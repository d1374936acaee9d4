"""Edit lists of small mappings in block-style YAML: remove and insert items by whole lines, and verify the result.

Slots change scalars; ``spec.relatedImages`` and a container's ``env`` also gain and lose items.  Lines
outside the list stay as they are, new items are indented and quoted like their neighbours, and where only
values differ only these are written.  Afterwards the document is read again and must be the old one with
exactly the intended items; what cannot be written exactly is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from imagelock.errors import FormatError
from imagelock.formats.edit.edits import Edit, applied, edit_of
from imagelock.formats.edit.expected_tree import mapping_of, ordered, scalar_of, shape
from imagelock.formats.edit.flow_lists import flow_edit
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.tree import SEQ_TAG, STRING_TAG, plain_tag
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Slot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.edit.list_items import Item, ListEdit
    from imagelock.formats.syntax.tree import Document, Node, RawNode

_DASH = lazy_regex(r"[ ]*(?P<dash>-)(?P<gap>[ ]+)")
# The comment that `pin` writes below a related image, and nothing looser: other comments are kept as they
# are.
_COMMENT = lazy_regex(r"[ \t]*# tag: (?P<text>\S+)[ \t]*\r?(?:\n|\Z)")
# Text that no YAML reader takes for anything but a string: a colon must not be followed by a space.
_PLAIN = lazy_regex(r"[A-Za-z0-9](?:[A-Za-z0-9_./@+-]|:(?=[^\s]))*", re.ASCII)
_FLOW = "written in flow style, where an item cannot be added as a line"


def edit_lists(text: Text, edits: Sequence[ListEdit]) -> str:
    """Return the text with every list as wanted; raise :class:`FormatError` where that cannot be exact."""
    parts = list(chunks(text))
    pieces: list[str] = []
    for chunk in parts:
        mine = [edit for edit in edits if edit.document == chunk.index]
        raw = text.content[chunk.start : chunk.end]
        pieces.append(_edited(Text(text.path, raw), mine) if mine else raw)
    result = "".join(pieces)
    after = Text(text.path, result)
    if [result[part.start : part.end] for part in chunks(after)] != pieces:
        raise FormatError("the edited text does not read back as intended", where=text.path)
    return result


def comment_below(document: Document, item: Node) -> str | None:
    """Return the text of the ``# tag:`` comment below an item of a list, or None."""
    at = _line_end(document, _content_end(document, item.raw))
    match = _COMMENT.match(document.source, at)
    return match["text"] if match else None


def _edited(text: Text, edits: Sequence[ListEdit]) -> str:
    document = _only(text)
    changes: list[Edit] = []
    targets = [_target(document, edit) for edit in edits]
    for target in targets:
        changes += _changes(document, target)
    result = applied(text.content, sorted(changes))
    for target in targets:
        _mutate(target)
    if list(shape(document.root)) != list(shape(_only(Text(text.path, result)).root)):
        line, column = text.position(changes[0].start if changes else 0)
        raise FormatError(
            "the edited list does not read back as intended", line=line, column=column, where=text.path
        )
    return result


def _only(text: Text) -> Document:
    document = next((compose(text, chunk) for chunk in chunks(text)), None)
    if document is None:
        raise FormatError("an empty document", line=1, column=1, where=text.path)
    return document


@dataclass(frozen=True, slots=True)
class _Target:
    """An edit with the nodes it is about; ``in_place`` when only values of the items differ."""

    edit: ListEdit
    parent: Node
    existing: Node | None
    items: tuple[Node, ...]
    in_place: bool


def _target(document: Document, edit: ListEdit) -> _Target:
    parent = _parent(document, edit)
    existing = parent.get(edit.key)
    items = tuple(existing.items()) if existing is not None else ()
    in_place = _differ_in_values(document, [items[i] for i in edit.drop], edit.add)
    return _Target(edit, parent, existing, items, in_place)


def _parent(document: Document, edit: ListEdit) -> Node:
    node: Node | None = document.top
    for step in edit.way:
        if node is None:
            break
        node = (
            node.get(step)
            if isinstance(step, str)
            else next((item for i, item in enumerate(node.items()) if i == step), None)
        )
    if node is None or not node.is_mapping:
        raise FormatError(f"there is no {'.'.join(map(str, edit.way))}", line=1, column=1)
    return node


def _changes(document: Document, target: _Target) -> Iterator[Edit]:
    edit, items, existing = target.edit, target.items, target.existing
    dropped = [items[i] for i in edit.drop]
    if target.in_place:
        for node, item in zip(dropped, edit.add, strict=True):
            yield from _value_edits(document, node, item)
        return
    if _is_flow(target.parent.raw) or (items and existing is not None and _is_flow(existing.raw)):
        yield from _flow_changes(document, target, dropped)
        return
    if not items:
        yield from _new_list(document, target.parent, existing, edit)
        return
    if len(dropped) == len(items):
        yield _whole(document, target)
        return
    for node in dropped:
        yield Edit(_line_start(document, _dash(document, node)), _item_end(document, node), "")
    if edit.add:
        end = _item_end(document, items[-1])
        yield _lines(document, end, end, edit.add, _style_of(document, items[0]))


def _flow_changes(document: Document, target: _Target, dropped: Sequence[Node]) -> Iterator[Edit]:
    """Write a list between brackets again: in a flow mapping as it is, below a block's key line by line."""
    kept = [item for item in target.items if not any(item.raw is node.raw for node in dropped)]
    if not kept and not target.edit.add:
        raise _refused(document, target.items[0], "the only items of a list, which may not become empty")
    if _is_flow(target.parent.raw):
        yield flow_edit(document, target.parent, target.existing, target.edit.key, kept, target.edit.add)
        return
    lines = [document.raw_text(item.raw) for item in kept]
    if any("\n" in line for line in lines):
        raise _refused(document, kept[0], _FLOW)
    yield from _new_list(document, target.parent, target.existing, target.edit, lines)


def _whole(document: Document, target: _Target) -> Edit:
    """Write a list again as a whole; what is between its items goes with them."""
    first, last = target.items[0], target.items[-1]
    if not target.edit.add:
        raise _refused(document, first, "the only items of a list, which may not become empty")
    start, end = _line_start(document, _dash(document, first)), _item_end(document, last)
    return _lines(document, start, end, target.edit.add, _style_of(document, first))


def _new_list(
    document: Document, parent: Node, existing: Node | None, edit: ListEdit, kept: Sequence[str] = ()
) -> Iterator[Edit]:
    """Write a list where there is none: below the mapping's last line, or in place of an empty one.

    ``kept`` are items as they are written, to come before the new ones.
    """
    if not edit.add and not kept:
        return
    keys = [key for key, _ in parent.raw.value]
    if not keys:
        raise _refused(document, parent, _FLOW)
    column = _column(document, keys[0])
    style = _style_elsewhere(document, column)
    if existing is None:
        end = _line_end(document, _content_end(document, parent.raw))
        yield _lines(document, end, end, edit.add, style, head=" " * column + f"{edit.key}:")
        return
    if existing.raw.start_mark.index != existing.raw.end_mark.index:
        key = next(raw for raw in keys if raw.value == edit.key)
        yield Edit(
            key.end_mark.index + document.offset + 1, existing.raw.end_mark.index + document.offset, ""
        )
    end = _line_end(
        document, max(existing.raw.end_mark.index, existing.raw.start_mark.index) + document.offset
    )
    yield _lines(document, end, end, edit.add, style, kept=kept)


@dataclass(frozen=True, slots=True)
class _Style:
    """How items are written: the dash's column, the blanks behind it, the quotes of values."""

    column: int
    gap: int = 1
    quotes: dict[str, str | None] = field(default_factory=dict)

    def rendered(self, item: Item) -> Iterator[str]:
        lead = " " * self.column + "-" + " " * self.gap
        for key, value in item.fields:
            yield f"{lead}{key}: {_quoted(value, self.quotes.get(key))}"
            lead = " " * (self.column + 1 + self.gap)
        if item.comment is not None:
            yield f"{lead}# tag: {item.comment}"


def _style_of(document: Document, item: Node) -> _Style:
    dash = _dash(document, item)
    match = _DASH.match(document.source, _line_start(document, dash))
    quotes = {key: value.raw.style for key, value in item.entries() if isinstance(value.raw, yaml.ScalarNode)}
    column = dash - _line_start(document, dash)
    return _Style(column, len(match["gap"]) if match else 1, quotes)


def _style_elsewhere(document: Document, column: int) -> _Style:
    """Indent a list as the document's other lists are, below a key at ``column``."""
    for node in document.top.mappings():
        for key, value in node.raw.value:
            if isinstance(value, yaml.SequenceNode) and value.value and not value.flow_style:
                start = value.start_mark.index + document.offset
                dash = start - _line_start(document, start)
                below = dash - _column(document, key)
                if below >= 0 and document.source[start : start + 1] == "-":
                    return _Style(column + below)
    return _Style(column)


def _quoted(value: str, style: str | None) -> str:
    if style == '"' and not set(value) & set('"\\'):
        return f'"{value}"'
    if style == "'" or _PLAIN.fullmatch(value) is None or plain_tag(value) != STRING_TAG:
        return "'" + value.replace("'", "''") + "'"
    return value


def _lines(
    document: Document,
    start: int,
    end: int,
    add: Sequence[Item],
    style: _Style,
    *,
    head: str | None = None,
    kept: Sequence[str] = (),
) -> Edit:
    """Put whole lines in place of ``start`` to ``end``, with the line breaks of the text around."""
    broken = "\r\n" if document.source[:start].rfind("\r\n") >= 0 else "\n"
    dash = " " * style.column + "-" + " " * style.gap
    lines = [
        *([head] if head is not None else []),
        *(dash + line for line in kept),
        *(line for item in add for line in style.rendered(item)),
    ]
    words = "".join(f"{line}{broken}" for line in lines)
    if start and document.source[start - 1] not in "\r\n":
        words = broken + words.removesuffix(broken)
    elif end == len(document.source) and end > start and document.source[end - 1] not in "\r\n":
        words = words.removesuffix(broken)
    return Edit(start, end, words)


def _differ_in_values(document: Document, old: Sequence[Node], new: Sequence[Item]) -> bool:
    """Whether the items are the same but for values of all fields except the first, the name."""
    if len(old) != len(new):
        return False
    for node, item in zip(old, new, strict=True):
        values = dict(node.entries())
        name, wanted = item.fields[0]
        known = values.get(name)
        if known is None or known.text != wanted or set(values) != {key for key, _ in item.fields}:
            return False
        if comment_below(document, node) != item.comment:
            return False
    return True


def _value_edits(document: Document, node: Node, item: Item) -> Iterator[Edit]:
    values = dict(node.entries())
    for key, wanted in item.fields:
        value = values[key]
        span = value.span()
        if value.text is None or span is None:
            raise _refused(document, value, "the characters of this scalar cannot be located exactly")
        edit = edit_of(Slot(span=span, text=value.text), wanted)
        if edit is not None:
            yield edit


def _mutate(target: _Target) -> None:
    """Make the composed tree what the text must become."""
    edit, existing, pairs = target.edit, target.existing, target.parent.raw.value
    old = existing.raw.value if existing is not None and existing.is_sequence else []
    if target.in_place:
        for i, item in zip(edit.drop, edit.add, strict=True):
            old[i] = ordered(old[i], item)
        return
    kept = [raw for i, raw in enumerate(old) if i not in set(edit.drop)]
    kept += [mapping_of(item) for item in edit.add]
    if existing is not None and existing.is_sequence:
        existing.raw.value[:] = kept
    elif edit.add:
        fresh = (scalar_of(edit.key), yaml.SequenceNode(SEQ_TAG, kept))
        at = next((i for i, pair in enumerate(pairs) if pair[0].value == edit.key), len(pairs))
        pairs[at : at + 1] = [fresh]


def _is_flow(raw: RawNode) -> bool:
    return not isinstance(raw, yaml.ScalarNode) and bool(raw.flow_style)


def _dash(document: Document, item: Node) -> int:
    """Return where an item's dash is; the item must begin behind it, on its line."""
    start = item.raw.start_mark.index + document.offset
    line = _line_start(document, start)
    match = _DASH.fullmatch(document.source, line, start)
    if match is None:
        raise _refused(document, item, _FLOW)
    return match.start("dash")


def _item_end(document: Document, item: Node) -> int:
    """Return where the line below an item begins, its ``# tag:`` comment counted in."""
    at = _line_end(document, _content_end(document, item.raw))
    match = _COMMENT.match(document.source, at)
    return match.end() if match else at


def _content_end(document: Document, raw: RawNode) -> int:
    """Return where what a node holds ends; a block's own mark is where the next token begins."""
    end = 0
    stack = [raw]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
            end = max(end, node.end_mark.index)
        elif isinstance(node, yaml.MappingNode):
            stack.extend(part for pair in node.value for part in pair)
        else:
            stack.extend(node.value)
    end += document.offset
    while end > 0 and document.source[end - 1] in "\r\n":
        end -= 1
    return end


def _line_start(document: Document, at: int) -> int:
    return document.source.rfind("\n", 0, at) + 1


def _line_end(document: Document, at: int) -> int:
    """Return where the next line begins, or the text's end."""
    end = document.source.find("\n", at)
    return len(document.source) if end < 0 else end + 1


def _column(document: Document, raw: RawNode) -> int:
    start = int(raw.start_mark.index) + document.offset
    return start - _line_start(document, start)


def _refused(document: Document, node: Node, reason: str) -> FormatError:
    line, column = document.text.position(node.offset)
    return FormatError(f"this list is {reason}" if reason is _FLOW else reason, line=line, column=column)
