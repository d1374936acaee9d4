"""Bitbucket pipelines: images of the file, of steps and services, and ``docker://`` pipes.

``image`` is a text or a mapping with ``name``, wherever it is: at the top, in a step, in
``definitions``.  Other pipes name repositories.  Follows Bitbucket's pipelines configuration reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required, required_behind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found

name = "bitbucket-pipelines"
summary = "Bitbucket pipelines: images of the file, of steps and services, docker:// pipes"
marks: tuple[Mark, ...] = ("\npipelines",)

_STARTS = ("default", "branches", "tags", "bookmarks", "pull-requests", "custom")
_PREFIX = "docker://"
VARIABLE = "a variable of the pipeline"


def claims(document: Document) -> bool:
    """Take documents whose ``pipelines`` say what starts them."""
    pipelines = document.top.get("pipelines")
    return pipelines is not None and any(pipelines.get(key) is not None for key in _STARTS)


def find(document: Document) -> Iterator[Found]:
    """Yield every image of the file."""
    for key, value in document.top.values_of("image", "pipe"):
        image = value.get("name") if value.is_mapping else value
        if image is None:
            continue
        if key == "image":
            found = required(image, name, variables=VARIABLE)
        else:
            found = required_behind(image, _PREFIX, name, variables=VARIABLE)
        if found is not None:
            yield found
