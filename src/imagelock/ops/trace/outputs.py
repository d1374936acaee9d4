"""Compare two rendered outputs field by field, and find the images of one.

A field is a scalar by its document and path.  Documents whose text is the same in both are never parsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from imagelock.errors import FormatError
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.model.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Node

Field: TypeAlias = tuple[int, str]
"""A document's number and the path in it."""
_INSIDE = " > "


class OutputShapeError(Exception):
    """Two outputs differ in more than the values of fields, or one is not YAML."""


@dataclass(frozen=True, slots=True)
class RenderedImage:
    """One image of an output: the field, where in its value it stands, and its text without a digest."""

    field: Field
    start: int
    end: int
    image: str
    written: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field with two values; None where it is absent."""

    field: Field
    before: str | None
    after: str | None


class Output:
    """What a renderer wrote."""

    def __init__(self, content: str) -> None:
        self._text = Text("rendered.yaml", content)
        self._fields: dict[int, dict[str, str]] = {}

    @cached_property
    def documents(self) -> list[str]:
        """The texts of the documents."""
        content = self._text.content
        return [content[chunk.start : chunk.end].strip("\n") for chunk in chunks(self._text)]

    def fields(self, number: int) -> dict[str, str]:
        """Return the scalars of a document by their paths; raises :class:`OutputShapeError`."""
        if number not in self._fields:
            self._fields[number] = dict(_scalars(self.documents[number]))
        return self._fields[number]

    @cached_property
    def images(self) -> tuple[RenderedImage, ...]:
        """The images, those that several fields show once a field."""
        chosen = [item for item in find(self._text) if isinstance(item, Place)]
        numbers = {chunk.index: i for i, chunk in enumerate(chunks(self._text))}
        found = (self._image(item, numbers.get(item.document, item.document)) for item in chosen)
        return tuple(dict.fromkeys(item for item in found if item is not None))

    def _image(self, place: Place, number: int) -> RenderedImage | None:
        path = place.path.partition(_INSIDE)[0]
        value = self.fields(number).get(path)
        written = str(place.reference)
        start = -1 if value is None else value.find(written)
        if start < 0:
            return None
        return RenderedImage((number, path), start, start + len(written), written.partition("@")[0], written)

    def differences(self, other: Output) -> list[Difference]:
        """Return the fields in which another output differs."""
        if len(self.documents) != len(other.documents):
            raise OutputShapeError("another number of objects")
        found = []
        for number, (one, two) in enumerate(zip(self.documents, other.documents, strict=True)):
            if one == two:
                continue
            before, after = self.fields(number), other.fields(number)
            found += [
                Difference((number, path), before.get(path), after.get(path))
                for path in dict.fromkeys((*before, *after))
                if before.get(path) != after.get(path)
            ]
        return found


def _scalars(text: str) -> Iterator[tuple[str, str]]:
    """Yield path and value of each scalar of one document."""
    whole = Text("rendered.yaml", text)
    try:
        for chunk in chunks(whole):
            document = compose(whole, chunk)
            if document is not None:
                yield from _below(document.top)
    except FormatError as error:
        raise OutputShapeError(error.message) from error


def _below(top: Node) -> Iterator[tuple[str, str]]:
    for node in top.walk():
        if node.scalar is not None:
            yield node.path, node.scalar
