"""Skaffold: the names of the images it builds, which it replaces in every manifest whatever their tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.objects import group_of
from imagelock.formats.relations.base import FOLDER, Builds, ReadAs
from imagelock.formats.values.split_reference import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document


def may_say(text: Text) -> bool:
    """Take Skaffold's configurations by their name."""
    return "skaffold" in text.file_name.lower() and "skaffold/" in text.content


def says(document: Document) -> Iterator[Statement]:
    """Yield the artifacts of the configuration and of its profiles, and the values files of its releases."""
    if group_of(document.top) != "skaffold":
        return
    for _, artifacts in document.top.values_of("artifacts"):
        for artifact in artifacts.items():
            if image := text_of(artifact.get("image")):
                yield Builds(image, None, FOLDER)
    for _, patches in document.top.values_of("patches"):
        # A profile adds artifacts by JSON patches.
        for patch in patches.items():
            image = text_of(patch.get("value", "image"))
            if image and text_of(patch.get("path")).startswith("/build/artifacts"):
                yield Builds(image, None, FOLDER)
    for _, files in document.top.values_of("valuesFiles"):
        yield from (ReadAs(item.text, "helm-values") for item in files.items() if item.text)
