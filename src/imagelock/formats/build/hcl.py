"""Files in HashiCorp's configuration language: Nomad jobs and Docker bake files.

Known by their names (``*.nomad``, ``*.nomad.hcl``, ``docker-bake*.hcl`` and ``.json``).  Read: ``image = "…"``
in ``config`` of a Nomad task that docker, podman or containerd runs, never in heredocs or ``meta``, and ``docker-image://`` in the contexts of a bake target, whose ``tags`` are what it builds.
``${…}`` is filled in by the tool.  Follows the docker driver of Nomad's and the bake file reference of
Docker's documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
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
    r"<<-?(?P<heredoc>\w+)[^\n]*\n(?:(?![ \t]*(?P=heredoc)[ \t\r]*$)[^\n]*\n)*+|[{}]"
    r'|"(?P<text>[^"\\\n]*+(?:\\.[^"\\\n]*+)*)"|(?:#|//)[^\n]*+|/\*[^*]*+(?:\*(?!/)[^*]*+)*(?:\*/)?',
    re.MULTILINE,
)
# What is before the string decides: `image = "…"` in a block of a task, not `my_image = "…"`.
_TASK_IMAGE = lazy_regex(r"(?:^|[\s{])image[ \t]*=[ \t]*\Z")
_DRIVER = lazy_regex(r"(?:^|[\s{])driver[ \t]*=[ \t]*\Z")
_BLOCK_WORD = lazy_regex(r"([\w-]+)[ \t]*=?(?:[ \t]*\"[^\"\n]*\")*[ \t]*\Z")
_CONFIG = "config"
_DRIVERS = ("docker", "podman", "containerd")
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
    images = () if is_bake else _task_images(text.content)
    for start, end in sorted({*_contexts(text.content), *images}):
        prefix = next(
            (scheme for scheme in (_CONTEXT, _PODMAN) if text.content.startswith(scheme, start)), ""
        )
        if start + len(prefix) < end:
            yield words(text, start + len(prefix), end, name, variables=VARIABLE)


def _contexts(content: str) -> Iterator[tuple[int, int]]:
    for token in _TOKEN.finditer(content):
        if token["text"] and token["text"].startswith(_CONTEXT):
            yield token.span("text")


@dataclass(slots=True)
class _Block:
    """An open block: its word, the driver that it names, and the images of ``config`` in it."""

    word: str
    driver: str | None = None
    images: list[tuple[int, int]] = field(default_factory=list)


def _task_images(content: str) -> Iterator[tuple[int, int]]:
    """Yield the texts of ``image`` in ``config`` of tasks whose driver runs containers."""
    blocks = [_Block("")]
    after = 0
    for token in _TOKEN.finditer(content):
        before = content[max(after, token.start() - _BEFORE_CHARS) : token.start()]
        after = token.end()
        if token[0] == "{":
            word = _BLOCK_WORD.search(content, max(token.start() - _BEFORE_CHARS, 0), token.start())
            blocks.append(_Block(word[1] if word is not None else ""))
        elif token[0] == "}" and len(blocks) > 1:
            yield from _closed(blocks)
        elif token["text"] and _DRIVER.search(before) is not None:
            blocks[-1].driver = token["text"]
        elif token["text"] and blocks[-1].word == _CONFIG and _TASK_IMAGE.search(before) is not None:
            blocks[-1].images.append(token.span("text"))
    while len(blocks) > 1:
        yield from _closed(blocks)


def _closed(blocks: list[_Block]) -> Iterator[tuple[int, int]]:
    """Close the innermost block: ``config`` belongs to the block around it, which says the driver."""
    block = blocks.pop()
    if block.word == _CONFIG:
        blocks[-1].images += block.images
    elif block.driver is None or block.driver.startswith(_DRIVERS):
        yield from block.images
