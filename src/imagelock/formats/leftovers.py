"""What looks like an image where no format knows a place: told as skipped, so that nothing is lost silently."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.errors import ValueFormError
from imagelock.formats.candidates import SHOWN_CHARS, is_template
from imagelock.model.place import Skipped
from imagelock.model.reference import Reference
from imagelock.patterns import lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.text import Text
    from imagelock.formats.tree import Document, Node
    from imagelock.formats.yaml_text import Chunk
    from imagelock.model.place import Found

LEFT_OVER = "an image key outside the places of this format"
IMAGE_LINE = lazily(
    r"^[ \t]*(?:-[ \t]+)*[\"']?image[\"']?[ \t]*:[ \t]*[\"']?(?P<text>[^\s\"'#,}][^\r\n\"'#,}]*)",
    re.MULTILINE,
)


def left_over(document: Document, reason: str) -> Iterator[Found]:
    """Yield what looks like an image and was not taken, so that nothing is lost silently."""
    for key, node in document.top.strings_with("image"):
        written = node.text or ""
        if key != "image" or "\n" in written:
            yield from _lines_inside(node)
        elif written and node.offset not in document.taken and _is_likely(written):
            document.taken.add(node.offset)
            line, column = node.position
            yield Skipped(text=written, line=line, column=column, reason=reason)


def _lines_inside(node: Node) -> Iterator[Found]:
    """Yield the lines of a text inside the document that look like images; nobody read them."""
    span = node.span()
    for match in IMAGE_LINE.finditer(node.text or ""):
        at = match.start("text")
        offset = node.offset if span is None else span.offset(at)
        # What a format took of a JSON text is known by its opening quote.
        if span is not None and {offset, span.offset(at - 1)} & node.document.taken:
            continue
        skipped = loose_line(match["text"], node.document.text.position(offset), "inside a text")
        if skipped is not None:
            yield skipped


def loose_lines(text: Text, chunk: Chunk, reason: str) -> Iterator[Found]:
    """Yield the lines of a text nobody reads that look like ``image: reference``."""
    if text.content.find("image", chunk.start, chunk.end) < 0:
        return
    for match in IMAGE_LINE.finditer(text.content, chunk.start, chunk.end):
        skipped = loose_line(match["text"], text.position(match.start("text")), reason)
        if skipped is not None:
            yield skipped


def loose_line(written: str, position: tuple[int, int], reason: str) -> Skipped | None:
    """Return what is told of a text behind ``image:`` that nobody reads; None when it is no image."""
    written = written.strip()
    if not is_template(written) and not _is_likely(written):
        return None
    line, column = position
    return Skipped(text=written[:SHOWN_CHARS], line=line, column=column, reason=reason)


def _is_likely(written: str) -> bool:
    """Whether a text is a reference that says more than a bare word does."""
    try:
        reference = Reference.parse(written)
    except ValueFormError:
        return False
    return reference.tag is not None or reference.digest is not None or "/" in reference.written_name
