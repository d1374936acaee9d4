"""Drone and Woodpecker pipelines: images of steps, services and clones.

Files are known by their names (``.drone.yml``, ``.woodpecker.yml``, what lies in ``.woodpecker/``): both
tools read no other.  ``steps``, ``services`` and ``clone`` are lists or mappings of containers; before
Woodpecker 1.0 and Drone 1.0 the steps stood below ``pipeline``.  ``${VAR}`` is set by the tool when it
starts a pipeline.  Follows the pipeline references of Drone and Woodpecker.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark, Text
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "drone"
summary = "Drone and Woodpecker pipelines: images of steps, services and clones"
marks: tuple[Mark, ...] = ("image",)

_NAME = lazy_regex(r"\.?(?:drone|woodpecker)(?:[._-].*)?\.ya?ml", re.IGNORECASE)
_FOLDERS = (".woodpecker/", ".drone/")
_SECTIONS = ("steps", "pipeline", "services", "clone")
VARIABLE = "a variable of the pipeline"


def matches_name(text: Text) -> bool:
    """Take files by their name or folder."""
    path = text.path
    if path.startswith(_FOLDERS) or any(f"/{folder}" in path for folder in _FOLDERS):
        return True
    return _NAME.fullmatch(text.file_name) is not None


def claims(document: Document) -> bool:
    """Take documents with a section of containers; other kinds of Drone's documents have none."""
    return document.top.get("apiVersion") is None and any(True for _ in _containers(document))


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every section."""
    for container in _containers(document):
        image = container.get("image")
        found = required(image, name, variables=VARIABLE) if image is not None else None
        if found is not None:
            yield found


def _containers(document: Document) -> Iterator[Node]:
    for key in _SECTIONS:
        section = document.top.get(key)
        if section is not None:
            yield from section.items()
            yield from (container for _, container in section.entries())
