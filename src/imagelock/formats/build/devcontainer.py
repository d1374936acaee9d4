"""Development containers: the image of ``devcontainer.json``.

JSON with comments and commas at the end of lists, which no other reader here takes.  Read: ``image``, and
the image that a build takes as ``BASE_IMAGE`` is the Dockerfile's to say.  ``features`` are OCI artifacts,
no images: the tool has a lock file of its own for them.  Follows the Development Container Specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.classify.candidates import required
from imagelock.formats.syntax.json_nodes import compose_json
from imagelock.formats.syntax.tree import Document
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Unreadable

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "devcontainer"
summary = "development containers: the image of devcontainer.json, comments and all"

_NAMES = ("devcontainer.json", ".devcontainer.json")
_STRING_OR_COMMENT = lazy_regex(
    r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*"?|//[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*(?:\*/)?'
)
# devcontainer.json is JSON with comments: a comma before a closing bracket is allowed there.  Strings are
# matched first, so that a comma inside one is not taken.
_LAST_COMMA = lazy_regex(r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*"?|,(?=\s*[\]}])')
_BLANK = lazy_regex(r"[^\r\n]")
VARIABLE = "a variable of the development container"


def claims(text: Text) -> bool:
    """Take files by their name."""
    return text.file_name in _NAMES


def find(text: Text) -> Iterator[Found]:
    """Yield the image, or tell why the file cannot be read."""
    source = _plain(text.content)
    try:
        root = compose_json(source)
    except FormatError as error:
        yield Unreadable(
            line=error.line, column=error.column, reason=error.message, hint=error.hint, format=name
        )
        return
    image = Document(text, source, root).top.get("image")
    found = required(image, name, variables=VARIABLE) if image is not None else None
    if found is not None:
        yield found


def _plain(content: str) -> str:
    """Return the text as JSON: comments and last commas become blanks, so that all else stays in its place."""
    without_comments = _STRING_OR_COMMENT.sub(_blanked, content.replace("\ufeff", " ", 1))
    return _LAST_COMMA.sub(_blanked, without_comments)


def _blanked(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else _BLANK.sub(" ", match[0])
