"""The protocols of a format: a module with a name, a test whether it knows a text, and a finder.

A *file format* reads a whole text (a Dockerfile, a list of images); a *document format* reads one
document of a YAML or JSON text, because one stream may hold a ClusterServiceVersion and a Deployment.
Adding one costs a module and a line in :mod:`imagelock.formats.all`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark, Text
    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found


class FileFormat(Protocol):
    """A format of whole files."""

    name: str
    summary: str

    def claims(self, text: Text) -> bool:
        """Whether this text is of this format, by its name or content."""

    def find(self, text: Text) -> Iterator[Found]:
        """Yield what the text holds; raise nothing, whatever the text."""


class DocumentFormat(Protocol):
    """A format of single YAML or JSON documents."""

    name: str
    summary: str

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What must be in the raw text, any one of these, or the document is not even parsed."""

    def claims(self, document: Document) -> bool:
        """Whether this document is of this format, by its content."""

    def find(self, document: Document) -> Iterator[Found]:
        """Yield what the document holds; raise nothing, whatever the document."""


class NamedFormat(DocumentFormat, Protocol):
    """A format of documents that only files of certain names or places hold.

    Its marks may be as common as ``image``: other files are not parsed for its sake.
    """

    def matches_name(self, text: Text) -> bool:
        """Whether the file's name or place allows this format."""
