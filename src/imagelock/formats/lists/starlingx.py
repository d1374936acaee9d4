"""StarlingX tag files: ``images: [{name, src_build_tag, src_ref, tag}]``, each a release tag to be set.

The reference is ``name:tag``.  Name and tag have keys of their own and stay as they are; only a ``digest``
key that is there can be filled.  :func:`read` gives the items right or wrong, for the rules of
``imagelock tags``; the format itself yields what is a reference.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from imagelock.errors import FormatError, InvalidValueError
from imagelock.formats.syntax.tree import Node
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.formats.values.added_keys import insertion
from imagelock.formats.values.digest_key import judge_beside_digest
from imagelock.model.digest import Digest
from imagelock.model.place import Build, Place, Skipped, Slot, Unreadable
from imagelock.model.reference import Reference
from imagelock.model.tagfile import DIGEST_KEY, KEYS, Field, Flaw, TagItem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found
    from imagelock.model.tagfile import TagPart

name = "starlingx-tags"
summary = "StarlingX tag files: images with name, src_build_tag, src_ref and tag; a digest key is filled"
marks: tuple[str, ...] = ("src_build_tag", "src_ref")

NO_DIGEST_KEY = 'this item has no digest key: add `digest: ""`, or have `pin --insert-keys` add it'
_NO_TEXT = "a number, a date or a boolean in YAML, not a string"


def claims(document: Document) -> bool:
    """Take documents with a list of images of which one says what it was built from."""
    top = document.top
    images = top.get("images")
    if images is None or top.get("apiVersion") is not None:
        return False
    return any(item.get(mark) is not None for item in images.items() for mark in marks)


def find(document: Document) -> Iterator[Found]:
    """Yield ``name:tag`` of every item."""
    images = document.top.get("images")
    for item in images.new_items("tag file item") if images is not None else ():
        found = _found(item)
        if found is not None:
            yield found


def _found(item: Node) -> Found | None:
    image, tag, digest = item.get("name"), item.get("tag"), item.get(DIGEST_KEY)
    if image is None or not image.scalar:
        return None
    line, column = image.position
    written = f"{image.scalar}:{tag.scalar}" if tag is not None and tag.scalar else image.scalar
    if tag is None or not tag.scalar or tag.is_null:
        return Skipped(text=written, line=line, column=column, reason="an item without a tag", format=name)
    name_text, digest_text = image.scalar, digest.scalar if digest is not None else None
    found = judge_beside_digest(
        image,
        written,
        lambda: _reference(name_text, _tag_text(tag), digest_text),
        digest,
        absent=NO_DIGEST_KEY,
        format_name=name,
        added=insertion(tag, DIGEST_KEY),
    )
    return replace(found, build=_build(item)) if isinstance(found, Place) else found


def _tag_text(tag: Node) -> str:
    if tag.text is None:
        raise InvalidValueError(_NO_TEXT, text=tag.scalar or "", hint=f'write it in quotes: "{tag.scalar}"')
    return tag.text


def _reference(image: str, tag: str, digest: str | None) -> Reference:
    bare = Reference.parse(image)
    if bare.tag is not None or bare.digest is not None:
        raise InvalidValueError("the name includes a tag or digest", text=image)
    reference = Reference.parse(f"{image}:{tag}")
    return reference.with_digest(Digest.parse(digest)) if digest else reference


def _build(item: Node) -> Build | None:
    tag, revision = item.get("src_build_tag"), item.get("src_ref")
    if tag is None or not tag.text:
        return None
    return Build(tag.text, revision.text if revision is not None else None)


def read(text: Text) -> Iterator[TagPart]:
    """Yield the items of every document, and what is in the way of reading them."""
    documents = 0
    for chunk in chunks(text):
        try:
            document = compose(text, chunk)
        except FormatError as error:
            documents += 1
            yield Unreadable(
                line=error.line, column=error.column, reason=error.message, hint=error.hint, format=name
            )
            continue
        if document is not None and not document.top.is_null:
            documents += 1
            yield from _items(document)
    if not documents:
        yield Flaw(line=1, column=1, reason="the file has no content", hint="write images: []")


def _items(document: Document) -> Iterator[TagPart]:
    """Yield the items of one document; one that an alias repeats says nothing new, and is read once."""
    top = document.top
    line, column = document.text.position(top.offset)
    images = top.get("images")
    if images is None:
        yield Flaw(line=line, column=column, reason="the key images is missing")
        return
    for key in _keys(top):
        if key.text != "images":
            reason = f"unknown key {key.text!r} beside images"
            yield Flaw(line=key.line, column=key.column, reason=reason, is_warning=True)
    if images.is_sequence:
        seen: set[int] = set()
        for item in images.items():
            if id(item.raw) not in seen:
                yield _item(item)
            seen.add(id(item.raw))
        return
    if images.is_null or (images.is_mapping and not any(True for _ in images.entries())):
        # A file whose last item was taken out: as empty as images: [].
        return
    at = next(key for key in _keys(top) if key.text == "images")
    yield Flaw(
        line=at.line,
        column=at.column,
        reason="images is not a list",
        hint="write images: [] or add an item",
    )


def _item(item: Node) -> TagPart:
    line, column = item.document.text.position(item.offset)
    if not item.is_mapping:
        return Flaw(line=line, column=column, reason="an item that is not a mapping")
    fields: dict[str, Field] = {}
    others, repeated, seen = [], [], set()
    for key in _keys(item):
        if key.text in seen:
            repeated.append(key)
        elif key.text not in KEYS:
            others.append(key)
        seen.add(key.text)
    for key_name in KEYS & seen:
        value = item.get(key_name)
        if value is not None and value.scalar is not None and not value.is_null:
            fields[key_name] = _field(value)
    return TagItem(
        line=line,
        column=column,
        fields=fields,
        others=tuple(others),
        repeated=tuple(repeated),
        tag_place=_tag_place(item),
    )


def _field(node: Node) -> Field:
    line, column = node.position
    return Field(text=node.scalar or "", line=line, column=column, is_text=node.text is not None)


def _keys(node: Node) -> Iterator[Field]:
    """Yield the keys of a mapping as fields; those that are not scalars are none."""
    if isinstance(node.raw, yaml.MappingNode):
        for key, _ in node.raw.value:
            if isinstance(key, yaml.ScalarNode):
                yield _field(Node(node.document, key, node.path))


def _tag_place(item: Node) -> Place | None:
    """Return the place of the tag alone, if name and tag are a reference and the tag can be followed."""
    image, tag = item.get("name"), item.get("tag")
    span = tag.span() if tag is not None else None
    if image is None or tag is None or span is None:
        return None
    try:
        reference = _reference(image.scalar or "", tag.scalar or "", None)
    except InvalidValueError:
        return None
    line, column = tag.position
    return Place(
        reference=reference,
        slots=(Slot(span=span, text=tag.scalar or "", part="tag"),),
        line=line,
        column=column,
        document=item.document.index,
        path=tag.path,
        format=name,
    )
