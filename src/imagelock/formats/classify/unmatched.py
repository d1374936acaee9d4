"""Report what looks like an image at a place that no format knows, so that nothing is missed silently."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import SHOWN_CHARS, is_template, skipped
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import SkipKind, Skipped
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.formats.syntax.yaml_text import Chunk
    from imagelock.model.place import Found

OVERWRITTEN = "replaced by a second {} key further down: most readers take the last"
UNMATCHED = "an image key outside the places of this format"
NAMED = "its key says image, at a place that no format reads"
VARIABLE = "a variable that no format reads"
ARGUMENT = "an argument that no format reads"
_REST = r"[\"']?(?P<text>[^\s\"'#,}][^\r\n\"'#,}]*)"
# The number of dashes is bounded, because an endless row of them would make matching quadratic.
IMAGE_LINE = lazy_regex(rf"^[ \t]*(?:-[ \t]+){{0,50}}[\"']?image[\"']?[ \t]*:[ \t]*{_REST}", re.MULTILINE)
# Keys that end in image or imageName, in the case that their words have: `sidecarImage`, `DOCKER_IMAGE`,
# but not `imagePullPolicy`.
_NAMED_LINE = lazy_regex(
    r"^[ \t]*(?:-[ \t]+){0,50}[\"']?(?P<key>[\w.-]*(?:image|Image|IMAGE)(?:[-_]?(?:name|Name|NAME))?)[\"']?[ \t]*:[ \t]*"
    rf"{_REST}",
    re.MULTILINE,
)
# The end of the key decides: `sidecarImage` and `image_name` are images, `imagePullSecrets` is not.
_NAMED_KEY = lazy_regex(r"image(?:[-_]?name)?\Z", re.IGNORECASE)
_ARGUMENT = lazy_regex(r"(?P<name>[\w.-]+)=(?P<text>\S+)", re.ASCII)
ALGORITHMS = ("sha256", "sha512")
_WORDS = ("image", "Image", "IMAGE")


def overwritten(document: Document) -> Iterator[Skipped]:
    """Yield the images that the same key further down in their mapping replaces: most readers take the last."""
    for mapping in () if document.is_masked else document.top.mappings():
        pairs = list(mapping.entries())
        last = dict(pairs)
        for key, value in pairs if len(last) < len(pairs) else ():
            written = value.text or ""
            if value.raw is not last[key].raw and value.offset not in document.taken and is_tagged(written):
                yield skipped(value, OVERWRITTEN.format(key), "", SkipKind.IMAGE)


def unmatched(document: Document, reason: str) -> Iterator[Found]:
    """Yield what looks like an image and was not taken, so that nothing is lost silently.

    Told are the values of ``image`` keys, and tags and digests behind keys, variables and arguments whose name
    says image; of texts over several lines the lines that begin with ``image:``.
    """
    if not any(word in document.source for word in _WORDS):
        return
    for key, node in document.top.strings_if(_looks_like_one):
        written = node.text or ""
        if "\n" in written:
            yield from _lines_inside(node)
        elif written and node.offset not in document.taken:
            yield from _reported(node, key, written, reason)


def _looks_like_one(key: str | None, value: str, name: str | None) -> bool:
    """Whether a string is worth a closer look."""
    if "\n" in value:
        return "image" in value
    if key is not None and (key == "image" or _NAMED_KEY.search(key)):
        return True
    if key == "value" and name is not None:
        return _says_image(name, value)
    argument = _ARGUMENT.fullmatch(value) if "=" in value else None
    return argument is not None and _says_image(argument["name"], argument["text"])


def _says_image(name: str, written: str) -> bool:
    """Whether a name says image, or the text itself does by a registry's host."""
    host, slash, _ = written.partition("/")
    return "image" in name.lower() or (slash == "/" and "." in host)


def _reported(node: Node, key: str | None, written: str, reason: str) -> Iterator[Skipped]:
    argument = _ARGUMENT.fullmatch(written)
    if key == "image":
        is_one = _is_likely(written)
    elif key is not None and _NAMED_KEY.search(key):
        is_one, reason = is_tagged(written), NAMED
    elif argument is not None:
        written, reason = argument["text"], ARGUMENT
        is_one = is_tagged(written)
    else:
        is_one, reason = is_tagged(written), VARIABLE
    if is_one:
        node.document.taken.add(node.offset)
        line, column = node.position
        yield Skipped(text=written, line=line, column=column, reason=reason, kind=_kind(written))


def _lines_inside(node: Node) -> Iterator[Found]:
    """Yield the lines of a text inside the document that look like images; no one read them."""
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
    """Yield the lines of a text without a reader that look like ``image: reference``."""
    content, start, end = text.content, chunk.start, chunk.end
    if all(content.find(word, start, end) < 0 for word in _WORDS):
        return
    for match in _NAMED_LINE.finditer(content, start, end):
        if match["key"] == "image" or is_tagged(match["text"].strip()):
            skipped = loose_line(match["text"], text.position(match.start("text")), reason)
            if skipped is not None:
                yield skipped


def loose_line(written: str, position: tuple[int, int], reason: str) -> Skipped | None:
    """Return what to report for a text after ``image:`` that no format reads; None when it is not an image."""
    written = written.strip()
    if not is_template(written) and not _is_likely(written):
        return None
    line, column = position
    return Skipped(text=written[:SHOWN_CHARS], line=line, column=column, reason=reason, kind=_kind(written))


def _kind(written: str) -> SkipKind:
    """Return what kind of skip a text behind a word that says image is."""
    if is_template(written):
        return SkipKind.TEMPLATE
    return SkipKind.IMAGE if is_tagged(written) else SkipKind.CANDIDATE


def _is_likely(written: str) -> bool:
    """Whether a text is a reference that says more than a bare word does."""
    reference = Reference.parse_or_none(written)
    return reference is not None and (reference.is_versioned or "/" in reference.written_name)


def is_tagged(written: str) -> bool:
    """Whether a text is a reference with a tag or a digest: what is behind a name that only says image."""
    reference = Reference.parse_or_none(written)
    # A digest alone is no image, although it reads like a name with a tag.
    return reference is not None and reference.is_versioned and reference.written_name not in ALGORITHMS
