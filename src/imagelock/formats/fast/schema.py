"""Recognise schemas without a parser: they describe images but hold none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.unmatched import IMAGE_LINE, loose_line
from imagelock.formats.fast.plain import NeedsParser, depth_of, line_around, refuse_unless_harmless
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.yaml_text import Chunk
    from imagelock.model.place import Found

_LINES_UP = 200
_SCHEMA_KEY = lazy_regex(
    r"image(?:[\"']?[ \t]*:(?![ ]*(?:#[^\n]*)?(?:\n|\Z))(?![ ]*[A-Za-z]+,? [A-Za-z ,.;()-]*[\"']?(?:\n|\Z))|\\)"
)
"""The same with something behind it that is neither a comment nor words: a schema describes images in prose."""
_LITERAL_HEADER = lazy_regex(r"[^\n\"']*[:-] +\|[-+0-9]* *(?:#[^\n]*)?")


def schema_images(text: Text, chunk: Chunk) -> Iterator[Found]:
    """Yield the lines of a schema's descriptions that look like images; no schema holds any."""
    content = text.content
    for match in _SCHEMA_KEY.finditer(content, chunk.start, chunk.end):
        at = match.start()
        line, stop = line_around(content, chunk.start, chunk.end, at)
        if content[line:at].strip(" -"):
            refuse_unless_harmless(content, line, at, stop)
            continue
        image = IMAGE_LINE.match(content, line, stop)
        above = _line_above(content, chunk.start, line)
        if image is None or not _LITERAL_HEADER.fullmatch(above):
            raise NeedsParser
        is_first = content.startswith(above, line - len(above) - 1)
        if is_first and depth_of(content, stop + 1) < depth_of(content, line):
            # Whether a single line is a text of lines is for the header's sign to say.
            raise NeedsParser
        skipped = loose_line(image["text"], text.position(image.start("text")), "inside a text")
        if skipped is not None:
            yield skipped


def _line_above(content: str, start: int, line: int) -> str:
    """Return the line that the one at ``line`` belongs to: the nearest above that is less deep."""
    depth = depth_of(content, line)
    for _ in range(_LINES_UP):
        if line <= start:
            break
        above = content.rfind("\n", start, line - 1) + 1 or start
        found = depth_of(content, above)
        if found < depth and content[above + found] != "\n":
            return content[above : line - 1]
        line = above
    raise NeedsParser
