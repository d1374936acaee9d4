"""Plain lists: one image per line, ``#`` comments and blank lines allowed.

Recognised by name only (``*images*.txt``, ``external_images*``, files below ``image_references/``),
because any text of words looks like a list.  The reference is the whole line, but for the blanks around it and
a comment that begins with ``#`` behind a blank.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import judge_words
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "image-list"
summary = "plain lists, one image a line: *images*.txt, external_images*, image_references/*"

# The names that pipelines of the field use; other text files are only read with --format.
_NAME = lazy_regex(r".*images.*\.txt|external_images.*", re.DOTALL)
_FOLDER = "/image_references/"
_BLANKS = " \t\r"
# As in a shell, `#` begins a comment at the start of a word only: a fragment of a URL is none.
_COMMENT = lazy_regex(r"(?:^|(?<=[ \t]))#")


def claims(text: Text) -> bool:
    """Take files by their name."""
    if "image" not in text.path:
        return False
    return _FOLDER in f"/{text.path}" or _NAME.fullmatch(text.file_name) is not None


def find(text: Text) -> Iterator[Found]:
    """Yield one thing for each line that is neither blank nor comment."""
    for start, end in bodies(text.content):
        line, column = text.position(start)
        yield judge_words(
            text.content[start:end],
            span=Span.plain(start, end),
            where=(line, column),
            path=f"[{line}]",
            document=0,
            format_name=name,
        )


def bodies(content: str) -> Iterator[tuple[int, int]]:
    """Yield where each line's text begins and ends, without the blanks around it and a comment behind it."""
    offset = int(content.startswith("\ufeff"))
    for line in content[offset:].split("\n"):
        comment = _COMMENT.search(line)
        body = line if comment is None else line[: comment.start()]
        written = body.strip(_BLANKS)
        if written:
            start = offset + len(body) - len(body.lstrip(_BLANKS))
            yield start, start + len(written)
        offset += len(line) + 1
