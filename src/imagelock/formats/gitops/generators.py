"""What the template of an ApplicationSet takes from its generators, followed to where it is written.

An image of the template that is put together with ``{{image}}`` or ``{{.image.tag}}`` is one image for each element
of a list generator, those inside matrix and merge generators too; files that a git generator reads are files of
their own, and are read with the images that the template makes of their keys.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.formats.classify.assembled import USED, nowhere, place_of
from imagelock.formats.classify.interpolation import Piece, UnresolvedError, assemble
from imagelock.formats.values.split_reference import SHARED
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import SkipKind, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from imagelock.formats.classify.interpolation import Assembled
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found
    from imagelock.model.reference import Reference

VARIABLE = lazy_regex(r"\{\{-?\s*\.?(?P<path>[A-Za-z_][\w.-]*)\s*-?\}\}", re.ASCII)
FOLLOWED = "a template of the ApplicationSet: the images are found in the elements of its generators"
_MANY = 10_000
"""Images that are made of one document's elements; a set has hundreds."""


@dataclass(frozen=True, slots=True)
class _Made:
    """An image that ends in the value of an element."""

    assembled: Assembled
    node: Node
    variable: str


def followed(found: Sequence[Found], document: Document, format_name: str) -> Iterator[Found]:
    """Yield what was found, templates replaced by the images that the elements in the document make of them."""
    elements = [
        element
        for _, listed in document.top.values_of("elements")
        for element in listed.new_items("element")
        if element.is_mapping
    ]
    if not elements:
        yield from found
        return
    texts = [item.text for item in found if isinstance(item, Skipped) and "{{" in item.text]
    made = {text: list(made_of([text], elements)) for text in dict.fromkeys(texts)}
    uses = Counter(match["path"] for match in VARIABLE.finditer(document.source))
    own = Counter(match["path"] for text in texts for match in VARIABLE.finditer(text))
    others = {path: "another part of the template" for path, count in uses.items() if count > own[path]}
    for item in found:
        if isinstance(item, Skipped) and made.get(item.text):
            yield replace(item, reason=FOLLOWED, kind=SkipKind.REPLACED)
        else:
            yield item
    yield from places([each for listed in made.values() for each in listed], others, format_name)


def made_of(texts: Iterable[str], elements: Sequence[Node]) -> Iterator[_Made]:
    """Yield the images that templates make of elements, as far as these have every variable."""
    count = 0
    for text in texts:
        for element in elements:
            count += 1
            made = _made(text, element) if count < _MANY else None
            if made is not None:
                yield made


def _made(text: str, element: Node) -> _Made | None:
    pieces: list[Piece] = []
    end: tuple[Node, str] | None = None
    at = 0
    for match in VARIABLE.finditer(text):
        node = _value(element, match["path"])
        if node is None or not node.scalar or node.is_null:
            return None
        end = node, match["path"]
        literal = text[at : match.start()]
        pieces.append(Piece(literal, nowhere(literal), ()))
        # The values of an element belong together: none of them is ever replaced by another.
        pieces.append(Piece(node.scalar, node.span() or nowhere(node.scalar, node.offset), ()))
        at = match.end()
    if end is None or at < len(text):
        return None
    try:
        assembled = assemble(tuple(piece for piece in pieces if piece.text))
    except UnresolvedError:
        return None
    return _Made(assembled, *end) if _says_more(assembled.reference) else None


def _says_more(reference: Reference) -> bool:
    """Whether a reference says more than a bare word does, which may mean anything."""
    return reference.tag is not None or reference.digest is not None or "/" in reference.written_name


def _value(element: Node, path: str) -> Node | None:
    """Return the value at a dotted path, or under the whole path as one key."""
    return element.get(path) or element.get(*path.split("."))


def places(made: Sequence[_Made], others: dict[str, str], format_name: str) -> Iterator[Found]:
    """Yield the places of images, each once; characters that mean several images are not to be written."""
    by_node: defaultdict[int, dict[str, _Made]] = defaultdict(dict)
    for item in made:
        by_node[item.node.offset][str(item.assembled.reference)] = item
    for found in by_node.values():
        for item in found.values():
            refusal = SHARED if len(found) > 1 else None
            if item.variable in others:
                refusal = USED.format(item.variable, others[item.variable])
            node = item.node
            node.document.taken.add(node.offset)
            at = node.offset if (span := node.span()) is None else span.offset(0)
            yield place_of(
                item.assembled,
                node.document.text,
                at,
                node.path,
                format_name,
                node.document.index,
                refusal,
            )
