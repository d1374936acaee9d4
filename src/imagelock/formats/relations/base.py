"""Statements: what one file says about others.  Paths are as written there; resolving them is the caller's.

A collector is a module with ``may_say``, a cheap test of a text's name and words, and ``says``, which yields
statements of one document of it (or ``says_of_text`` of the whole text, where that is no YAML).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document
    from imagelock.model.context import Renaming


@dataclass(frozen=True, slots=True)
class ReadAs:
    """A file is of a format, whatever its name; ``anywhere`` lets the path begin in any folder above as well."""

    path: str
    format: str
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class Contains:
    """A kustomization has a file or a folder among its resources; a component changes what is beside it."""

    path: str
    is_component: bool = False


@dataclass(frozen=True, slots=True)
class Renames:
    """A kustomization replaces names in everything that it contains."""

    entries: tuple[Renaming, ...]


@dataclass(frozen=True, slots=True)
class Deploys:
    """A folder is deployed with these entries applied to it, the outermost of all."""

    path: str
    entries: tuple[Renaming, ...]


@dataclass(frozen=True, slots=True)
class Builds:
    """A tool builds an image of this name; ``reach`` is where the name then means what was built."""

    name: str
    tag: str | None
    reach: str


@dataclass(frozen=True, slots=True)
class Generates:
    """A kustomization makes an object of this name with the content of a file under a key."""

    name: str
    key: str
    path: str


@dataclass(frozen=True, slots=True)
class Holds:
    """A file has an object of this name that holds texts, a ConfigMap or a Secret."""

    name: str


@dataclass(frozen=True, slots=True)
class TakesValues:
    """A release takes values from an object of this name under a key."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Interpolates:
    """A Compose file fills variables from files, the first that has one: images, and other texts with variables.

    ``files`` are read for filling in, ``container_files`` also reach the environment of containers.
    """

    images: tuple[str, ...]
    others: tuple[tuple[str, str], ...]
    files: tuple[str, ...]
    container_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildsFrom:
    """A build of a Dockerfile is given arguments, by name."""

    dockerfile: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AsksFor:
    """A Dockerfile makes its base images of arguments: texts with variables."""

    images: tuple[str, ...]


Statement: TypeAlias = (
    ReadAs
    | Contains
    | Renames
    | Deploys
    | Builds
    | Generates
    | Holds
    | TakesValues
    | Interpolates
    | BuildsFrom
    | AsksFor
)

FOLDER, FILE, PROJECT = "folder", "file", "project"
"""How far a built name reaches: the folder of the file that says so and below, the file alone, everything."""


class Collector(Protocol):
    """One tool whose files say something about other files."""

    def may_say(self, text: Text) -> bool:
        """Whether it is worth parsing the text."""

    def says(self, document: Document) -> Iterator[Statement]:
        """Yield what one document says."""


class TextCollector(Protocol):
    """One tool whose files are read by their words."""

    def may_say(self, text: Text) -> bool:
        """Whether it is worth reading the text."""

    def says_of_text(self, text: Text) -> Iterator[Statement]:
        """Yield what the text says."""
