"""Every reference of a project: files read, formats asked, what cannot be read told as findings."""

from __future__ import annotations

import datetime as dt
import os
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.files import decode, read_bytes
from imagelock.formats.all import DOCUMENT_SUFFIXES, find
from imagelock.formats.text import Text
from imagelock.limits import YAML_BYTES
from imagelock.model.outcome import Exempted, finding
from imagelock.model.place import Damaged, Place, Skipped, Unreadable
from imagelock.ops.charts import PACKAGE_SUFFIX, READ_ONLY, Charts, packed_texts
from imagelock.ops.walk import IMAGE_SCHEME, STDIN, walk_sources
from imagelock.policy import exemption_for, expired, ignores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imagelock.model.exemption import Exemption
    from imagelock.model.outcome import Finding, Outcome
    from imagelock.model.place import Found
    from imagelock.model.reference import Reference
    from imagelock.model.rule import ScanRule
    from imagelock.ops.project import Project
    from imagelock.policy import Ignores

_SNIFF_BYTES = 8192
_HINTS = {
    "IL111": "correct it, or silence the line with `# imagelock: ignore[IL111] reason`",
    "IL114": "correct the file, or leave it out with `[scan] exclude` in imagelock.toml",
}


@dataclass(frozen=True)
class ScannedFile:
    """One file and what it holds; ``path`` is None for standard input."""

    name: str
    path: Path | None
    data: bytes
    text: Text
    found: tuple[Found, ...]
    rules: tuple[ScanRule, ...] = ()

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The references of the file."""
        return tuple(item for item in self.found if isinstance(item, Place))

    @cached_property
    def ignores(self) -> Ignores:
        """The file's ignore comments."""
        return ignores(self.text.content)


@dataclass(frozen=True)
class Use:
    """One place in its file."""

    file: ScannedFile
    place: Place

    @property
    def reference(self) -> Reference:
        """The reference as written there."""
        return self.place.reference

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file.name}:{self.place.line}"

    def silences(self, code: str) -> bool:
        """Whether an ignore comment at this place silences a finding."""
        return self.file.ignores.silences(code, self.place.line)


@dataclass(frozen=True)
class Collection:
    """Everything a run looks at; ``whole`` says that nothing of the project was left out.

    ``problems`` are the findings about files themselves (IL111, IL114).
    """

    files: tuple[ScannedFile, ...]
    problems: tuple[Finding, ...]
    exemptions: tuple[Exemption, ...]
    whole: bool
    visited: tuple[tuple[str, Path], ...] = ()
    today: dt.date = field(default_factory=lambda: dt.datetime.now(tz=dt.UTC).date())

    @cached_property
    def all_uses(self) -> tuple[Use, ...]:
        """Every place of every file, exempt ones included."""
        return tuple(Use(file, place) for file in self.files for place in file.places)

    @cached_property
    def uses(self) -> tuple[Use, ...]:
        """Every place that counts: those of exempt images are left out."""
        return tuple(use for use in self.all_uses if self.exemption(use.reference) is None)

    @cached_property
    def exempt_uses(self) -> tuple[tuple[Use, Exemption], ...]:
        """The places that are left alone, with the exemption that covers each."""
        pairs = ((use, self.exemption(use.reference)) for use in self.all_uses)
        return tuple((use, item) for use, item in pairs if item is not None)

    @property
    def skipped(self) -> Iterator[tuple[ScannedFile, Skipped]]:
        """Candidates that were not taken, with their file."""
        for file in self.files:
            for item in file.found:
                if isinstance(item, Skipped):
                    yield file, item

    def exemption(self, reference: Reference) -> Exemption | None:
        """Return the exemption that covers a reference, or None."""
        return exemption_for(reference, self.exemptions, self.today) if self.exemptions else None

    def exempted(self) -> tuple[Exempted, ...]:
        """Return the places that were left alone, as outcomes tell them."""
        return tuple(
            Exempted(
                reference=str(use.reference), reason=item.reason, file=use.file.name, line=use.place.line
            )
            for use, item in self.exempt_uses
        )

    def witnessed(self, outcome: Outcome) -> Outcome:
        """Return an outcome that knows every image that was looked at, for reports with a case each."""
        images = {f"{use.reference.name}:{use.reference.pulled_tag}" for use in self.uses if _has_tag(use)}
        images |= {use.reference.canonical for use in self.uses if not _has_tag(use)}
        return replace(outcome, images=tuple(sorted(images)))

    def remarks(self) -> tuple[str, ...]:
        """Tell which exemptions are expired or, in a whole run, cover nothing."""
        over = expired(self.exemptions, self.today)
        remarks = [f"the exemption of {item.image} expired on {item.expires}" for item in over]
        if self.whole:
            used = {id(item) for _, item in self.exempt_uses}
            remarks += [
                f"the exemption of {item.image} covers nothing"
                for item in self.exemptions
                if id(item) not in used and item not in over and item.namespace is None and item.owner is None
            ]
        return tuple(remarks)


def collect(
    project: Project, sources: Sequence[str] = (), force: str | None = None, *, besides: Path | None = None
) -> Collection:
    """Read the sources (none: the whole project) and find everything in them, ``besides`` one folder.

    ``force`` names the format of the files named themselves.  Raises :class:`FileError` for a source
    that is not there; a file or folder inside a folder that cannot be read is a finding.
    """
    files: list[ScannedFile] = []
    problems: list[Finding] = []
    visited: list[tuple[str, Path]] = []
    # What a pipeline builds is a list of repositories: as references they would mean `latest`.
    built = (project.root / name for name in project.config.build_images)
    skip = {_normal(path) for path in (project.lock_path, project.config_path, *built) if path is not None}
    rules = _rules_by_file(project.config.rules)
    paths = [source for source in sources if source != STDIN]
    charts = Charts(project.root)
    if STDIN in sources:
        given = _read_stdin()
        files.append(_scanned(Text("<stdin>", decode(given)), None, given, force, rules("<stdin>")))
    files += _image_files(project, paths if sources else project.config.sources, force, rules)
    paths = [source for source in paths if not source.startswith(IMAGE_SCHEME)]
    for path, is_named in walk_sources(project, paths) if paths or not sources else ():
        if path in skip or (besides is not None and path.is_relative_to(_normal(besides))):
            continue
        name = project.shown(path)
        visited.append((name, path))
        try:
            if path.name.endswith(PACKAGE_SUFFIX):
                files += _packed_files(path, name, rules(name))
                continue
            data = _read(path, is_named=is_named)
        except FileError as error:
            if is_named:
                raise FileError(error.message, where=name, hint=error.hint) from error
            problems.append(finding("IL114", error.message, file=name))
            continue
        if data is not None:
            text = Text(name, decode(data), charts.around(path, name))
            file = _scanned(text, path, data, force if is_named else None, rules(name))
            if file.found:
                files.append(file)
    problems += [problem for file in files for problem in _problems(file)]
    return Collection(
        files=tuple(files),
        problems=tuple(problems),
        exemptions=project.config.exemptions,
        whole=not sources,
        visited=tuple(visited),
    )


def _has_tag(use: Use) -> bool:
    return use.reference.pulled_tag is not None


def _scanned(
    text: Text, path: Path | None, data: bytes, force: str | None, rules: tuple[ScanRule, ...]
) -> ScannedFile:
    return ScannedFile(text.path, path, data, text, tuple(find(text, force, rules)), rules)


def _packed_files(path: Path, name: str, rules: tuple[ScanRule, ...]) -> Iterator[ScannedFile]:
    """Yield the texts of a packaged chart that hold something; none of them can be written."""
    for item in packed_texts(path, name):
        file = _scanned(Text(item.path, decode(item.data), item.chart), None, item.data, None, rules)
        if file.found:
            yield replace(file, found=tuple(map(_read_only, file.found)))


def _image_files(
    project: Project,
    sources: Sequence[str],
    force: str | None,
    rules: Callable[[str], tuple[ScanRule, ...]],
) -> Iterator[ScannedFile]:
    """Yield the files out of images that hold something; none of them can be written."""
    for source in sources:
        if source.startswith(IMAGE_SCHEME):
            from imagelock.ops.image_source import read_image  # noqa: PLC0415 - it asks a registry

            for name, data in read_image(project, source):
                file = _scanned(Text(name, decode(data)), None, data, force, rules(name))
                if file.found:
                    yield replace(file, found=tuple(map(_in_image, file.found)))


def _in_image(item: Found) -> Found:
    return replace(item, slots=(), refusal="a file inside an image") if isinstance(item, Place) else item


def _read_only(item: Found) -> Found:
    return replace(item, slots=(), refusal=READ_ONLY) if isinstance(item, Place) else item


def _rules_by_file(rules: tuple[ScanRule, ...]) -> Callable[[str], tuple[ScanRule, ...]]:
    """Return which rules count in a file."""
    if not any(rule.files for rule in rules):
        return lambda _: rules
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - only for rules that name files

    specs = [(rule, GitIgnoreSpec.from_lines(rule.files) if rule.files else None) for rule in rules]
    return lambda name: tuple(rule for rule, spec in specs if spec is None or spec.match_file(name))


def _normal(path: Path) -> Path:
    """Return a path as the walk gives it: no dots in it, symbolic links as the user wrote them."""
    return Path(os.path.normpath(path))


def _read_stdin() -> bytes:
    data = sys.stdin.buffer.read(YAML_BYTES + 1)
    if len(data) > YAML_BYTES:
        raise FileError(f"larger than {YAML_BYTES} bytes", where="<stdin>")
    return data


def _read(path: Path, *, is_named: bool) -> bytes | None:
    """Return a file's bytes; None for one of a folder that is binary or too large to be a manifest."""
    if is_named:
        return read_bytes(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(_SNIFF_BYTES)
            if b"\0" in head:
                return None
            data = head + stream.read(YAML_BYTES + 1 - len(head)) if len(head) == _SNIFF_BYTES else head
    except OSError as error:
        raise FileError((error.strerror or str(error)).lower(), where=str(path)) from error
    if len(data) <= YAML_BYTES:
        return data
    if path.name.lower().endswith(DOCUMENT_SUFFIXES):
        raise FileError(f"larger than {YAML_BYTES} bytes", where=str(path))
    return None


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
