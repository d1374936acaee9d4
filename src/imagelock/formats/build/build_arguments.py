"""``build.args`` of Compose: the values that a Dockerfile makes its base images of.

A value is an image only because a ``FROM`` of the Dockerfile says so; which that is comes with the context, or is
in ``dockerfile_inline``.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from imagelock.formats.classify.assembled import nowhere, place_of
from imagelock.formats.classify.candidates import NO_SPAN
from imagelock.formats.classify.interpolation import Declared, Piece, UnresolvedError, assemble, resolve
from imagelock.formats.syntax.dockerfile_text import base_images
from imagelock.formats.values.split_reference import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Found


def dockerfile_path(build: Node) -> str:
    """Return the path of the Dockerfile that a ``build`` uses, from the folder of the Compose file."""
    context = text_of(build) or text_of(build.get("context")) or "."
    return posixpath.normpath(posixpath.join(context, text_of(build.get("dockerfile")) or "Dockerfile"))


def argument_images(build: Node, format_name: str) -> Iterator[Found]:
    """Yield the images that end in one of the arguments, each once."""
    arguments = build.get("args")
    if arguments is None or not arguments.document.is_first("arguments", arguments.raw):
        return
    values = dict(_values(arguments))
    for image in dict.fromkeys(_images(build)):
        declared = {key: Declared((piece,)) for key, (_, piece) in values.items() if piece.text}
        try:
            assembled = assemble(resolve(image, nowhere(image), declared.get))
        except UnresolvedError:
            continue
        end = next((each for each in assembled.pieces[-1].variables if each in values), None)
        if end is not None:
            node, piece = values[end]
            node.document.taken.add(node.offset)
            refusal = NO_SPAN if node.span() is None else None
            yield place_of(
                assembled,
                node.document.text,
                piece.span.at,
                node.path,
                format_name,
                node.document.index,
                refusal,
            )


def _images(build: Node) -> Iterator[str]:
    """Yield the images that the Dockerfile makes of arguments, as written there."""
    inline = build.get("dockerfile_inline")
    if inline is not None:
        yield from base_images(inline.text or "")
        return
    context = build.document.text.context
    path = dockerfile_path(build)
    yield from (image for file, image in (context.arguments if context is not None else ()) if file == path)


def _values(arguments: Node) -> Iterator[tuple[str, tuple[Node, Piece]]]:
    """Yield the arguments by name: a mapping, or a list of ``name=value``."""
    for key, node in arguments.entries():
        text = text_of(node)
        yield key, (node, Piece(text, node.span() or nowhere(text, node.offset), ()))
    for node in arguments.items():
        text = node.text or ""
        key, equals, value = text.partition("=")
        if equals:
            span = node.span() or nowhere(text, node.offset)
            yield key, (node, Piece(value, span.cut(len(key) + 1, len(text)), ()))
