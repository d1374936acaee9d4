"""What tests of formats ask of a text: what is found in it, and the text after pinning and unpinning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.edit.splice import fill
from imagelock.formats.scan import find
from imagelock.model.digest import Digest
from imagelock.model.place import Place, Skipped

if TYPE_CHECKING:
    from imagelock.formats.syntax.text import Text

DIGEST = Digest.of(b"made up")
OLD = Digest.of(b"an older one")


def places(text: Text) -> list[Place]:
    """Return the references of a text."""
    return [item for item in find(text) if isinstance(item, Place)]


def references(text: Text) -> list[str]:
    """Return the references as written or joined."""
    return [str(place.reference) for place in places(text)]


def reasons(text: Text) -> list[tuple[str, str]]:
    """Return what was skipped, with the reason."""
    return [(item.text, item.reason) for item in find(text) if isinstance(item, Skipped)]


def pinned(text: Text) -> str:
    """Return the text with a made-up digest in every place that can be pinned."""
    wanted = [(item, item.reference.with_digest(DIGEST)) for item in places(text) if item.pinnable]
    return fill(text, wanted)


def unpinned(text: Text) -> str:
    """Return the text with every digest taken away that stands beside a tag."""
    pinnable = [item for item in places(text) if item.pinnable]
    return fill(text, [(item, item.reference.with_tag(item.reference.tag)) for item in pinnable])
