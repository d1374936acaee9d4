"""Keys that are written for a digest alone: the line or the entry that adds one, and takes it away again.

A format that takes a digest from a key of its own only cannot be pinned where that key is missing, unless it is
added (``pin --insert-keys``).  What was added is known by its form, which nobody needs a comment for: the digest is
plain, the key ends its line or its entry, and nothing else is written there.  A digest between quotes fills a key
that was there before, and unpinning leaves that key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Slot, Span

if TYPE_CHECKING:
    from imagelock.formats.syntax.tree import Node, RawNode
    from imagelock.model.place import Part

_INDENT = lazy_regex(r" *(?:- +)*")
_REST_OF_LINE = lazy_regex(r"[ \t]*(?:(?<=[ \t])#[^\n]*?)?(?=\r?(?:\n|\Z))")
_END_OF_LINE = lazy_regex(r"\r?(?:\n|\Z)")
_ADDED_LINE = lazy_regex(r"\r?\n *(?:[\w-]+: \{)?[\w-]+: ")
_ADDED_ENTRY = lazy_regex(r", (?:[\w-]+: \{)?[\w-]+: ")
_BETWEEN = lazy_regex(r"[ \t]*:(?:[\s]|(?<=\s)#[^\n]*|[&!][^\s]*)*+")
_LINE_REACH = 1024


def insertion(value: Node, *keys: str, part: Part = "digest") -> Slot | None:
    """Return what adds a key behind an entry of a mapping, whose value is ``value``; None where that is not exact.

    Two keys add a mapping with the second one: ``version: {digest: …}``.
    """
    if not _is_plain_yaml(value) or not isinstance(value.holder, yaml.MappingNode):
        return None
    key = next((name for name, raw in value.holder.value if raw is value.raw), None)
    if (
        key is None
        or not _stands_behind(value, key)
        or any(name.value == keys[0] for name, _ in value.holder.value if _is_scalar(name))
    ):
        return None
    where = _behind_entry(value) if value.holder.flow_style else _behind_line(value, key)
    if where is None:
        return None
    at, before = where
    lead = before + ": {".join(keys) + ": "
    return Slot(span=Span.plain(at, at), text="", part=part, lead=lead, tail="}" * (len(keys) - 1))


def digest_slot(digest: Node, part: Part = "digest") -> Slot | None:
    """Return what fills a digest's key: with the key itself where that was added; None without a span."""
    span = digest.span()
    if span is None:
        return None
    return _added(digest, part) or Slot(span=span, text=digest.scalar or "", part=part)


def _added(digest: Node, part: Part) -> Slot | None:
    """Return the slot of a key that has the form of an added one."""
    text, source = digest.scalar or "", digest.document.source
    start, end = _marks(digest.document.offset, digest.raw)
    if not text or digest.is_quoted or not _is_plain_yaml(digest) or source[start:end] != text:
        return None
    at = _begin_of_lead(source, start)
    lead = "" if at is None else source[at:start]
    tail = "}" * lead.count("{")
    end += len(tail)
    is_whole = source.startswith(tail, end - len(tail)) and (
        lead.startswith(",") or _END_OF_LINE.match(source, end) is not None
    )
    # Without its only key a mapping would be null.
    is_only = not tail and len(getattr(digest.holder, "value", ())) == 1
    if at is None or not is_whole or is_only:
        return None
    return Slot(span=Span.plain(at, end), text=source[at:end], part=part, lead=lead, tail=tail)


def _begin_of_lead(source: str, start: int) -> int | None:
    """Return where what was added before a digest at ``start`` begins: at a comma, or at the end of the line above."""
    reach = max(0, start - _LINE_REACH)
    comma, line = source.rfind(",", reach, start), source.rfind("\n", reach, start)
    pattern, at = (_ADDED_ENTRY, comma) if comma > line else (_ADDED_LINE, line)
    at -= at > 0 and pattern is _ADDED_LINE and source[at - 1] == "\r"
    return None if at < 0 or pattern.fullmatch(source, at, start) is None else at


def _is_plain_yaml(node: Node) -> bool:
    """Whether keys can be added to a document: one that stands in a file by itself, in YAML and no JSON."""
    document = node.document
    is_alone = document.exact and document.outer is None and not document.is_masked
    return is_alone and document.source[document.offset :].lstrip()[:1] not in ("{", "[")


def _stands_behind(value: Node, key: RawNode) -> bool:
    """Whether a value is written behind its key: what an alias repeats stands elsewhere."""
    offset, source = value.document.offset, value.document.source
    (_, begin), (end, _) = _marks(offset, key), _marks(offset, value.raw)
    return begin < end and _BETWEEN.fullmatch(source, begin, end) is not None


def _behind_entry(value: Node) -> tuple[int, str] | None:
    """Return where an entry of a flow mapping ends, and what goes before the next one."""
    _, end = _marks(value.document.offset, value.raw)
    return end, ", "


def _behind_line(value: Node, key: RawNode) -> tuple[int, str] | None:
    """Return where the last line of an entry ends, and the line break and indentation before the next one."""
    source, offset = value.document.source, value.document.offset
    start, _ = _marks(offset, key)
    line = source.rfind("\n", 0, start) + 1
    last = _last(value.raw)
    if _INDENT.fullmatch(source, line, start) is None or last is None:
        return None
    _, end = _marks(offset, last)
    rest = _REST_OF_LINE.match(source, end)
    if rest is None:
        return None
    at = rest.end()
    broken = "\r\n" if source.startswith("\r\n", at) or "\r\n" in source[line - 2 : line] else "\n"
    return at, broken + " " * (start - line)


def _last(raw: RawNode) -> RawNode | None:
    """Return the node whose end is the end of all that a node holds; None where that is not plain to see."""
    while not isinstance(raw, yaml.ScalarNode) and raw.value and not raw.flow_style:
        below = raw.value[-1]
        raw = below[1] if isinstance(raw, yaml.MappingNode) else below
    is_block = isinstance(raw, yaml.ScalarNode) and (raw.style in ("|", ">") or not raw.value)
    return None if is_block else raw


def _marks(offset: int, raw: RawNode) -> tuple[int, int]:
    return raw.start_mark.index + offset, raw.end_mark.index + offset


def _is_scalar(raw: RawNode) -> bool:
    return isinstance(raw, yaml.ScalarNode)
