"""Jenkinsfiles and the Groovy of their shared libraries: images of docker agents, of ``docker.image`` and of pod templates.

Declarative and scripted pipelines are Groovy; read of it are ``docker 'image'``, ``image 'image'`` and
``image: 'image'``, ``docker.image('image')``, and lines ``image: …`` of YAML in a text of three quotes.  What
is in other texts and in comments is not a code.  An image that is pushed is one that the pipeline builds;
one with ``${…}`` is put together when the pipeline runs.  In other Groovy files only what has a tag or digest counts,
and values of variables and parameters whose name says image are found and not written.  Follows "Using Docker with
Pipeline" and the Kubernetes plugin of Jenkins' documentation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.classify.prose import is_joined
from imagelock.formats.classify.quoted import words
from imagelock.formats.source.says_image import image_lines, is_sure, literal, says_image
from imagelock.formats.syntax.quoted_text import SLASHES, quoted
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.quoted_text import Quoted
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "jenkins"
summary = "Jenkinsfiles and other Groovy: images of docker agents, of docker.image and of pod templates"

_NAME = lazy_regex(r"(?:.*[-_.])?[jJ]enkinsfile(?:[-_.].*)?")
_SUFFIX = ".groovy"
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
OTHERS = "what the pipeline makes of this variable is not known here: a [[scan.rule]] with a regex pins it"


def claims(text: Text) -> bool:
    """Take files by their name."""
    if text.file_name.endswith(_SUFFIX):
        return True
    return "enkinsfile" in text.file_name and _NAME.fullmatch(text.file_name) is not None


def find(text: Text) -> Iterator[Found]:
    """Yield the images of agents, steps and pod templates."""
    is_library = _NAME.fullmatch(text.file_name) is None
    for item in quoted(text.content, SLASHES):
        if item.is_block and is_library:
            yield from image_lines(text, item.start, item.end, name)
        elif item.is_block:
            for line in _LINE.finditer(text.content, item.start, item.end):
                yield words(text, *line.span("image"), name, variables=VARIABLE)
        elif item.start < item.end:
            found = _found(text, item, is_library=is_library)
            if found is not None:
                yield found


def _found(text: Text, item: Quoted, *, is_library: bool) -> Found | None:
    content, written = text.content, text.content[item.start : item.end]
    before = _BEFORE.search(content[max(0, item.start - 1 - _BEFORE_CHARS) : item.start - 1])
    if before is not None and (before["agent"] is None or ":" in written or "/" in written):
        if is_joined(content, item.start, item.end):
            return literal(text, item.start, item.end, name)
        built = BUILT if _PUSHED.match(content, item.end + 1) is not None else None
        if not is_library or is_sure(written):
            return words(text, item.start, item.end, name, variables=VARIABLE, built=built)
        return literal(text, item.start, item.end, name)
    return literal(text, item.start, item.end, name, OTHERS) if says_image(item.key) else None
