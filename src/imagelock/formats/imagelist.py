"""Plain lists: one image a line, ``#`` comments and blank lines allowed.

Recognised by name only (``*images*.txt``, ``external_images*``, files below ``image_references/``),
because any text of words looks like a list.  The reference is the line's first word; what follows a
``#`` is comment.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

from imagelock.errors import ValueFormError
from imagelock.formats.candidates import is_template
from imagelock.model.place import Damaged, Place, Skipped, Slot, Span
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.base import Text
    from imagelock.model.place import Found

name = "image-list"
summary = "plain lists, one image a line: *images*.txt, external_images*, image_references/*"

_NAMES = ("*images*.txt", "external_images*")
_FOLDER = "image_references"
_LINE = re.compile(r"^[ \t\ufeff]*(?P<text>[^\s#][^\r\n]*?)(?:[ \t]+#[^\r\n]*|[ \t]*)\r?$", re.MULTILINE)


def claims(text: Text) -> bool:
    """Take files by their name."""
    folders = text.path.split("/")[:-1]
    return _FOLDER in folders or any(fnmatch.fnmatchcase(text.file_name, glob) for glob in _NAMES)


def find(text: Text) -> Iterator[Found]:
    """Yield one thing for each line that is neither blank nor comment."""
    for match in _LINE.finditer(text.content):
        written = match["text"]
        line, column = text.position(match.start("text"))
        try:
            reference = Reference.parse(written)
        except ValueFormError as error:
            if is_template(written):
                yield Skipped(text=written, line=line, column=column, reason="a template", format=name)
            else:
                yield Damaged(
                    text=written, line=line, column=column, reason=error.message, hint=error.hint, format=name
                )
            continue
        span = Span.plain(match.start("text"), match.end("text"))
        yield Place(
            reference=reference,
            slots=(Slot(span=span, text=written),),
            line=line,
            column=column,
            document=0,
            path=f"[{line}]",
            format=name,
        )
