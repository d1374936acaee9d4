"""ConfigMaps and Secrets: which objects that hold texts a file has, because releases take their values from these.

Read by words: the name of every document of such a kind that may hold an image.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.relations.base import Holds
from imagelock.formats.syntax.yaml_text import chunks
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Text

_KINDS = ("kind: ConfigMap", "kind: Secret")
_WORDS = ("repository:", "mage:")
_SUFFIXES = (".yaml", ".yml")
_KIND = lazy_regex(r"^kind:[ \t]+(?:ConfigMap|Secret)[ \t\r]*$", re.MULTILINE)
_NAME = lazy_regex(
    r"^metadata:[ \t]*(?:\{[^}\n]*?\bname:[ \t]*[\"']?(?P<flow>[\w.-]+)|\r?\n(?:[ ]+(?!name:)[^\n]*\n)*?[ ]+name:[ \t]*[\"']?(?P<block>[\w.-]+))",
    re.MULTILINE,
)


def may_say(text: Text) -> bool:
    """Take YAML with such an object that may hold an image."""
    content = text.content
    return (
        text.file_name.endswith(_SUFFIXES)
        and any(kind in content for kind in _KINDS)
        and any(word in content for word in _WORDS)
    )


def says_of_text(text: Text) -> Iterator[Statement]:
    """Yield the name of every such object."""
    for chunk in chunks(text):
        if _KIND.search(text.content, chunk.start, chunk.end) is None:
            continue
        match = _NAME.search(text.content, chunk.start, chunk.end)
        if match is not None:
            yield Holds(match["flow"] or match["block"])
