"""Jsonnet: images of fields and locals, and of YAML in text blocks.

Read: texts behind a field or a local whose name says image, with a tag or digest.  A visible field ``image:`` is
pinned; a hidden one (``image::``), a local and every other name are found and not written, because other files may
take them apart.  Follows the Jsonnet specification, as far as quoted texts go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.source.says_image import image_lines, literal, says_image
from imagelock.formats.syntax.quoted_text import BOTH, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "jsonnet"
summary = "Jsonnet: fields image, pinned; hidden fields, locals and other names that say image, found"

_SUFFIXES = (".jsonnet", ".libsonnet")
OTHERS = "other files may take this value apart: a [[scan.rule]] with a regex pins it"


def claims(text: Text) -> bool:
    """Take files by their suffix."""
    return text.file_name.endswith(_SUFFIXES)


def find(text: Text) -> Iterator[Found]:
    """Yield the images of fields, locals and text blocks."""
    for item in quoted(text.content, BOTH):
        if item.is_block:
            yield from image_lines(text, item.start, item.end, name)
        elif says_image(item.key) and not item.sign.startswith("+"):
            refusal = None if item.key == "image" and item.sign == ":" else OTHERS
            found = literal(text, item.start, item.end, name, refusal)
            if found is not None:
                yield found
