"""Terraform, OpenTofu, Terragrunt and Packer: images of resources, of variables and of texts in them.

Read: attributes whose key says image (``image``, ``container_image``, ``imageName``) with a tag or digest, in blocks
of containers without one too, ``name`` of a ``docker_image``, lines ``image: …`` in heredocs, and variables and
locals that lead to their default in the same file.  What a resource or a heredoc says is pinned.  Variables, locals and
arguments of modules are found and not written: all files of a module use them, and what for is not known here.
Follows Terraform's configuration language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.hcl_names import Names, has_names
from imagelock.formats.source.says_image import image_lines, literal, place, says_image
from imagelock.formats.syntax.hcl_text import words
from imagelock.model.place import Place
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.hcl_text import Word
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "terraform"
summary = "Terraform, OpenTofu, Terragrunt, Packer: images of resources and heredocs; of variables, found"

MODULE = "what else a module does with it is not known here: a [[scan.rule]] with a regex pins it"
_SUFFIXES = (".tf", ".tofu", ".tfvars", ".hcl")
_WRITTEN = ("resource", "data", "source", "job")
_CONTAINERS = frozenset(
    ["container", "containers", "init_container", "init_containers", "container_spec", "docker_container"]
)
_DOCKER_IMAGE = "docker_image"
_MARKS = ("mage", "Image", "img")


def claims(text: Text) -> bool:
    """Take files by their suffix."""
    return text.file_name.endswith(_SUFFIXES)


def find(text: Text) -> Iterator[Found]:
    """Yield the images of attributes, heredocs and variables."""
    if any(mark in text.content for mark in _MARKS):
        # A default is found where it is written, and where a name leads to it.
        yield from {_where(item): item for item in _found_in(text)}.values()


def _where(item: Found) -> tuple[int, int, str]:
    return item.line, item.column, str(item.reference) if isinstance(item, Place) else ""


def _found_in(text: Text) -> Iterator[Found]:
    known = words(text.content)
    made: list[tuple[Word, int]] = []
    for word in known:
        if word.kind == "heredoc":
            yield from image_lines(text, word.start, word.end, name)
        elif _is_image(word) and has_names(text, word):
            made.append((word, 0))
        elif _is_image(word):
            found = _found(text, word)
            if found is not None:
                yield found
    if made:
        yield from Names(text, known, MODULE).images(made, name)


def _is_image(word: Word) -> bool:
    """Whether an attribute says image, or is the default of a variable that does."""
    block = word.block
    if block.word == "variable" and word.key == "default":
        return word.kind == "text" and says_image(block.labels[0] if block.labels else "")
    if word.key == "name" and _DOCKER_IMAGE in block.labels[:1]:
        return True
    return says_image(word.key)


def _found(text: Text, word: Word) -> Found | None:
    around = list(word.block.around())
    is_written = len(around) > 1 and around[-2].word in _WRITTEN and not text.file_name.endswith(".tfvars")
    refusal = None if is_written else MODULE
    written = text.content[word.start : word.end]
    is_container = word.key == "image" and any(
        _CONTAINERS & {block.word, *block.labels[:1]} for block in around
    )
    if (is_container or word.key == "name") and Reference.parse_or_none(written) is not None:
        return place(text, word.start, word.end, name, refusal)
    return literal(text, word.start, word.end, name, refusal)
