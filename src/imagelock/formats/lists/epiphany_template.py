"""Images in the templates of Epiphany's roles: behind the address of the site's registry, or as they are.

``sandbox_image = "{{ image_registry_address }}/k8s.gcr.io/pause:3.5"`` means ``k8s.gcr.io/pause:3.5``, pulled from
where it was loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.by_value import is_image
from imagelock.formats.scan import find
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, Skipped
from imagelock.model.reference import Reference
from imagelock.model.requirement import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text

_BEHIND = lazy_regex(
    r"\{\{[^{}\n]{1,200}\}\}/(?P<image>[a-z0-9][a-z0-9._/-]*(?::[0-9]+/[a-z0-9._/-]+)?:[\w][\w.-]{0,127}"
    r"(?:@sha256:[0-9a-f]{64})?)(?=[\"'\s,;\]})]|\Z)"
)


def template_images(text: Text) -> Iterator[Requirement]:
    """Yield the images that a template names, each once, in its order."""
    found: dict[str, Requirement] = {}
    for match in _BEHIND.finditer(text.content):
        line, column = text.position(match.start("image"))
        reference = Reference.parse_or_none(match["image"])
        if reference is not None and not _is_commented(text.content, match.start()):
            found.setdefault(reference.canonical, _requirement(text, reference, line, column))
    for item in find(text):
        reference = item.reference if isinstance(item, Place) else None
        if isinstance(item, Skipped) and is_image(item.text):
            reference = Reference.parse_or_none(item.text)
        if reference is not None:
            found.setdefault(reference.canonical, _requirement(text, reference, item.line, item.column))
    return iter(sorted(found.values(), key=lambda item: (item.line, item.column)))


def _requirement(text: Text, reference: Reference, line: int, column: int) -> Requirement:
    return Requirement(reference=reference, file=text.path, line=line, column=column, is_loaded=True)


def _is_commented(content: str, at: int) -> bool:
    start = content.rfind("\n", 0, at) + 1
    return content[start:at].lstrip().startswith(("#", "//"))
