"""Buildkite pipelines: the images of docker plugins.

Read: ``image`` of ``docker#…`` plugins of steps, those of groups included; the images of ``docker-compose#…``
are in a file of their own.  ``$VAR`` is set by the agent.  Follows the plugins of
Buildkite's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "buildkite"
summary = "Buildkite pipelines: images of docker plugins"
marks: tuple[Mark, ...] = ("docker#",)

# Only the docker plugin runs an image; other plugins of the same step take settings of that name.
_PLUGIN = lazy_regex(r"(?:.*/)?docker(?:-buildkite-plugin)?#.+")
VARIABLE = "a variable of the pipeline"


def claims(document: Document) -> bool:
    """Take documents with steps of which one uses a docker plugin."""
    return document.top.get("steps") is not None and any(True for _ in _plugins(document))


def _plugins(document: Document) -> Iterator[Node]:
    for _, plugins in document.top.values_of("plugins"):
        for owner in (plugins, *plugins.items()):
            yield from (body for key, body in owner.entries() if _PLUGIN.fullmatch(key) is not None)


def find(document: Document) -> Iterator[Found]:
    """Yield the image of each docker plugin."""
    for plugin in _plugins(document):
        image = plugin.get("image")
        found = required(image, name, variables=VARIABLE) if image is not None else None
        if found is not None:
            yield found
