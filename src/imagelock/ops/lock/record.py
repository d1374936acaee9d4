"""``record``: write the digests that a build job pushed, each into a small file of its own.

The file's name is made of the image and its digest, so jobs that run at the same time, or whose artifacts
meet in one folder, never overwrite each other; two digests of one tag are both there to be seen, and ``lock``
refuses them (IL104).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from imagelock.errors import FileChangedError, FileError, InvalidValueError, UsageError
from imagelock.files import Write, decode, encode, read_bytes, write_all
from imagelock.interchange.builds import READERS, read_digest, read_references
from imagelock.model.outcome import Change, Outcome
from imagelock.paths import require_own

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from imagelock.model.reference import Reference

FOLDER = "image_references"
_NAME_CHARS = 160
_HASH_CHARS = 12
_SEPARATORS = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a job hands in: references, files of build tools by the tool's name, digest files with images."""

    references: tuple[str, ...] = ()
    files: tuple[tuple[str, Path], ...] = ()
    digest_files: tuple[tuple[Path, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One file to write: its name, and the image ID that is its only line."""

    file_name: str
    reference: Reference

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return encode(f"{self.reference.canonical}\n")


def read_given(given: Given, directory: Path) -> list[Reference]:
    """Return every reference handed in, each with a digest, each once.

    Raises :class:`UsageError` for a wrong argument and :class:`FileError` for a wrong file.
    """
    found = [one for text in given.references for one in _argument(text)]
    for tool, path in given.files:
        found += _file(directory / path, str(path), READERS[tool])
    for path, image in given.digest_files:
        found += _file(directory / path, str(path), partial(read_digest, image=image))
    if not found:
        raise UsageError("nothing to record", hint="give a REFERENCE@DIGEST or a file from the build")
    return list({one.canonical: one for one in found}.values())


def plan(references: Iterable[Reference]) -> list[Record]:
    """Name the file of each reference."""
    return [Record(file_name(reference), reference) for reference in references]


def apply(records: Sequence[Record], folder: Path, root: Path) -> Outcome:
    """Write the records into a folder; what is there already stays.

    Raises :class:`FileError` where a symbolic link leads out of ``root``.
    """
    for record in records:
        require_own(folder / record.file_name, root)
    kept = [record for record in records if _put(folder / record.file_name, record.data)]
    written = [record for record in records if record not in kept]
    return Outcome(
        command="record",
        changes=tuple(
            Change(reference=_shown(record.reference), before=None, after=str(record.reference.digest))
            for record in written
        ),
        summary={"recorded": len(written), "kept": len(kept)},
        images=tuple(_shown(record.reference) for record in records),
    )


def file_name(reference: Reference) -> str:
    """Return ``<name>-<short hash>.txt``: the image readable, the hash of the whole ID for uniqueness."""
    readable = _SEPARATORS.sub("-", _shown(reference))[:_NAME_CHARS].rstrip("-.")
    short = hashlib.sha256(reference.canonical.encode()).hexdigest()[:_HASH_CHARS]
    return f"{readable}-{short}.txt"


def _shown(reference: Reference) -> str:
    return reference.name if reference.tag is None else f"{reference.name}:{reference.tag}"


def _argument(text: str) -> list[Reference]:
    try:
        return read_references(text)
    except InvalidValueError as error:
        raise UsageError(error.message, where=text, hint=error.hint or "write name[:tag]@sha256:…") from error


def _file(path: Path, shown: str, reader: Callable[[str], list[Reference]]) -> list[Reference]:
    text = decode(read_bytes(path))
    try:
        found = reader(text)
    except InvalidValueError as error:
        raise FileError(error.message, where=shown, hint=error.hint) from error
    if not found:
        raise FileError("it does not name an image", where=shown)
    return found


def _put(path: Path, data: bytes) -> bool:
    """Write one record; whether it was there already, perhaps from another job at this very moment."""
    before = read_bytes(path) if path.exists() else None
    try:
        write_all([Write(path, before, data)])
    except FileChangedError:
        if read_bytes(path) != data:
            raise
        return True
    return before == data
