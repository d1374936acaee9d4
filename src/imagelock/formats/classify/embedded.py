"""Read text inside text: JSON in an environment variable or an annotation, YAML in a block scalar.

Only objects and arrays count as documents here: prose with a brace or a colon in it is none.  Of JSON
in a place no one knows only the values of ``image`` keys are read; YAML is read where a format says that
a field holds YAML, and by that format's rules.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from imagelock.errors import FormatError
from imagelock.formats.classify.candidates import possible
from imagelock.formats.syntax.json_nodes import compose_json
from imagelock.formats.syntax.masked import masked
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.tree import Document
from imagelock.formats.syntax.yaml_text import chunks, compose_inner
from imagelock.limits import TEXT_NESTING
from imagelock.model.place import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Node, RawNode
    from imagelock.model.place import Found

IMAGE_KEYS = ("image",)


def inner_json(node: Node) -> Document | None:
    """Return the JSON document written in a string, or None when it is not a JSON object or array."""
    text = node.text
    if text is None or text.lstrip()[:1] not in ("{", "[") or node.document.depth >= TEXT_NESTING:
        return None
    try:
        root = compose_json(text)
    except FormatError:
        return None
    return _inside(node, text, root, 0)


def inner_documents(node: Node) -> Iterator[Document]:
    """Yield the YAML or JSON documents written in a string; broken ones and scalars are none."""
    text = node.text
    if text is None or node.document.depth >= TEXT_NESTING:
        return
    json = inner_json(node)
    if json is not None:
        yield json
        return
    for chunk in chunks(Text(node.document.text.path, text)):
        raw = text[chunk.start : chunk.end]
        root = compose_inner(raw)
        # Control lines of a template (`{{- if }}`) hide what they touch and nothing else.
        hidden = masked(raw) if root is None else None
        if hidden is not None:
            root = compose_inner(hidden)
        if root is not None and not isinstance(root, yaml.ScalarNode):
            whole = text if hidden is None else text[: chunk.start] + hidden + text[chunk.end :]
            document = _inside(node, whole, root, chunk.start)
            yield document if hidden is None else replace(document, is_masked=True)


def encoded_document(node: Node, wanted: str) -> Document | None:
    """Return the JSON or YAML document that a string holds in base64, if ``wanted`` is in it.

    Its characters have no place in the file, so nothing in it can be edited.
    """
    text = node.text
    if text is None or node.document.depth >= TEXT_NESTING:
        return None
    try:
        decoded = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    if wanted not in decoded:
        return None
    try:
        root = compose_json(decoded) if decoded.lstrip()[:1] == "{" else compose_inner(decoded)
    except FormatError:
        return None
    return None if root is None else _inside(node, decoded, root, 0, is_encoded=True)


def _inside(node: Node, text: str, root: RawNode, offset: int, *, is_encoded: bool = False) -> Document:
    """Wrap what was composed of a scalar's text; ``offset`` leads from the tree's marks into that text."""
    span = None if is_encoded else node.span()
    document = Document(
        node.document.text,
        text,
        root,
        node.document.index,
        offset,
        outer=Span((node.offset,) * len(text), (node.offset,) * len(text), node.offset)
        if span is None
        else span,
        prefix=f"{node.path} > ",
        depth=node.document.depth + 1,
        exact=span is not None,
        taken=node.document.taken,
        read=node.document.read,
    )
    node.document.inner.append(document)
    return document


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
