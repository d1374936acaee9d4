"""Dockerfiles: the base images that they make of build arguments, for those who give the arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.build import dockerfile
from imagelock.formats.relations.base import AsksFor
from imagelock.formats.syntax.dockerfile_text import base_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Text


def may_say(text: Text) -> bool:
    """Take Dockerfiles with arguments in them."""
    return "file" in text.file_name.lower() and "ARG" in text.content and dockerfile.claims(text)


def says_of_text(text: Text) -> Iterator[Statement]:
    """Yield the images of ``FROM`` lines that variables stand in."""
    images = tuple(base_images(text.content))
    if images:
        yield AsksFor(images)
