"""Read tag files from disk for ``tags``, and write proposed tags into them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.files import Write, decode, encode, read_bytes, write_all
from imagelock.formats.edit.splice import fill
from imagelock.formats.lists.starlingx import read
from imagelock.formats.syntax.text import Text
from imagelock.model.finding_codes import Level
from imagelock.model.ignore_comments import ignores
from imagelock.model.outcome import Finding, Outcome
from imagelock.ops.scan.collect import Collection, collect
from imagelock.ops.scan.scanned_file import ScannedFile
from imagelock.ops.tags.packages import packed_files
from imagelock.ops.tags.rules import TagFile, judge
from imagelock.ops.tags.suggest import (
    changes,
    edited,
    floating,
    floating_finding,
    message,
    place_changes,
    replacement,
    suggest,
    where,
)
from imagelock.paths import LEADS_OUT, leads_out
from imagelock.subprocesses import git_describe, git_has

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from imagelock.model.reference import Reference
    from imagelock.model.tagfile import TagEntry, TagRule
    from imagelock.ops.project import Project
    from imagelock.ops.scan.occurrence import Occurrence
    from imagelock.ops.tags.suggest import Footer, Suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFiles:
    """The tag files of one run, once as read from disk and once by their parts, in the order given."""

    scanned: tuple[ScannedFile, ...]
    files: tuple[TagFile, ...]

    @property
    def collection(self) -> Collection:
        """The files as every report knows them, for the lines that findings quote."""
        return Collection(files=self.scanned, problems=(), exemptions=(), whole=False)


def read_tag_files(project: Project, names: Sequence[str]) -> TagFiles:
    """Read tag files, each once; raises :class:`FileError` for one that cannot be read."""
    scanned = []
    for path in dict.fromkeys(project.directory / name for name in names):
        shown = project.shown(path)
        if leads_out(path, project.root) and not project.settings.trust_config:
            raise FileError(LEADS_OUT, where=shown, hint="--trust-config follows it")
        try:
            data = read_bytes(path)
        except FileError as error:
            raise FileError(error.message, where=shown, hint=error.hint) from error
        scanned.append(ScannedFile.of(Text(shown, decode(data)), str(path), data, ()))
    return TagFiles(scanned=tuple(scanned), files=tuple(tag_file(file.text) for file in scanned))


def tag_file(text: Text) -> TagFile:
    """Return a text's parts with its ignore comments."""
    return TagFile(name=text.path, parts=tuple(read(text)), ignores=ignores(text.content))


def write_suggestions(
    files: TagFiles,
    suggestions: Sequence[Suggestion],
    rules: Sequence[TagRule],
    places: Sequence[tuple[Occurrence, Reference]] = (),
) -> tuple[Finding, ...]:
    """Write the proposed tags into the tag files and the managed tags into places that float, all or none.

    Returns the errors that the tag files would have then and have not now; nothing is written if there are any.
    """
    writes = [*_place_writes(places)]
    after = []
    for file in files.scanned:
        content = edited(file.text, suggestions)
        after.append(tag_file(Text(file.name, content)))
        if file.path is not None:
            writes.append(Write(file.path, file.data, encode(content)))
    before = {item.message for item in judge(files.files, rules).findings}
    new = tuple(
        item
        for item in judge(after, rules).findings
        if item.level is Level.ERROR and item.message not in before
    )
    if not new:
        write_all(writes)
    return new


def _place_writes(places: Sequence[tuple[Occurrence, Reference]]) -> Iterator[Write]:
    """Yield each file with its floating places replaced; comments and everything else stay."""
    by_file: dict[str, list[tuple[Occurrence, Reference]]] = {}
    for use, new in places:
        by_file.setdefault(use.file.name, []).append((use, new))
    for wanted in by_file.values():
        file = wanted[0][0].file
        if file.path is not None:
            content = fill(file.text, [(use.place, new) for use, new in wanted], file.rules, file.found)
            yield Write(file.path, file.data, encode(content, file.data))


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestRequest:
    """What ``tags suggest`` is asked for; ``repositories`` are looked through in their order.

    ``places`` is where floating tags are looked for, by default the whole project.
    """

    repositories: tuple[Path, ...]
    release: str | None = None
    places: tuple[str, ...] = ()
    write: bool = False
    footer: Footer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggested:
    """The result: the outcome, the commit message of the follow-up change, and the files."""

    outcome: Outcome
    message: str
    collection: Collection


def run_suggest(project: Project, names: Sequence[str], request: SuggestRequest) -> Suggested:
    """Propose tags, write them if asked to, and find the places of the project that still float."""
    rules = project.config.tag_rules
    files = read_tag_files(project, names)
    linted = judge(files.files, rules, forms=False)
    homes = _homes(project, linted.entries, request.repositories)
    described = cache(lambda commit: git_describe(homes[commit], commit))
    at_home = [entry for entry in linted.entries if entry.commit in homes]
    suggestions, problems = suggest(at_home, described, rules=rules, release=request.release)
    proposed = {item.entry: item.tag for item in suggestions}
    everywhere = collect(project, request.places)
    packed = list(packed_files(everywhere))
    unread = [item for item in packed if isinstance(item, Finding)]
    everywhere = replace(
        everywhere, files=(*everywhere.files, *(item for item in packed if isinstance(item, ScannedFile)))
    )
    places = tuple(floating(everywhere.uses, linted.entries, proposed))
    replaced = [pair for use, tags in places if (pair := replacement(use, tags)) is not None]
    refused = write_suggestions(files, suggestions, rules, replaced) if request.write else ()
    done = replaced if request.write and not refused else []
    written = [(use.file.name, use.place.line, use.place.column) for use, _ in done]
    changed = (*changes(suggestions), *place_changes(done))
    elsewhere = len(linted.entries) - len(at_home)
    outcome = Outcome(
        command="tags-suggest",
        changes=() if refused else changed,
        findings=(
            *linted.findings,
            *problems,
            *refused,
            *unread,
            *(floating_finding(use, tags) for use, tags in places if where(use) not in written),
        ),
        summary={
            **linted.counts,
            "proposed": sum(item.is_change for item in suggestions),
            "right": sum(not item.is_change for item in suggestions),
            "without_version": len(problems),
            "elsewhere": elsewhere,
            "floating": len(places),
            "replaced": len(done),
            "written": sum(item.is_change for item in suggestions) if request.write and not refused else 0,
        },
        advice=_advice(
            request, at_home=len(at_home), changed=len(changed) or len(replaced), refused=bool(refused)
        ),
    )
    # Findings quote the lines that were read, tag files as they were before they were written.
    seen = replace(everywhere, files=(*everywhere.files, *files.scanned))
    return Suggested(
        outcome=outcome, message=message(suggestions, places, request.footer, written), collection=seen
    )


def _homes(project: Project, entries: Sequence[TagEntry], repositories: Sequence[Path]) -> dict[str, Path]:
    """Return which repository has each commit, the first that does."""
    homes: dict[str, Path] = {}
    folders = [project.directory / repository for repository in repositories]
    for folder in folders:
        for commit in {entry.commit for entry in entries if entry.commit is not None} - homes.keys():
            if git_has(folder, commit):
                homes[commit] = folder
    return homes


def _advice(request: SuggestRequest, *, at_home: int, changed: int, refused: bool) -> tuple[str, ...]:
    if request.repositories and not at_home:
        where = ", ".join(map(str, request.repositories))
        return (f"no src_ref is a commit of {where}",)
    if refused:
        return ("nothing was written: the new tags would break the rules of the files",)
    return ("nothing was written; use --write to write the tags",) if changed and not request.write else ()
