"""Jenkinsfiles: images of docker agents, of ``docker.image`` and of pod templates.

Declarative and scripted pipelines are Groovy; read of it are ``docker 'image'``, ``image 'image'`` and
``image: 'image'``, ``docker.image('image')``, and lines ``image: …`` of YAML in a text of three quotes.  What
is in other texts and in comments is not a code.  An image that is pushed is one that the pipeline builds;
one with ``${…}`` is put together when the pipeline runs.  Follows "Using Docker with Pipeline" and the
Kubernetes plugin of Jenkins' documentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.classify.quoted import words
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "jenkins"
summary = "Jenkinsfiles: images of docker agents, of docker.image and of pod templates"

_NAME = lazy_regex(r"(?:.*[-_.])?[jJ]enkinsfile(?:[-_.].*)?")
_TOKEN = lazy_regex(
    r"'''[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*(?:''')?"
    r'|"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*(?:""")?'
    r"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*'?"
    r'|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*"?'
    r"|//[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*(?:\*/)?",
    re.DOTALL,
)
_BLOCKS = ("'''", '"""')
_QUOTES = ("'", '"')
# Strings are images by what is before them: `docker.image("…")`, `image "…"`, `docker "…"` after an
# agent.
_BEFORE = lazy_regex(r"(?:\bdocker\.image\(\s*|\bimage(?:[ \t]+|[ \t]*:[ \t]*)|(?P<agent>\bdocker[ \t]+))\Z")
_BEFORE_CHARS = 64
# An image that is pushed is one that the pipeline builds, so it is not pulled.
_PUSHED = lazy_regex(r"\s*\)\s*\.push\b")
_LINE = lazy_regex(
    r"""^[ \t]*(?:-[ \t]+)?image:[ \t]*["']?(?P<image>[^\s'"#]+)["']?[ \t\r]*$""", re.MULTILINE
)
BUILT = "an image that the pipeline builds and pushes"
VARIABLE = "put together when the pipeline runs"


def claims(text: Text) -> bool:
    """Take files by their name."""
    return "enkinsfile" in text.file_name and _NAME.fullmatch(text.file_name) is not None


def find(text: Text) -> Iterator[Found]:
    """Yield the images of agents, steps and pod templates."""
    content, after = text.content, 0
    for token in _TOKEN.finditer(content):
        start, end = token.span()
        if token[0].startswith(_BLOCKS):
            for line in _LINE.finditer(content, start, end):
                yield words(text, *line.span("image"), name, variables=VARIABLE)
        elif token[0].startswith(_QUOTES) and end - start > len("''") and token[0][0] == token[0][-1]:
            before = _BEFORE.search(content[max(after, start - _BEFORE_CHARS) : start])
            inner = content[start + 1 : end - 1]
            if before is not None and (before["agent"] is None or ":" in inner or "/" in inner):
                built = BUILT if _PUSHED.match(content, end) is not None else None
                yield words(text, start + 1, end - 1, name, variables=VARIABLE, built=built)
        after = end
