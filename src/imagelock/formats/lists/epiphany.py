"""Read Epiphany's three kinds of lists as requirements: the image, and what the list says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.classify.candidates import required
from imagelock.formats.lists import epiphany_images, epiphany_registry, epiphany_text
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, Unreadable
from imagelock.model.requirement import ARCHITECTURES, Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found

    Read: TypeAlias = "Requirement | Found"

# The path names the architecture as a word of its own: `x86_64/images.yml`, `images-aarch64.yml`.
_ARCHITECTURE = lazy_regex(rf"(?:^|[/._-])(?P<name>{'|'.join(ARCHITECTURES)})(?=[/._-]|$)")


def requirements(text: Text) -> Iterator[Read]:
    """Yield the requirements of a text of any kind, and in their place what is damaged or cannot be read."""
    if epiphany_text.claims(text):
        for found in epiphany_text.find(text):
            yield _requirement(text, found)
        return
    for chunk in chunks(text):
        try:
            document = compose(text, chunk)
        except FormatError as error:
            yield Unreadable(
                line=error.line, column=error.column, reason=error.message, hint=error.hint, format="yaml"
            )
            continue
        if document is not None:
            yield from _document(text, document)


def architecture_of(path: str) -> str | None:
    """Return the architecture that a path names (``x86_64/images.yml``), the last if several."""
    found = [match["name"] for match in _ARCHITECTURE.finditer(path)]
    return found[-1] if found else None


def _document(text: Text, document: Document) -> Iterator[Read]:
    if epiphany_registry.claims(document):
        for item in epiphany_registry.entries(document):
            found = required(item.image, epiphany_registry.name)
            if found is not None:
                yield _requirement(
                    text,
                    found,
                    group=item.group,
                    architecture=item.architecture,
                    file_name=item.file_name,
                    is_loaded=True,
                )
    elif epiphany_images.claims(document):
        for entry in epiphany_images.entries(document):
            found = required(entry.image, epiphany_images.name)
            if found is not None:
                yield _requirement(
                    text, found, group=entry.group, sha1=entry.sha1, allow_mismatch=entry.allow_mismatch
                )


def _requirement(  # noqa: PLR0913 - the fields of a requirement, all by name
    text: Text,
    found: Found,
    *,
    group: str | None = None,
    architecture: str | None = None,
    sha1: str | None = None,
    allow_mismatch: bool = False,
    file_name: str | None = None,
    is_loaded: bool = False,
) -> Read:
    if not isinstance(found, Place):
        return found
    return Requirement(
        reference=found.reference,
        file=text.path,
        line=found.line,
        column=found.column,
        group=group,
        architecture=architecture if is_loaded else architecture_of(text.path),
        sha1=sha1,
        allow_mismatch=allow_mismatch,
        file_name=file_name,
        is_loaded=is_loaded,
    )
