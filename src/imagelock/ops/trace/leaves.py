"""Leaves: the scalars of values files, and literals of templates, that may be part of an image.

A leaf is a candidate when the images of the base render hold its text, or when it is itself a template.
Whether it is part of one is never decided here: its mark shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.classify.embedded import inner_documents
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.tree import STRING_TAG, plain_tag
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Slot, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Part as SlotPart

_VERSION_KEY = lazy_regex(r"(?i).*(?:tag|version|image|digest|release|sha)$")
_NAME_KEY = lazy_regex(
    r"(?i).*(?:tag|version|image|digest|release|sha|registry|repo|repository|org|organi[sz]ation|namespace|project|owner|hub|name|prefix)$"
)
_APART = lazy_regex(r"[/:@]")
_SHORT = 3
_LITERAL_END = lazy_regex(r"[A-Za-z0-9_.\-/]")
_ACTION_LINE = lazy_regex(r"(?m)^[ \t]*(?:-[ \t]+)?image:[ \t]*[\"']?([^\n]*?\}\})[\"']?[ \t]*\r?$")
_KIND_VALUES, _KIND_VERSION, _KIND_TEMPLATE = "values", "version", "template"


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One leaf of one file: ``kind`` is ``values``, ``version`` (appVersion) or ``template`` (a literal)."""

    file: str
    document: int
    path: str
    text: str
    span: Span
    kind: str = _KIND_VALUES

    @property
    def end(self) -> int:
        """The offset behind the leaf's last character."""
        return self.span.ends[-1] if len(self.span) else self.span.at

    @property
    def key(self) -> str:
        """The last key of the path."""
        return self.path.rpartition(".")[2].partition("[")[0]


def value_nodes(content: str, file: str) -> Iterator[Node]:
    """Yield every scalar of a file's documents, those of texts inside strings too; none of a broken one."""
    text = Text(file, content)
    for chunk in chunks(text):
        try:
            document = compose(text, chunk)
        except FormatError:
            continue
        if document is not None:
            yield from _scalars(document.top)


def _scalars(top: Node) -> Iterator[Node]:
    for node in top.walk():
        if node.scalar is None:
            continue
        if "\n" in node.scalar and ":" in node.scalar:
            for inner in inner_documents(node):
                yield from _scalars(inner.top)
        yield node


def value_leaves(content: str, file: str, images: Sequence[str]) -> Iterator[Leaf]:
    """Yield the candidates of a values file for these images."""
    for node in value_nodes(content, file):
        if node.is_null or not _is_candidate(node, images):
            continue
        span = node.span()
        if span is not None and len(span):
            yield Leaf(file, node.document.index, node.path, node.scalar or "", span)


def _is_candidate(node: Node, images: Sequence[str]) -> bool:
    text = (node.scalar or "").strip()
    if not text or "\n" in text:
        return False
    if "{{" in text:
        return "mage" in node.path or "egistry" in node.path or "tag" in node.path.lower()
    is_string = plain_tag(text) == STRING_TAG
    if len(text) < _SHORT or not is_string:
        pattern = _NAME_KEY if is_string else _VERSION_KEY
        return pattern.match(node.path.rpartition(".")[2]) is not None and any(
            text in image for image in images
        )
    bare = text.partition("@")[0]
    parts = [bare, *(part for part in _APART.split(bare) if len(part) >= _SHORT and bare.endswith(part))]
    return bool(bare) and any(part in image for image in images for part in parts)


def version_leaf(content: str, file: str) -> Leaf | None:
    """Return the ``appVersion`` of a ``Chart.yaml``."""
    for node in value_nodes(content, file):
        span = node.span() if node.path == "appVersion" and not node.is_null else None
        if span is not None and len(span):
            return Leaf(file, node.document.index, node.path, node.scalar or "", span, _KIND_VERSION)
    return None


def template_leaves(content: str, file: str, images: Sequence[str]) -> Iterator[Leaf]:
    """Yield where a template has an image, or the tag behind an action, written out literally."""
    for image in dict.fromkeys(images):
        _name, colon, tag = image.rpartition(":")
        whole = image if colon and "/" not in tag else None
        for literal in filter(None, (whole, f"}}}}:{tag}" if whole else image)):
            at = content.find(literal)
            while at >= 0:
                end = at + len(literal)
                before = content[at - 1 : at]
                alone = literal.startswith("}}") or not _LITERAL_END.match(before)
                if alone and not _LITERAL_END.match(content[end : end + 1]):
                    first = end - len(tag) if literal.startswith("}}") else at
                    line = content.count("\n", 0, at) + 1
                    yield Leaf(
                        file, 0, f"[{line}]", content[first:end], Span.plain(first, end), _KIND_TEMPLATE
                    )
                at = content.find(literal, end)


def template_lines(content: str, file: str) -> Iterator[Leaf]:
    """Yield the ends of lines ``image: …{{ … }}``: where an action writes the image, text may follow it."""
    for match in _ACTION_LINE.finditer(content):
        line = content.count("\n", 0, match.start()) + 1
        yield Leaf(file, 0, f"[{line}]", "", Span.plain(match.end(1), match.end(1)), _KIND_TEMPLATE)


def siblings(content: str, leaf: Leaf) -> dict[str, Node]:
    """Return the scalars of the mapping a leaf stands in, by their keys."""
    above = leaf.path.rpartition(".")[0]
    start = f"{above}." if above else ""
    found = {}
    for node in value_nodes(content, leaf.file):
        if node.document.index == leaf.document and node.path.startswith(start):
            key = node.path[len(start) :]
            if "." not in key and "[" not in key and ">" not in key:
                found[key] = node
    return found


def node_slot(content: str, node: Node, part: SlotPart) -> Slot | None:
    """Return the slot of a whole scalar, also where nothing is written behind its key; None if it cannot be followed."""
    span = node.span()
    if span is None:
        return None
    is_bare = node.is_null and not len(span)
    lead = " " if is_bare and content[: span.at].endswith(":") else ""
    return Slot(span=span, text="" if is_bare else node.scalar or "", part=part, lead=lead)
