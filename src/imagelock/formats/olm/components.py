"""Find which component of which devfile a place is in: what variables of editors and samples are named by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.syntax.yaml_text import chunks, compose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a devfile 2; ``version`` is the editor's, empty where the devfile says none."""

    devfile: str
    version: str
    name: str


def components(text: Text) -> dict[tuple[int, str], Component]:
    """Return the components of a text's devfiles that have an image, by document and path of the image's place.

    What cannot be read is left out: the finder reports it.
    """
    found: dict[tuple[int, str], Component] = {}
    for chunk in chunks(text):
        try:
            document = compose(text, chunk)
        except FormatError:
            continue
        if document is not None:
            found.update(_components(document))
    return found


def _components(document: Document) -> Iterator[tuple[tuple[int, str], Component]]:
    top = document.top
    devfile = _text(top.get("metadata", "name"))
    version = _text(top.get("metadata", "attributes", "version"))
    listed = top.get("components")
    for item in listed.items() if listed is not None else ():
        image = item.get("container", "image")
        if image is not None:
            yield (document.index, image.path), Component(devfile, version, _text(item.get("name")))


def _text(node: Node | None) -> str:
    return "" if node is None else node.scalar or ""
