"""Files in HashiCorp's configuration language: Nomad jobs and Docker bake files.

Known by their names (``*.nomad``, ``*.nomad.hcl``, ``docker-bake*.hcl`` and ``.json``).  Read: ``image = "…"``
of a Nomad task, and ``docker-image://`` in the contexts of a bake target, whose ``tags`` are what it builds.
``${…}`` is filled in by the tool.  Follows the docker driver of Nomad's and the bake file reference of
Docker's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.quoted import words
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "hcl"
summary = "Nomad jobs: images of tasks; Docker bake files: images that contexts are taken from"

_NOMAD = lazy_regex(r".*\.nomad(?:\.hcl)?")
_BAKE = lazy_regex(r"docker-bake(?:[-_.].*)?\.(?:hcl|json)")
_TOKEN = lazy_regex(
    r'"(?P<text>[^"\\\n]*+(?:\\.[^"\\\n]*+)*)"|(?:#|//)[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*(?:\*/)?'
)
# What is before the string decides: `image = "…"` in a block of a task, not `my_image = "…"`.
_TASK_IMAGE = lazy_regex(r"(?:^|[\s{])image[ \t]*=[ \t]*\Z")
_BEFORE_CHARS = 64
_CONTEXT = "docker-image://"
_PODMAN = "docker://"
VARIABLE = "a variable of the tool that reads the file"


def claims(text: Text) -> bool:
    """Take files by their name."""
    file_name = text.file_name
    if ".nomad" not in file_name and not file_name.startswith("docker-bake"):
        return False
    return any(pattern.fullmatch(file_name) is not None for pattern in (_NOMAD, _BAKE))


def find(text: Text) -> Iterator[Found]:
    """Yield the images of tasks or contexts."""
    is_bake = _BAKE.fullmatch(text.file_name) is not None
    after = 0
    for token in _TOKEN.finditer(text.content):
        inner = token["text"]
        if inner:
            before = text.content[max(after, token.start() - _BEFORE_CHARS) : token.start()]
            is_image = inner.startswith(_CONTEXT) or (not is_bake and _TASK_IMAGE.search(before) is not None)
            prefix = next((scheme for scheme in (_CONTEXT, _PODMAN) if inner.startswith(scheme)), "")
            if is_image and len(inner) > len(prefix):
                start = token.start("text") + len(prefix)
                yield words(text, start, token.end("text"), name, variables=VARIABLE)
        after = token.end()
