"""Texts with the tags of a template hidden, so that what is left can be read as YAML.

A tag of Go templates, Jinja or ERB, or a marked word (``###X###``), becomes as many characters that mean nothing
to YAML, so every offset stays what it was.  A line of tags alone becomes blank: control lines and what they
include are no part of the document.  What a tag touches holds :data:`MASK` and is never a reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.tree import Document
from imagelock.formats.syntax.yaml_text import compose
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from imagelock.formats.syntax.yaml_text import Chunk

MASK = "\ue000"
"""A character of Unicode's private use that YAML allows in plain text and no reference has."""
_TAG = lazy_regex(
    r"(?<!\$)\{\{(?:\"(?:[^\"\\\n]|\\.){0,1000}\"|`[^`]{0,1000}`|[^\"`}]|\}(?!\})){0,4000}\}\}"
    r"|(?<!\$)\{\{.{0,4000}?\}\}|\{%.{0,4000}?%\}|\{#.{0,4000}?#\}|<%.{0,4000}?%>|###\w{1,100}###",
    re.DOTALL,
)
"""A tag; strings inside an action may hold braces.  Bounded, so that one never closed costs little."""
_OPENINGS = ("{{", "{%", "{#", "<%", "###")
_WORD = lazy_regex(r"[^\n]")
_ALONE = lazy_regex(rf"^[ \t]*{MASK}[{MASK} \t]*\r?$", re.MULTILINE)


def masked(content: str) -> str | None:
    """Return a text of the same length with its tags hidden, or None when it has none."""
    if MASK in content or not any(sign in content for sign in _OPENINGS):
        return None
    hidden = _TAG.sub(_hide, content)
    if hidden == content:
        return None
    return _ALONE.sub(
        lambda line: _WORD.sub(" ", line[0].rstrip("\r")) + "\r" * line[0].endswith("\r"), hidden
    )


def _hide(tag: re.Match[str]) -> str:
    first, *others = tag[0].split("\n")
    return "\n".join([MASK * len(first), *(" " * len(line) for line in others)])


def compose_masked(text: Text, chunk: Chunk) -> Document | None:
    """Compose one document with its tags hidden; None when it has none, is empty, or is no YAML even so."""
    hidden = masked(text.content[chunk.start : chunk.end])
    if hidden is None:
        return None
    content = text.content[: chunk.start] + hidden + text.content[chunk.end :]
    try:
        document = compose(Text(text.path, content, text.chart), chunk)
    except FormatError:
        return None
    if document is None:
        return None
    return Document(text, content, document.root, chunk.index, document.offset, is_masked=True)
