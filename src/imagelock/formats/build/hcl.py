"""Files in HashiCorp's configuration language: Nomad jobs and Docker bake files.

Known by their names (``*.nomad``, ``*.nomad.hcl``, ``docker-bake*.hcl`` and ``.json``).  Read: ``image = "…"``
in ``config`` of a Nomad task that docker, podman or containerd runs, never in heredocs or ``meta``, and
``docker-image://`` in the contexts of a bake target, whose ``tags`` are what it builds.  Variables lead to their
defaults in the same file; every other ``${…}`` is filled in by the tool.  Follows the docker driver of Nomad's and
the bake file reference of Docker's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.hcl_names import VARIABLE, Names, has_names
from imagelock.formats.classify.quoted import words as quoted
from imagelock.formats.syntax.hcl_text import words
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.syntax.hcl_text import Word
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "hcl"
summary = "Nomad jobs: images of tasks; Docker bake files: images that contexts are taken from"

_NOMAD = lazy_regex(r".*\.nomad(?:\.hcl)?(?:\.tpl)?")
_BAKE = lazy_regex(r"docker-bake(?:[-_.].*)?\.(?:hcl|json)")
_CONFIG = "config"
_DRIVERS = ("docker", "podman", "containerd")
_SCHEMES = ("docker-image://", "docker://")
_CONTEXT = _SCHEMES[0]


def claims(text: Text) -> bool:
    """Take files by their name."""
    file_name = text.file_name
    if ".nomad" not in file_name and not file_name.startswith("docker-bake"):
        return False
    return any(pattern.fullmatch(file_name) is not None for pattern in (_NOMAD, _BAKE))


def find(text: Text) -> Iterator[Found]:
    """Yield the images of tasks or contexts."""
    known = words(text.content)
    is_bake = _BAKE.fullmatch(text.file_name) is not None
    images = [word for word in known if _is_context(text, word) or (not is_bake and _is_task_image(word))]
    made: list[tuple[Word, int]] = []
    for word in images:
        written = text.content[word.start : word.end]
        prefix = next((len(scheme) for scheme in _SCHEMES if written.startswith(scheme)), 0)
        if has_names(text, word):
            made.append((word, prefix))
        elif word.start + prefix < word.end:
            yield quoted(text, word.start + prefix, word.end, name, variables=VARIABLE)
    yield from _made(text, known, made)


def _made(text: Text, known: Sequence[Word], made: Sequence[tuple[Word, int]]) -> Iterator[Found]:
    if made:
        yield from Names(text, known).images(made, name)


def _is_context(text: Text, word: Word) -> bool:
    return word.kind == "text" and text.content.startswith(_CONTEXT, word.start)


def _is_task_image(word: Word) -> bool:
    """Whether a word is the image of ``config`` in a task whose driver runs containers."""
    if word.kind == "heredoc" or word.key != "image" or word.block.word != _CONFIG:
        return False
    task = word.block.parent
    driver = "" if task is None else task.attributes.get("driver", "")
    return not driver or driver.startswith(_DRIVERS)
