"""Text inside text: JSON in an environment variable or an annotation, read where it stands.

Only objects and arrays count as JSON here, and inside them only the values of ``image`` keys: prose
with a brace in it is no document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.candidates import possible
from imagelock.formats.json_nodes import compose_json
from imagelock.formats.tree import Document
from imagelock.limits import TEXT_NESTING
from imagelock.model.place import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.tree import Node
    from imagelock.model.place import Found

IMAGE_KEYS = ("image",)


def inner_json(node: Node) -> Document | None:
    """Return the JSON document written in a string, or None when it is no JSON object or array."""
    text = node.text
    if text is None or text.lstrip()[:1] not in ("{", "[") or node.document.depth >= TEXT_NESTING:
        return None
    try:
        root = compose_json(text)
    except FormatError:
        return None
    return Document(
        node.document.text,
        text,
        root,
        node.document.index,
        # A scalar that cannot be followed still shows its images; they have no slots then.
        outer=node.span() or Span((node.offset,) * len(text), (node.offset,) * len(text), node.offset),
        prefix=f"{node.path} > ",
        depth=node.document.depth + 1,
        taken=node.document.taken,
    )


def json_images(node: Node, format_name: str) -> Iterator[Found]:
    """Yield the images of ``image`` keys in a JSON text inside ``node``, nested texts included."""
    text = node.text
    if text is None or "image" not in text or not node.document.is_first("json", node.raw):
        return
    document = inner_json(node)
    if document is None:
        return
    for inner in document.top.walk():
        for key, value in inner.entries():
            if key in IMAGE_KEYS:
                place = possible(value, format_name)
                if place is not None:
                    yield place
            else:
                yield from json_images(value, format_name)
