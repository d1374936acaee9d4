"""Every format, most specific first, and the one function that finds all a text holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.errors import FormatError, ValueFormError
from imagelock.formats import csv, dockerfile, imagelist, kubernetes
from imagelock.formats.candidates import is_template
from imagelock.formats.yaml_text import chunks, compose
from imagelock.model.place import Skipped, Unreadable
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.base import DocumentFormat, FileFormat, Text
    from imagelock.formats.tree import Document
    from imagelock.formats.yaml_text import Chunk
    from imagelock.model.place import Found

FILE_FORMATS: tuple[FileFormat, ...] = (dockerfile, imagelist)
DOCUMENT_FORMATS: tuple[DocumentFormat, ...] = (csv, kubernetes)

DOCUMENT_SUFFIXES = (".yaml", ".yml", ".json")
_OBJECT = re.compile(r"^[\"']?(?:apiVersion|kind)[\"']?[ \t]*:", re.MULTILINE)
_IMAGE_LINE = re.compile(
    r"^[ \t]*(?:-[ \t]+)*[\"']?image[\"']?[ \t]*:[ \t]*[\"']?(?P<text>[^\s\"'#,}][^\r\n\"'#,}]*)",
    re.MULTILINE,
)


def names() -> tuple[str, ...]:
    """Return the names that ``--format`` takes."""
    return tuple(sorted([item.name for item in FILE_FORMATS] + [item.name for item in DOCUMENT_FORMATS]))


def find(text: Text, force: str | None = None) -> list[Found]:
    """Return everything one text holds, in the order of the file; raises nothing, whatever the text.

    ``force`` names the only format that may read the text.
    """
    for file_format in FILE_FORMATS:
        if force == file_format.name or (force is None and file_format.claims(text)):
            return list(file_format.find(text))
    if force is None and not _may_be_documents(text):
        return []
    found = [item for chunk in chunks(text) for item in _chunk(text, chunk, force)]
    return sorted(found, key=lambda item: (item.line, item.column))


def _may_be_documents(text: Text) -> bool:
    return (
        text.file_name.lower().endswith(DOCUMENT_SUFFIXES)
        or _OBJECT.search(text.content, 0, 65536) is not None
    )


def _chunk(text: Text, chunk: Chunk, force: str | None) -> Iterator[Found]:
    formats = [item for item in DOCUMENT_FORMATS if force in (None, item.name)]
    content = text.content
    worth_parsing = any(
        content.find(mark, chunk.start, chunk.end) >= 0 for item in formats for mark in item.marks
    )
    if not worth_parsing:
        yield from _loose_lines(text, chunk, "no format knows this place")
        return
    try:
        document = compose(text, chunk)
    except FormatError as error:
        yield from _broken(text, chunk, error)
        return
    if document is None:
        return
    claimed = next((item for item in formats if item.claims(document)), None)
    if claimed is None:
        yield from _loose_keys(document, "no format knows this kind of document")
        return
    yield from claimed.find(document)
    yield from _loose_keys(document, "an image key outside the places of this format")


def _broken(text: Text, chunk: Chunk, error: FormatError) -> Iterator[Found]:
    """Report a document that does not parse: a template is left out, anything else is unreadable."""
    if is_template(text.content[chunk.start : chunk.end]) and "merge conflict" not in error.message:
        yield from _loose_lines(text, chunk, "a template of another tool")
        return
    yield Unreadable(
        line=error.line, column=error.column, reason=error.message, hint=error.hint, format="yaml"
    )
    yield from _loose_lines(text, chunk, "in a document that cannot be read")


def _loose_keys(document: Document, reason: str) -> Iterator[Found]:
    """Yield what stands at ``image`` keys and was not taken, so that nothing is lost silently."""
    for node in document.top.walk():
        for key, value in node.entries():
            if (
                key == "image"
                and value.text
                and value.offset not in document.taken
                and _is_likely(value.text)
            ):
                line, column = value.position
                yield Skipped(text=value.text, line=line, column=column, reason=reason)


def _loose_lines(text: Text, chunk: Chunk, reason: str) -> Iterator[Found]:
    """Yield the lines of a text nobody reads that look like ``image: reference``."""
    if text.content.find("image", chunk.start, chunk.end) < 0:
        return
    for match in _IMAGE_LINE.finditer(text.content, chunk.start, chunk.end):
        written = match["text"].strip()
        if is_template(written) or _is_likely(written):
            line, column = text.position(match.start("text"))
            yield Skipped(text=written, line=line, column=column, reason=reason)


def _is_likely(written: str) -> bool:
    """Whether a text is a reference that says more than a bare word does."""
    try:
        reference = Reference.parse(written)
    except ValueFormError:
        return False
    return reference.tag is not None or reference.digest is not None or "/" in reference.written_name
