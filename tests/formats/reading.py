"""What a text holds, in the fewest words, for the tests of the formats."""

from __future__ import annotations

from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Damaged, Place, Skipped

DIGEST = Digest.of(b"made up")


def places(content: str, path: str) -> list[Place]:
    """Return the places of a text."""
    return [item for item in find(Text(path, content)) if isinstance(item, Place)]


def references(content: str, path: str) -> list[str]:
    """Return the references of a text in the order of the file."""
    return [str(place.reference) for place in places(content, path)]


def reasons(content: str, path: str) -> dict[str, str]:
    """Return what was skipped, with the reason."""
    return {item.text: item.reason for item in find(Text(path, content)) if isinstance(item, Skipped)}


def damage(content: str, path: str) -> list[str]:
    """Return the damaged texts."""
    return [item.text for item in find(Text(path, content)) if isinstance(item, Damaged)]


def refusals(content: str, path: str) -> dict[str, str | None]:
    """Return the references that cannot be pinned, with the reason."""
    return {str(place.reference): place.refusal for place in places(content, path) if not place.pinnable}


def pinned(content: str, path: str) -> str:
    """Return the text with every place that can be pinned pinned, and a short name for the digest."""
    found = [place for place in places(content, path) if place.pinnable]
    wanted = [(place, place.reference.with_digest(DIGEST)) for place in found]
    return fill(Text(path, content), wanted).replace(str(DIGEST), "DIGEST")
