"""What other files of a project say about one file: how it is read, and what becomes of the names in it.

These values are made by :mod:`imagelock.ops.scan.context` and handed to the formats with the text; a format
reads no other file itself.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """One entry of Kustomize's ``images``: what it makes of a name, and the file that says so.

    ``tag`` and ``digest`` are what the entry sets; ``has_suffix`` says that it only puts something behind the tag,
    which drops a digest.
    """

    name: str
    by: str
    new_name: str = ""
    tag: str = ""
    digest: str = ""
    has_suffix: bool = False

    @property
    def decides(self) -> bool:
        """Whether the entry decides the version, so that the one in the resource does not count."""
        return bool(self.tag or self.digest)

    @property
    def result(self) -> str:
        """The reference that the entry makes, as far as it decides."""
        tag = f":{self.tag}" if self.tag else ""
        return (self.new_name or self.name) + tag + (f"@{self.digest}" if self.digest else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A name that a tool gives to an image it builds; without a tag any tag of it is meant."""

    name: str
    by: str
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """A text that means an image once its variables are filled in, and the file that has it."""

    text: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContext:
    """Everything that other files say about a file.

    ``read_as`` names the format that the file is read by, ``because`` the file that says so.  ``renamed`` has,
    for each way in which the file is deployed, the entries that its names pass, the innermost first.
    ``values`` are those of variables that are set elsewhere, with the file that sets them; ``uses`` are the images
    that others make of the variables this file sets, ``other_uses`` are variables with what else they are used for.
    ``value_keys`` are objects that hold texts, each with a key whose text is the values of a release.
    ``arguments`` are Dockerfiles, by their path from here, with the base images they make of build arguments.
    """

    read_as: str | None = None
    because: str = ""
    renamed: tuple[tuple[Renaming, ...], ...] = ()
    built: tuple[Built, ...] = ()
    values: tuple[tuple[str, str, str], ...] = ()
    uses: tuple[Use, ...] = ()
    other_uses: tuple[tuple[str, str], ...] = ()
    arguments: tuple[tuple[str, str], ...] = ()
    value_keys: tuple[tuple[str, str], ...] = ()

    @property
    def changes_reading(self) -> bool:
        """Whether the file has to be read again: what becomes of its names is told from what was found."""
        return self.read_as is not None or bool(self.values or self.uses or self.arguments or self.value_keys)
