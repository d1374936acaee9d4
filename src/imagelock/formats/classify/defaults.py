"""Images that are made of parameters, followed to where the values of these are written in the same file.

One resolver for every tool: a row of the table says what a mention looks like, the format hands over the values.
An image that is one parameter is a place where each of its values is written; one that ends in literal text is a place
where that is; one that ends in a parameter is found there and not written, because others may be made of it too.
"""

from __future__ import annotations

import re
from itertools import islice, product
from typing import TYPE_CHECKING

from imagelock.formats.classify.assembled import nowhere, place_of
from imagelock.formats.classify.candidates import required, skipped
from imagelock.formats.classify.interpolation import Piece, UnresolvedError, assemble
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Damaged, SkipKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Found

CIRCLECI = lazy_regex(r"<<\s*(?:pipeline\.)?parameters\.(?P<name>[\w-]+)\s*>>", re.ASCII)
AZURE = lazy_regex(
    r"\$\{\{\s*(?:parameters|variables)\.(?P<name>\w+)\s*\}\}|\$\((?P<other>[\w.]+)\)", re.ASCII
)
CLOUD_BUILD = lazy_regex(r"\$\{?(?P<name>_\w+)\}?", re.ASCII)
GITLAB = lazy_regex(r"\$(?:\{(?P<name>\w+)\}|(?P<other>\w+))", re.ASCII)
OPENSHIFT = lazy_regex(r"\$\{\{?(?P<name>\w+)\}?\}", re.ASCII)
"""What a mention of a parameter looks like, for each tool; a group has its name."""
PART = "it ends in the parameter {}, of which other images may be made as well"
FOLLOWED = "a parameter: the images are found where its values are written"
_MANY = 100
"""Values in all combinations that are followed of one image."""


def followed(
    node: Node, mention: re.Pattern[str], values: Mapping[str, Sequence[Node]], format_name: str, reason: str
) -> Iterator[Found]:
    """Yield the images that a text with parameters means; skipped with ``reason`` where a value is not written."""
    text = node.text or ""
    matches = list(mention.finditer(text))
    known = [values.get(_name(match), ()) for match in matches]
    if not matches or not all(known):
        yield skipped(node, reason, format_name, SkipKind.TEMPLATE)
        return
    if len(matches) == 1 and matches[0][0] == text.strip():
        yield from _whole(node, known[0], mention, format_name)
        return
    found = [
        item
        for chosen in islice(product(*known), _MANY)
        if (item := _made(node, matches, chosen, format_name))
    ]
    if found:
        node.document.taken.add(node.offset)
        yield from found
    else:
        yield skipped(node, reason, format_name, SkipKind.TEMPLATE)


def _name(match: re.Match[str]) -> str:
    return next(name for name in match.groups() if name is not None)


def _whole(node: Node, values: Sequence[Node], mention: re.Pattern[str], format_name: str) -> Iterator[Found]:
    """Yield the values of the one parameter that an image is."""
    yield skipped(node, FOLLOWED, format_name, SkipKind.REPLACED)
    for value in values:
        found = required(value, format_name)
        if isinstance(found, Damaged) and mention.search(found.text):
            continue
        if found is not None:
            yield found


def _made(
    node: Node, matches: Sequence[re.Match[str]], values: Sequence[Node], format_name: str
) -> Found | None:
    """Return the image that a text makes with these values, None when it is none."""
    text, span = node.text or "", node.span()
    own = span or nowhere(text, node.offset)
    pieces: list[Piece] = []
    at = 0
    for match, value in zip(matches, values, strict=True):
        written = value.scalar or ""
        pieces.append(Piece(text[at : match.start()], own.cut(at, match.start()), ()))
        pieces.append(Piece(written, nowhere(written, value.offset), (_name(match),)))
        at = match.end()
    pieces.append(Piece(text[at:], own.cut(at, len(text)), ()))
    try:
        assembled = assemble(tuple(piece for piece in pieces if piece.text))
    except UnresolvedError:
        return None
    end = assembled.pieces[-1].variables
    where = values[-1] if end else node
    where.document.taken.add(where.offset)
    refusal = PART.format(end[0]) if end else None
    document = where.document
    offset = where.offset if (written_at := where.span()) is None else written_at.offset(0)
    return place_of(assembled, document.text, offset, where.path, format_name, document.index, refusal)


def named_values(listed: Node | None, *keys: str) -> Iterator[tuple[str, Node]]:
    """Yield the parameters of a list of mappings with ``name``, or of a mapping, with the value each has.

    ``keys`` are where a parameter says its value; of a mapping the value itself may be a text.
    """
    if listed is None:
        return
    pairs = [(name.text or "", item) for item in listed.items() if (name := item.get("name")) is not None]
    for key, item in (*pairs, *listed.entries()):
        value = next((value for each in keys if (value := item.get(each)) is not None), item)
        if key and value.scalar and not value.is_null:
            yield key, value
