"""``tags suggest``: propose tags with ``git describe``, write them, and find places that still float.

StarlingX's own way to version an image: ``stx.<release>-`` and what ``git describe --tags`` says of the
revision it was built from, with the suffix that its file wants.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.formats.edit.splice import fill
from imagelock.model.outcome import Change, finding, finding_in
from imagelock.model.reference import is_tag
from imagelock.model.tagfile import LATEST, breaches, floats
from imagelock.ops.tags.rules import tag_suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    from imagelock.formats.syntax.text import Text
    from imagelock.model.outcome import Finding
    from imagelock.model.place import Place
    from imagelock.model.reference import Reference
    from imagelock.model.tagfile import TagEntry, TagRule
    from imagelock.ops.scan.occurrence import Occurrence

_RELEASE = re.compile(r"(?P<release>stx[.-]?[0-9]+\.[0-9]+)(?=[._-])", re.ASCII)
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One entry and the tag that is proposed for it; the same as its own when that is right."""

    entry: TagEntry
    tag: str

    @property
    def is_change(self) -> bool:
        """Whether the entry has another tag now."""
        return self.tag != self.entry.tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """How a commit message ends: a bug's number, and whether the change closes it."""

    bug: str
    closes: bool = False

    def __str__(self) -> str:
        return f"{'Closes' if self.closes else 'Partial'}-Bug: #{self.bug.removeprefix('#')}"


def suggest(
    entries: Sequence[TagEntry],
    describe: Callable[[str], str | None],
    *,
    rules: Sequence[TagRule] = (),
    release: str | None = None,
) -> tuple[tuple[Suggestion, ...], tuple[Finding, ...]]:
    """Propose a tag for each entry by what ``describe`` says of its commit.

    ``release`` takes the place of the one in the entry's tag.  An entry whose commit no tag leads to, or
    whose proposed tag breaks a rule, is reported as a finding.
    """
    suggestions: list[Suggestion] = []
    findings: list[Finding] = []
    for entry in entries:
        version = describe(entry.commit) if entry.commit is not None else None
        if version is None:
            findings.append(_no_version(entry))
            continue
        tag = _tag(entry, version, rules, release)
        problem = _problem(entry, tag, rules)
        if problem is not None:
            findings.append(
                finding_in(
                    entry, "IL402", f"the tag {tag} would be proposed, but it {problem}", reference=entry.tag
                )
            )
        else:
            suggestions.append(Suggestion(entry=entry, tag=tag))
    return tuple(suggestions), tuple(findings)


def edited(text: Text, suggestions: Iterable[Suggestion]) -> str:
    """Return a tag file with the proposed tags in it; comments and everything else stay."""
    wanted = [
        (item.entry.tag_place, item.entry.reference.with_tag(item.tag))
        for item in suggestions
        if item.is_change and item.entry.tag_place is not None and item.entry.file == text.path
    ]
    return fill(text, wanted) if wanted else text.content


def changes(suggestions: Iterable[Suggestion]) -> tuple[Change, ...]:
    """Return what would change in the tag files."""
    return tuple(
        Change(
            reference=item.entry.shown,
            before=item.entry.shown,
            after=f"{item.entry.name}:{item.tag}",
            file=item.entry.file,
            line=item.entry.line,
        )
        for item in suggestions
        if item.is_change
    )


def floating(
    uses: Iterable[Occurrence], entries: Iterable[TagEntry], proposed: Mapping[TagEntry, str]
) -> Iterator[tuple[Occurrence, tuple[str, ...]]]:
    """Yield the places that use a floating tag of a managed image, with the release tags that fit.

    A tag that floats over one build (``master-stable-latest``) means the entries made from that build.
    """
    by_name: dict[str, list[TagEntry]] = {}
    for entry in entries:
        by_name.setdefault(entry.name, []).append(entry)
    for use in uses:
        managed = by_name.get(use.reference.name, [])
        tag = use.reference.pulled_tag
        is_open = use.place.tag_is_known and use.reference.digest is None
        if managed and is_open and tag is not None and floats(tag):
            stem = tag.removesuffix(LATEST)
            of_build = [entry for entry in managed if stem and _is_of_build(entry, stem)]
            tags = dict.fromkeys(proposed.get(entry, entry.tag) for entry in of_build or managed)
            yield use, tuple(tags)


def _is_of_build(entry: TagEntry, floating_tag: str) -> bool:
    """Whether an entry's build is one that a floating tag is given to: the words of the tag are in its name.

    ``master-debian-trixie-stable-latest`` is the newest ``master-debian-trixie-amd64-stable-<time>``.
    """
    words = set(entry.source_tag.split("-"))
    return entry.source_tag.startswith(floating_tag) or words.issuperset(floating_tag.strip("-").split("-"))


def replacement(use: Occurrence, tags: Sequence[str]) -> tuple[Occurrence, Reference] | None:
    """Return what a floating place is replaced by; None where several tags fit or it cannot be written."""
    place = tagged_place(use.place)
    if len(tags) != 1 or place is None:
        return None
    return replace(use, place=place), use.reference.with_tag(tags[0])


def tagged_place(place: Place) -> Place | None:
    """Return a place as what its tag is written into; None where that is nowhere, or cannot be followed."""
    if any(slot.part == "reference" for slot in place.slots):
        return place
    return None if place.tag_slot is None or not place.pinnable else replace(place, slots=(place.tag_slot,))


def place_changes(replaced: Iterable[tuple[Occurrence, Reference]]) -> tuple[Change, ...]:
    """Return what changes in places that float."""
    return tuple(
        Change(
            reference=str(use.reference),
            before=str(use.reference),
            after=str(new),
            file=use.file.name,
            line=use.place.line,
        )
        for use, new in replaced
    )


def floating_finding(use: Occurrence, tags: Sequence[str]) -> Finding:
    """Report one place that floats (IL405), with the reference to write."""
    name = use.reference.written_name
    meant = " or ".join(f"{name}:{tag}" for tag in tags)
    return finding(
        "IL405",
        f"{use.reference} floats",
        reference=use.reference,
        file=use.file.name,
        line=use.place.line,
        column=use.place.column,
        hint=f"write {meant}",
        notes=_unwritable(use.place),
    )


def where(use: Occurrence) -> tuple[str, int, int]:
    """Return a place as file, line and column."""
    return use.file.name, use.place.line, use.place.column


def _unwritable(place: Place) -> list[str]:
    if tagged_place(place) is not None:
        return []
    return [f"not written: {place.refusal or 'the tag is written in another place'}"]


def message(
    suggestions: Sequence[Suggestion],
    places: Sequence[tuple[Occurrence, Sequence[str]]],
    footer: Footer | None,
    written: Container[tuple[str, int, int]] = (),
) -> str:
    """Return the commit message of the change that takes the tags into use; ``written`` are places already replaced."""
    moved = [item for item in suggestions if item.is_change]
    parts = [_subject(moved, places)]
    if moved:
        parts.append("\n".join(f"{_last(item.entry.name)}: {item.entry.tag} -> {item.tag}" for item in moved))
    if places:
        done = [pair for pair in places if where(pair[0]) in written]
        left = [pair for pair in places if where(pair[0]) not in written]
        for title, pairs in (("Floating tags replaced:", done), ("Floating tags to replace:", left)):
            lines = [f"{use.where}: {use.reference} -> {' or '.join(tags)}" for use, tags in pairs]
            parts += ["\n".join([title, *lines])] if lines else []
    if footer is not None:
        parts.append(str(footer))
    return "\n\n".join(parts) + "\n"


def _subject(moved: Sequence[Suggestion], places: Sequence[tuple[Occurrence, Sequence[str]]]) -> str:
    if len(moved) == 1:
        return f"Tag {_last(moved[0].entry.name)} {moved[0].tag}"
    if moved:
        return f"Tag {len(moved)} images by their versions"
    names = list(dict.fromkeys(_last(use.reference.name) for use, _ in places))
    if len(names) == 1:
        return f"Use the release tag of {names[0]}"
    return f"Use the release tags of {len(names)} images" if names else "Release tags are up to date"


def _tag(entry: TagEntry, version: str, rules: Sequence[TagRule], release: str | None) -> str:
    match = _RELEASE.match(entry.tag)
    head = release.rstrip("-") if release is not None else match["release"] if match else ""
    version = _NOT_IN_TAGS.sub("-", version)
    if head.startswith("stx") and not version.startswith("v"):
        version = f"v{version}"
    suffix = tag_suffix(entry, rules)
    tag = f"{head}-{version}" if head else version
    return tag if tag.endswith(suffix) else f"{tag}{suffix}"


def _problem(entry: TagEntry, tag: str, rules: Sequence[TagRule]) -> str | None:
    if not is_tag(tag):
        return "is not a tag"
    if entry.tag_place is None:
        return "cannot be written: the tag's characters in the file cannot be located exactly"
    return next((breach for breach, _ in breaches(tag, entry.file, rules)), None)


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _no_version(entry: TagEntry) -> Finding:
    return finding_in(
        entry,
        "IL406",
        f"no git tag leads to {entry.commit}, from which {entry.shown} was built",
        reference=entry.tag,
    )
