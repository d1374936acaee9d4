"""Build lists (``--from``, ``[lock] from``): image IDs that no scan of the files can recompute.

Each line is ``name[:tag]@digest``; where it stands becomes the entry's ``source``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from glob import glob, has_magic
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.files import decode, read_bytes
from imagelock.lockfile import parse_list
from imagelock.model.digest import same_digest
from imagelock.model.lock import Source
from imagelock.model.outcome import finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from imagelock.model.lock import LockedImage
    from imagelock.model.outcome import Finding
    from imagelock.ops.project import Project


@dataclass(frozen=True, slots=True)
class Listed:
    """What the lists say: the images with their source, the lists read, and where they disagree."""

    images: tuple[LockedImage, ...] = ()
    origins: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()


def read_lists(project: Project, given: Sequence[str]) -> Listed:
    """Read every list; the order of files does not matter.

    ``given`` are paths or globs relative to the directory; without any, those of the configuration,
    relative to the project's root.  Raises :class:`FileError` for one that is not there, and
    :class:`~imagelock.errors.LockError` with the line of an entry without a digest.
    """
    base = project.directory if given else project.root
    paths = {path for pattern in given or project.config.lock_from for path in _paths(base, pattern)}
    images: list[LockedImage] = []
    origins = set()
    for path in sorted(paths):
        origin = path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else path.name
        origins.add(origin)
        entries = parse_list(decode(read_bytes(path)), project.shown(path)).images
        if not entries:
            raise FileError("the list names no image", where=project.shown(path))
        images += [replace(image, source=Source(origin=origin)) for image in entries]
    agreed, findings = _agree(images)
    return Listed(tuple(agreed), frozenset(origins), tuple(findings))


def _paths(base: Path, pattern: str) -> Iterable[Path]:
    if not has_magic(pattern):
        return [base / pattern]
    names = glob(pattern, root_dir=base, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = [base / name for name in names]
    files = [path for path in found if path.is_file()]
    if not files:
        raise FileError("no file matches this list", where=pattern)
    return files


def _agree(images: Iterable[LockedImage]) -> tuple[list[LockedImage], list[Finding]]:
    """Take each image once, from the first list in order; two digests for one tag are a finding."""
    first: dict[tuple[str, str], LockedImage] = {}
    findings = []
    for image in images:
        known = first.setdefault((image.name, image.tag or str(image.digest)), image)
        if not same_digest(known.digest, image.digest):
            findings.append(_two_digests(known, image))
    return list(first.values()), findings


def _two_digests(one: LockedImage, other: LockedImage) -> Finding:
    return finding(
        "IL104",
        f"the lists give two digests for {one.reference}",
        reference=one.reference,
        notes=[f"{image.source.origin if image.source else ''}: {image.digest}" for image in (one, other)],
        hint="keep the one that is meant",
    )
