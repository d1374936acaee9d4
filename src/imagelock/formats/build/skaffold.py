"""Skaffold: builders and base images that a configuration names.

Read: ``builder`` and ``runImage`` of ``buildpacks``, ``fromImage`` of ``jib``, ``image`` and ``initImage`` of
``kaniko``, and the containers of ``verify`` and ``customActions``.  The names of artifacts are what Skaffold
builds, wherever they stand.  Follows the reference of skaffold.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required, skipped
from imagelock.formats.classify.objects import group_of, kind_of
from imagelock.model.place import SkipKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "skaffold"
summary = "Skaffold: builders, run images and base images; the artifacts it builds are reported"
marks: tuple[Mark, ...] = ("skaffold/",)

_KEYS = {
    "buildpacks": ("builder", "runImage"),
    "jib": ("fromImage",),
    "kaniko": ("image", "initImage"),
    "container": ("image",),
}
BUILT = "the name of an image that Skaffold builds"
VARIABLE = "a template of Skaffold"


def claims(document: Document) -> bool:
    """Take Skaffold's configurations."""
    return group_of(document.top) == "skaffold" and kind_of(document.top) == "Config"


def find(document: Document) -> Iterator[Found]:
    """Yield what the configuration takes from elsewhere, and tell what it builds."""
    top = document.top
    artifacts = [
        image
        for _, listed in top.values_of("artifacts")
        for item in listed.new_items("artifact")
        if (image := item.get("image")) is not None
    ]
    built = {image.text for image in artifacts}
    yield from (skipped(image, BUILT, name, SkipKind.BUILT) for image in artifacts if image.text)
    for key, value in top.values_of(*_KEYS):
        for part in _KEYS[key]:
            yield from _image(value.get(part), built)
    for _, containers in top.values_of("containers"):
        for container in containers.new_items("container"):
            yield from _image(container.get("image"), built)


def _image(node: Node | None, built: set[str | None]) -> Iterator[Found]:
    if node is None or not node.scalar:
        return
    found = (
        skipped(node, BUILT, name, SkipKind.BUILT)
        if node.text in built
        else required(node, name, variables=VARIABLE)
    )
    if found is not None:
        yield found
