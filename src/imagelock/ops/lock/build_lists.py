"""Read build lists (``--from``, ``[lock] from``, ``[build]``): image IDs that a scan of the files cannot recompute.

Each line is ``name[:tag]@digest``; where it is becomes the entry's ``source``.  ``[build] images`` lists
the repositories that a pipeline builds, ``[build] references`` what its jobs recorded: the two must name the
same, but for what the lock already has (a partial pipeline keeps what it did not rebuild).
"""

from __future__ import annotations

import fnmatch
import itertools
import os
from dataclasses import dataclass, field, replace
from glob import glob, has_magic
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import FileError, LockError
from imagelock.files import decode, read_bytes
from imagelock.lockfile.reader import list_lines, parse_list
from imagelock.model.digest import same_digest
from imagelock.model.lock import LATEST, LockedImage, Source
from imagelock.model.outcome import finding
from imagelock.model.selection import ORIGIN as SELECTED
from imagelock.paths import LEADS_OUT, leads_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from imagelock.model.lock import Lock
    from imagelock.model.outcome import Finding
    from imagelock.model.reference import Reference
    from imagelock.ops.project import Project

_RECORDS = "image_references"
"""The folder whose files are records of builds wherever it is, as the format of image lists has it."""


@dataclass(frozen=True, slots=True)
class ListedLine:
    """One line of a list, with the file as messages show it and as the lock names it."""

    reference: Reference
    file: str
    number: int
    origin: str
    is_record: bool

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.number}"

    @property
    def tag(self) -> str | None:
        """The tag, which is ``latest`` where neither tag nor digest is written."""
        return self.reference.pulled_tag


@dataclass(frozen=True, slots=True)
class Built:
    """What the pipeline builds: each repository with its line, and the records of this run by repository."""

    repositories: Mapping[str, ListedLine]
    records: Mapping[str, ListedLine]
    patterns: tuple[str, ...]

    def disagreements(self, lock: Lock) -> Iterator[Finding]:
        """Yield the records of what is not listed, and the listed that no one ever recorded (IL121)."""
        lists = ", ".join(sorted({line.file for line in self.repositories.values()}))
        for name in sorted(self.records.keys() - self.repositories.keys()):
            yield _mismatch(
                self.records[name],
                f"{name} was recorded, but is not listed in {lists}",
                f"add {name} to {lists}",
            )
        for name in sorted(self.repositories.keys() - self.records.keys()):
            if not lock.named(name):
                yield _mismatch(
                    self.repositories[name],
                    f"{name} is listed, but was neither recorded nor locked",
                    f"run `imagelock record {name}:TAG@DIGEST` in the job that builds it",
                )

    def kept(self, lock: Lock) -> tuple[str, ...]:
        """Report which listed images were not rebuilt and stay as the lock has them."""
        names = sorted(self.repositories.keys() - self.records.keys())
        kept = [image.reference for name in names for image in lock.named(name)]
        return (f"not rebuilt, kept as locked: {', '.join(kept)}",) if kept else ()

    def is_outdated(self, image: LockedImage) -> bool:
        """Whether an entry comes from a record of an earlier run that this run's lists speak against."""
        origin = image.source.origin if image.source is not None else ""
        if not _is_record(origin, self.patterns):
            return False
        return image.name in self.records or image.name not in self.repositories


@dataclass(frozen=True, slots=True)
class ListedImage:
    """What the lists say: the images with their source, the lists read, and where they disagree.

    ``open`` are listed without a digest, to be resolved; ``built`` is None where no ``[build] images`` counts.
    """

    images: tuple[LockedImage, ...] = ()
    origins: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    open: Mapping[tuple[str, str], Source] = field(default_factory=dict)
    built: Built | None = None
    selected: bool = False
    """Whether ``open`` has all that ``[[mirror.select]]`` chose, so that what it chose before and is not there goes."""
    own: frozenset[str] = frozenset()
    """The repositories of ``[build] images``: their digests come from records alone, whatever a registry has."""

    @property
    def keys(self) -> frozenset[tuple[str, str]]:
        """The name with the tag (the digest, without one) of everything that is listed."""
        return frozenset(
            {*((image.name, image.tag or str(image.digest)) for image in self.images), *self.open}
        )

    def has_left(self, image: LockedImage) -> bool:
        """Whether an entry that is in no list now came from a list that was read."""
        if image.source is None:
            return False
        if image.source.origin.startswith(SELECTED):
            return self.selected
        return image.source.origin in self.origins or (
            self.built is not None and self.built.is_outdated(image)
        )


def read_lists(project: Project, given: Sequence[str], *, resolve_external: bool = False) -> ListedImage:
    """Read every list; the order of files does not matter.

    ``given`` are paths, folders or globs relative to the directory; without any, those of the configuration,
    relative to the project's root.  Raises :class:`FileError` for one that is not there or names no image,
    and :class:`~imagelock.errors.LockError` with the line of an entry without a digest, unless
    ``resolve_external`` leaves those of lists that are not records to be resolved.
    """
    config = project.config
    base = project.directory if given else project.root
    for pattern in () if given else (*config.lock_from, *config.build_references):
        project.configured(_fixed_part(pattern))
    paths = {path for pattern in given or config.lock_from for path in _paths(base, pattern)}
    if not given:
        # Nothing recorded is not a mistake here: a pipeline may have rebuilt nothing.
        paths |= {path for pattern in config.build_references for path in _files(base, pattern)}
    for path in paths:
        _require_own(project, path, is_configured=not given)
    lines = [
        line for path in sorted(paths) for line in _read(project, path, resolve_external=resolve_external)
    ]
    with_digest = [line for line in lines if line.reference.digest is not None]
    without = [line for line in lines if line.reference.digest is None]
    agreed, findings = _agree(with_digest)
    images = {(image.name, image.tag) for image in agreed}
    built = _built(project, lines) if config.build_images else None
    return ListedImage(
        images=tuple(agreed),
        origins=frozenset(line.origin for line in lines),
        findings=tuple(findings),
        open={
            (line.reference.name, line.tag or LATEST): Source(origin=line.origin)
            for line in reversed(without)
            if (line.reference.name, line.tag) not in images
        },
        built=built if _has_records(project, lines, given) else None,
        own=frozenset(built.repositories if built is not None else ()),
    )


def _fixed_part(pattern: str) -> str:
    """Return the folders of a glob that come before its first wildcard: where looking begins."""
    parts = pattern.split("/")
    fixed = itertools.takewhile(lambda part: not has_magic(part), parts)
    return "/".join(fixed) or "."


def _require_own(project: Project, path: Path, *, is_configured: bool) -> None:
    """Refuse a list outside the project that a link, or a configuration found in the tree, leads to."""
    if is_configured:
        project.configured(os.path.relpath(path, project.root))
    elif leads_out(path, project.root) and not project.settings.trust_config:
        raise FileError(LEADS_OUT, where=project.shown(path), hint="--trust-config follows it")


def _has_records(project: Project, lines: Iterable[ListedLine], given: Sequence[str]) -> bool:
    """Whether this run knows what was recorded: lists given by hand may leave the records out."""
    return (not given and bool(project.config.build_references)) or any(line.is_record for line in lines)


def _read(project: Project, path: Path, *, resolve_external: bool) -> list[ListedLine]:
    shown = project.shown(path)
    origin = path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else path.name
    text = decode(read_bytes(path))
    is_record = _is_record(origin, project.config.build_references)
    lines = [
        ListedLine(reference, shown, number, origin, is_record)
        for number, reference in list_lines(text, shown)
    ]
    if not lines:
        raise FileError("the list names no image", where=shown)
    if not resolve_external or is_record:
        # It names what disagrees, and what has no digest, by their lines.
        _check(text, shown, is_record=is_record)
    return lines


def _check(text: str, shown: str, *, is_record: bool) -> None:
    try:
        parse_list(text, shown)
    except LockError as error:
        if is_record or not error.message.endswith("has no digest"):
            raise
        hint = f"{error.hint}, or use --resolve-external to take the registry's digest"
        raise LockError(error.message, where=error.where, hint=hint) from error


def _is_record(origin: str, patterns: Iterable[str]) -> bool:
    """Whether a path (from the project's root) is a record of a build."""
    return _RECORDS in origin.split("/")[:-1] or any(
        fnmatch.fnmatchcase(origin, form) for pattern in patterns for form in (pattern, f"{pattern}/*")
    )


def _paths(base: Path, pattern: str) -> list[Path]:
    """Return the files that must be there: a file itself, or what a glob or folder holds."""
    if not has_magic(pattern) and not (base / pattern).is_dir():
        return [base / pattern]
    files = _files(base, pattern)
    if not files:
        raise FileError("no file matches this list", where=pattern)
    return files


def _files(base: Path, pattern: str) -> list[Path]:
    """Return the files a pattern names, those of folders at any depth included; hidden ones are none."""
    names = glob(pattern, root_dir=base, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = [base / name for name in names]
    inside = [path for folder in found if folder.is_dir() for path in _below(folder)]
    return [path for path in (*found, *inside) if path.is_file() and not _is_hidden(path, base)]


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder at any depth; what vanishes or cannot be listed meanwhile holds none."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _is_hidden(path: Path, base: Path) -> bool:
    parts = path.relative_to(base).parts if path.is_relative_to(base) else path.parts[-1:]
    return any(part.startswith(".") and part not in (".", "..") for part in parts)


def _agree(lines: Iterable[ListedLine]) -> tuple[list[LockedImage], list[Finding]]:
    """Take each image once, from the first list in order; two digests for one tag are a finding."""
    first: dict[tuple[str, str], tuple[ListedLine, LockedImage]] = {}
    findings = []
    for line in lines:
        reference = line.reference
        if reference.digest is None:
            continue
        image = LockedImage(
            name=reference.name,
            tag=reference.tag,
            digest=reference.digest,
            source=Source(origin=line.origin),
        )
        known_line, known = first.setdefault((image.name, image.tag or str(image.digest)), (line, image))
        if not same_digest(known.digest, image.digest):
            findings.append(_two_digests((known_line, known), (line, image)))
    return [image for _, image in first.values()], findings


def _two_digests(*both: tuple[ListedLine, LockedImage]) -> Finding:
    line, image = both[0]
    return finding(
        "IL104",
        f"the lists give two digests for {image.reference}",
        reference=image.reference,
        file=line.file,
        line=line.number,
        notes=[f"{line.where}: {image.digest}" for line, image in both],
        hint="keep the right one",
    )


def _built(project: Project, lines: Iterable[ListedLine]) -> Built:
    repositories: dict[str, ListedLine] = {}
    for name in project.config.build_images:
        for line in _repositories(project, project.configured(name)):
            repositories.setdefault(line.reference.name, line)
    records: dict[str, ListedLine] = {}
    for line in lines:
        if line.is_record:
            records.setdefault(line.reference.name, line)
    return Built(repositories, records, project.config.build_references)


def _repositories(project: Project, path: Path) -> Iterator[ListedLine]:
    shown = project.shown(path)
    for number, reference in list_lines(decode(read_bytes(path)), shown):
        if reference.tag is not None or reference.digest is not None:
            raise FileError(
                f"{reference} is not just a repository",
                where=f"{shown}:{number}",
                hint=f"write {replace(reference, tag=None, digest=None)}",
            )
        yield ListedLine(reference, shown, number, shown, is_record=False)


def _mismatch(line: ListedLine, message: str, hint: str) -> Finding:
    return finding(
        "IL121", message, reference=line.reference.name, file=line.file, line=line.number, hint=hint
    )
