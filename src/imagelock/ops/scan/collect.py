"""Collect every reference of a project; report what cannot be read as findings."""

from __future__ import annotations

import datetime as dt
import os
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from glob import glob
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.limits import YAML_BYTES
from imagelock.model.exemption import exemption_for, expired
from imagelock.model.outcome import Exempted, finding
from imagelock.model.place import Damaged, Skipped, Unreadable
from imagelock.ops.scan.account import charts_with_values, is_unread_image, reference_of
from imagelock.ops.scan.file_patterns import matches_file
from imagelock.ops.scan.in_context import read_in_context
from imagelock.ops.scan.occurrence import Occurrences
from imagelock.ops.scan.reader import FileReader
from imagelock.ops.scan.scanned_file import IMAGE_SCHEME
from imagelock.ops.scan.walk import STDIN, LeftOut, walk_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from imagelock.model.exemption import Exemption
    from imagelock.model.outcome import Finding, Outcome
    from imagelock.model.reference import Reference
    from imagelock.ops.parallel import Progress
    from imagelock.ops.project import Project
    from imagelock.ops.scan.occurrence import Occurrence
    from imagelock.ops.scan.scanned_file import ScannedFile
    from imagelock.ops.scan.walk import Visited

TRACE_NAME = "images.trace"
_HINTS = {
    "IL111": "correct it, or silence it with the comment `# imagelock: ignore[IL111] reason`",
    "IL114": "correct the file, or exclude it with `[scan] exclude` in imagelock.toml",
}


@dataclass(frozen=True)
class Collection:
    """Everything a run looks at; ``whole`` says that nothing of the project was left out.

    ``problems`` are the findings about files themselves (IL111, IL114).
    """

    files: tuple[ScannedFile, ...]
    problems: tuple[Finding, ...]
    exemptions: tuple[Exemption, ...]
    whole: bool
    visited: tuple[Visited, ...] = ()
    lists: frozenset[str] = frozenset()
    """The paths of the lists that ``lock`` reads as they are, and that are no places of references."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """What the walk did not look into: ignored by git's rules, excluded by the configuration."""
    today: dt.date = field(default_factory=lambda: dt.datetime.now(tz=dt.UTC).date())

    @cached_property
    def all_uses(self) -> Occurrences:
        """Every place of every file, exempt ones included."""
        return Occurrences(self.files)

    @cached_property
    def uses(self) -> Occurrences:
        """Every place that counts: those of exempt images are left out."""
        if not self.exemptions:
            return self.all_uses
        return Occurrences(self.files, lambda use: self.exemption(use.reference, use.file) is None)

    @cached_property
    def exempt_uses(self) -> tuple[tuple[Occurrence, Exemption], ...]:
        """The places that are left alone, with the exemption that covers each."""
        if not self.exemptions:
            return ()
        pairs = ((use, self.exemption(use.reference, use.file)) for use in self.all_uses)
        return tuple((use, item) for use, item in pairs if item is not None)

    @cached_property
    def files_with_places(self) -> int:
        """The number of files in which there is a reference."""
        return len({file.name for file in self.files if file.places})

    @cached_property
    def images(self) -> int:
        """The number of different references; of each only a hash is kept, since a tree may have millions."""
        return len({hash(use.reference.canonical) for use in self.all_uses})

    @property
    def skipped(self) -> Iterator[tuple[ScannedFile, Skipped]]:
        """Candidates that were not taken, with their file."""
        for file in self.files:
            for item in file.found:
                if isinstance(item, Skipped):
                    yield file, item

    @cached_property
    def unread(self) -> tuple[tuple[ScannedFile, Skipped], ...]:
        """Skipped texts that are images and that no format reads, exempt ones included."""
        return tuple(
            (file, item)
            for file, item in self.skipped
            if is_unread_image(item) and file.place not in self.lists
        )

    @cached_property
    def charts_with_values(self) -> frozenset[str]:
        """The folders of the charts of which a values file was read."""
        return charts_with_values(self)

    @cached_property
    def exempt_unread(self) -> tuple[tuple[ScannedFile, Skipped, Exemption], ...]:
        """The images no format reads that are left alone, with the exemption that covers each."""
        if not self.exemptions:
            return ()
        pairs = ((file, item, reference_of(item)) for file, item in self.unread)
        known = ((file, item, self.exemption(each, file)) for file, item, each in pairs if each is not None)
        return tuple((file, item, exemption) for file, item, exemption in known if exemption is not None)

    def exemption(self, reference: Reference, file: ScannedFile) -> Exemption | None:
        """Return the exemption that covers a reference in a file, or None."""
        return exemption_for(reference, self._exemptions_in(file), self.today) if self.exemptions else None

    def is_exempt(self, reference: Reference) -> bool:
        """Whether an exemption covers a reference that is in no file, everywhere or in a file that has it."""
        anywhere = tuple(item for item in self.exemptions if not item.files)
        return exemption_for(reference, anywhere, self.today) is not None or any(
            use.reference == reference for use, item in self.exempt_uses if item.files
        )

    def _exemptions_in(self, file: ScannedFile) -> tuple[Exemption, ...]:
        """Return the exemptions that may count in a file."""
        if not self._narrowed:
            return self.exemptions
        known = self._by_file.get(file.name)
        if known is None:
            known = tuple(
                item for item in self.exemptions if not item.files or matches_file(item.files, file.name)
            )
            self._by_file[file.name] = known
        return known

    @cached_property
    def _narrowed(self) -> bool:
        return any(item.files for item in self.exemptions)

    @cached_property
    def _by_file(self) -> dict[str, tuple[Exemption, ...]]:
        return {}

    def exempted(self) -> tuple[Exempted, ...]:
        """Return the places that were left alone, as outcomes tell them."""
        return tuple(
            Exempted(
                reference=str(use.reference), reason=item.reason, file=use.file.name, line=use.place.line
            )
            for use, item in self.exempt_uses
        ) + tuple(
            Exempted(reference=item.text, reason=exemption.reason, file=file.name, line=item.line)
            for file, item, exemption in self.exempt_unread
        )

    def witnessed(self, outcome: Outcome) -> Outcome:
        """Return an outcome that knows every image that was looked at, for reports with a case each."""
        images = {f"{use.reference.name}:{use.reference.pulled_tag}" for use in self.uses if _has_tag(use)}
        images |= {use.reference.canonical for use in self.uses if not _has_tag(use)}
        return replace(outcome, images=tuple(sorted(images)))

    def remarks(self) -> tuple[str, ...]:
        """Report which exemptions are expired or, in a whole run, cover nothing."""
        over = expired(self.exemptions, self.today)
        remarks = [f"the exemption for {item.shown} expired on {item.expires}" for item in over]
        if self.whole:
            used = {id(item) for *_, item in (*self.exempt_uses, *self.exempt_unread)}
            remarks += [
                f"the exemption for {item.shown} matches nothing"
                for item in self.exemptions
                if id(item) not in used and item not in over and item.namespace is None and item.owner is None
            ]
        return tuple(remarks)


def collect(
    project: Project,
    sources: Sequence[str] = (),
    force: str | None = None,
    *,
    besides: Path | None = None,
    traced: bool = True,
    progress: Progress | None = None,
) -> Collection:
    """Read the sources (none: the whole project) and find everything in them, ``besides`` one folder.

    ``progress`` counts the files; one with a thread of its own keeps large trees from being shared among processes.
    ``force`` names the format of the files named themselves.  Raises :class:`FileError` for a source
    that is not there; a file or folder inside a folder that cannot be read is a finding.
    """
    collection = _collected(project, sources, force, besides, progress)
    if not traced or force is not None or not has_record(project):
        return collection
    from imagelock.ops.trace.recorded import with_traces  # noqa: PLC0415 - only projects with charts have a record

    own = [source for source in project.config.sources if not source.startswith(IMAGE_SCHEME)]
    whole = _collected(project, own, None, besides) if sources else collection
    return with_traces(project, collection, whole)


def has_record(project: Project) -> bool:
    """Whether the project has a record of traces."""
    return project.lock_path.with_name(TRACE_NAME).is_file()


def _collected(
    project: Project,
    sources: Sequence[str],
    force: str | None,
    besides: Path | None,
    progress: Progress | None = None,
) -> Collection:
    reader = FileReader(project.root, project.config.rules, force, limit=project.config.max_file_bytes)
    files: list[ScannedFile] = []
    problems: list[Finding] = []
    paths = [source for source in sources if source != STDIN]
    if STDIN in sources:
        files.append(reader.read_text("<stdin>", _read_stdin(), is_named=True))
    files += _image_files(project, paths if sources else project.config.sources, reader)
    paths = [source for source in paths if not source.startswith(IMAGE_SCHEME)]
    left_out = LeftOut()
    visited = list(_visited(project, paths, besides, left_out)) if paths or not sources else []
    for read in read_in_context(reader, visited, project, progress):
        if isinstance(read, list):
            files += read
        else:
            problems.append(read)
    if project.config.insert_keys:
        files = [file.with_keys() for file in files]
    problems += [problem for file in files for problem in _problems(file)]
    return Collection(
        files=tuple(files),
        problems=tuple(problems),
        exemptions=project.config.exemptions,
        whole=not sources,
        visited=tuple(visited),
        lists=_lists(project),
        left_out=left_out,
    )


def _lists(project: Project) -> frozenset[str]:
    """Return the paths of the lists that the configuration gives to ``lock``."""
    patterns = (*project.config.lock_from, *project.config.build_references)
    names = (name for pattern in patterns for name in glob(pattern, root_dir=project.root, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
    return frozenset(os.path.normpath(project.root / name) for name in names)


def _visited(
    project: Project, sources: Sequence[str], besides: Path | None, left_out: LeftOut
) -> Iterator[Visited]:
    """Yield the files to read: not imagelock's own, and none of the folder ``besides``."""
    # What a pipeline builds is a list of repositories: as references they would mean `latest`.
    built = (project.root / name for name in project.config.build_images)
    own = {
        os.path.normpath(path)
        for path in (project.lock_path, project.lock_path.with_name(TRACE_NAME), project.config_path, *built)
        if path
    }
    folder = None if besides is None else os.path.normpath(besides) + "/"
    for file in walk_sources(project, sources, left_out):
        if file.path not in own and (folder is None or not file.path.startswith(folder)):
            yield file


def _has_tag(use: Occurrence) -> bool:
    return use.reference.pulled_tag is not None


def _image_files(project: Project, sources: Sequence[str], reader: FileReader) -> Iterator[ScannedFile]:
    """Yield the files out of images that hold something; none of them can be written."""
    for source in sources:
        if source.startswith(IMAGE_SCHEME):
            from imagelock.ops.scan.image_source import read_image  # noqa: PLC0415 - it asks a registry

            for name, data in read_image(project, source):
                file = reader.read_text(name, data)
                if file.found:
                    yield file.not_writable("a file inside an image")


def _read_stdin() -> bytes:
    data = sys.stdin.buffer.read(YAML_BYTES + 1)
    if len(data) > YAML_BYTES:
        raise FileError(f"larger than {YAML_BYTES} bytes", where="<stdin>")
    return data


def _problems(file: ScannedFile) -> Iterator[Finding]:
    for item in file.found:
        if isinstance(item, Damaged):
            code, message, reference = "IL111", f"{item.text!r}: {item.reason}", item.text
        elif isinstance(item, Unreadable):
            code, message, reference = "IL114", item.reason, None
        else:
            continue
        if not file.ignores.silences(code, item.line):
            yield finding(
                code,
                message,
                reference=reference,
                file=file.name,
                line=item.line,
                column=item.column,
                hint=item.hint or _HINTS[code],
            )
