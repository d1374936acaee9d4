"""What programs call: scan, read a lock, resolve, lock, pin and check, as functions over values.

``import imagelock`` gives every name of :data:`__all__`.  These names, their parameters and the fields of what they
return keep their meaning within a major version; every other module may change.  All paths are relative to
``directory``; errors are :class:`ImagelockError` and its children.  Nothing is printed.

A configuration that is found in the directory is believed as far as the command line believes it: give
``trust_config=True`` only for a tree of your own (docs/concepts/trust.md).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import ImagelockError, RegistryError
from imagelock.files import decode, read_bytes
from imagelock.limits import LOCK_BYTES
from imagelock.lockfile.reader import parse
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage
from imagelock.model.outcome import Change, Finding, Outcome
from imagelock.model.reference import Reference
from imagelock.ops.lock.plan import LockRequest
from imagelock.ops.lock.resolve import ImageQuery, ResolutionFailure, ResolveOptions, resolve_all
from imagelock.ops.lock.run import run_lock
from imagelock.ops.lock.select import with_selected
from imagelock.ops.pin.run import run_edits
from imagelock.ops.pin.whole import plan_project
from imagelock.ops.project import Settings, open_project
from imagelock.ops.registry_access import OfflineReader, RegistryAccess
from imagelock.ops.scan.account import reason_of
from imagelock.ops.scan.collect import collect
from imagelock.ops.usage import read_lock_for
from imagelock.ops.verify.whole import check_project
from imagelock.ops.writing import WriteMode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.ops.project import Project
    from imagelock.ops.registry_access import RegistryReader

__all__ = [
    "Change",
    "Digest",
    "Finding",
    "FoundReference",
    "ImagelockError",
    "Lock",
    "LockedImage",
    "Options",
    "Outcome",
    "Reference",
    "RegistryError",
    "Scan",
    "SkippedText",
    "check",
    "lock",
    "pin",
    "read_lock",
    "resolve",
    "scan",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a project is opened, as the common options of the command line say it."""

    config: Path | None = None
    lock_file: Path | None = None
    trust_config: bool = False
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundReference:
    """One image reference and where it is; lines and columns count from 1, documents of a file from 0."""

    reference: Reference
    file: str
    line: int
    column: int
    document: int
    path: str
    format: str
    pinnable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedText:
    """A text that looks like an image and was not taken, with the reason.

    ``is_expected``: nothing is wrong with it (a template, a placeholder, a name that is built here).
    """

    text: str
    file: str
    line: int
    reason: str
    is_expected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a directory holds; ``findings`` are about files that could not be read whole."""

    references: tuple[FoundReference, ...]
    skipped: tuple[SkippedText, ...]
    findings: tuple[Finding, ...]


_DEFAULTS = Options()


def scan(directory: Path | str = ".", sources: Sequence[str] = (), *, options: Options = _DEFAULTS) -> Scan:
    """Return every image reference of the project, or of some sources in it; no registry is asked."""
    collection = collect(_project(directory, options), sources)
    return Scan(
        references=tuple(
            FoundReference(
                reference=use.reference,
                file=use.file.name,
                line=use.place.line,
                column=use.place.column,
                document=use.place.document,
                path=use.place.path,
                format=use.place.format,
                pinnable=use.place.pinnable,
            )
            for use in collection.all_uses
        ),
        skipped=tuple(
            SkippedText(
                text=item.text,
                file=file.name,
                line=item.line,
                reason=reason_of(collection, file, item),
                is_expected=item.kind.is_expected,
            )
            for file, item in collection.skipped
        ),
        findings=collection.problems,
    )


def read_lock(path: Path | str = "images.lock") -> Lock:
    """Return the lock, or a plain list of ``name[:tag]@digest``, of a file; :class:`LockError` says what is wrong."""
    return parse(decode(read_bytes(Path(path), LOCK_BYTES)), str(path))


def resolve(
    references: Sequence[str], directory: Path | str = ".", *, options: Options = _DEFAULTS
) -> Mapping[str, LockedImage | RegistryError]:
    """Return what each reference means now, hashed by us, or why that cannot be said.

    Mirrors and other settings of registries are those of the project in ``directory``.  A digest in a reference is
    proved to exist.  Raises :class:`InvalidValueError` for a text that is no reference.
    """
    project = _project(directory, options)
    parsed = {text: Reference.parse(text) for text in references}
    queries = {text: ImageQuery(item.name, item.pulled_tag, item.digest) for text, item in parsed.items()}
    with _reader(project) as reader:
        answers = resolve_all(
            reader,
            list(dict.fromkeys(queries.values())),
            ResolveOptions(platforms=project.config.platforms),
            jobs=project.settings.jobs,
        )
    found = ((text, answers[query]) for text, query in queries.items())
    return {text: item.error if isinstance(item, ResolutionFailure) else item for text, item in found}


def lock(
    directory: Path | str = ".",
    sources: Sequence[str] = (),
    *,
    upgrade: bool = False,
    write: bool = True,
    options: Options = _DEFAULTS,
) -> Outcome:
    """Resolve what the lock does not know (with ``upgrade`` everything) and write it, as ``imagelock lock`` does."""
    project = _project(directory, options)
    access = RegistryAccess(open_reader=lambda: _reader(project), jobs=project.settings.jobs)
    known = LockRequest(upgrade=upgrade, offline=options.offline, platforms=project.config.platforms)
    request = with_selected(project, known, access)
    return run_lock(project, collect(project, sources), request, access, WriteMode(write=write))


def pin(
    directory: Path | str = ".",
    sources: Sequence[str] = (),
    *,
    write: bool = True,
    options: Options = _DEFAULTS,
) -> Outcome:
    """Write the lock's digests into the files; with an error among the findings no file is changed.

    Without ``write`` the outcome says what would change.
    """
    project = _project(directory, options)
    collection = collect(project, sources)
    plan = plan_project(project, collection, read_lock_for(project, collection).lock, proves=write)
    return run_edits(project, plan, "pin", WriteMode(write=write))


def check(
    directory: Path | str = ".", sources: Sequence[str] = (), *, options: Options = _DEFAULTS
) -> Outcome:
    """Compare every reference with the lock, offline; ``outcome.exit_code()`` is the command's."""
    project = _project(directory, options)
    return check_project(project, collect(project, sources), sources).outcome


def _project(directory: Path | str, options: Options) -> Project:
    return open_project(
        Settings(
            directory=Path(directory),
            config=options.config,
            lock_file=options.lock_file,
            offline=options.offline,
            trust_config=options.trust_config,
        )
    )


@contextmanager
def _reader(project: Project) -> Iterator[RegistryReader]:
    if project.settings.offline:
        yield OfflineReader()
        return
    from imagelock.registry.client import RegistryClient  # noqa: PLC0415 - reading files needs no client

    settings = project.settings
    with RegistryClient(
        project.config.hosts, jobs=settings.jobs, retry_time=settings.retry_time, everyone=True
    ) as client:
        yield client
