"""``tags lint``: check the rules of tag files, from values alone.

``plan`` and ``apply`` leave out an entry that breaks a rule, and report it as a finding.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError, UsageError
from imagelock.model.digest import Digest
from imagelock.model.finding_codes import Level
from imagelock.model.outcome import Outcome, finding, finding_in
from imagelock.model.place import Unreadable
from imagelock.model.reference import Reference, is_tag
from imagelock.model.tagfile import (
    DIGEST_KEY,
    REQUIRED_KEYS,
    Flaw,
    TagEntry,
    breaches,
    floats,
    ref_flaw,
    starlingx_breach,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from imagelock.model.ignore_comments import Ignores
    from imagelock.model.outcome import Finding
    from imagelock.model.tagfile import Field, TagItem, TagPart, TagRule

_WORD = re.compile(r"[a-z]+[0-9]*", re.ASCII)
_SLIP = re.compile(r"(?P<release>stx[.-]?[0-9]+\.[0-9]+)[._-]?(?P<version>v.+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFile:
    """One tag file as it was read."""

    name: str
    parts: tuple[TagPart, ...]
    ignores: Ignores


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """The entries that keep the rules, each once, and what is wrong with the rest.

    ``items`` counts what the files hold; every item is an entry, ``invalid``, or a duplicate of an entry.
    """

    entries: tuple[TagEntry, ...]
    findings: tuple[Finding, ...]
    items: int
    invalid: int

    @property
    def counts(self) -> dict[str, int]:
        """The counts of a summary."""
        duplicates = self.items - self.invalid - len(self.entries)
        return {"items": self.items, "duplicate": duplicates, "invalid": self.invalid}


def lint(files: Sequence[TagFile], rules: Sequence[TagRule], *, strict: bool = False) -> Outcome:
    """Return everything that is wrong with tag files."""
    linted = judge(files, rules, strict=strict)
    linted = replace(linted, findings=(*linted.findings, *_versions(linted.entries, rules)))
    valid = {"valid": len(linted.entries)}
    summary = {"files": len(files), **linted.counts, **valid}
    return Outcome(command="tags-lint", findings=linted.findings, summary=summary)


def judge(
    files: Sequence[TagFile], rules: Sequence[TagRule], *, forms: bool = True, strict: bool = False
) -> Linted:
    """Split what the files hold into entries and findings.

    Without ``forms`` any tag is right; with ``strict`` an unknown key makes its item invalid.
    """
    entries: list[TagEntry] = []
    findings: list[Finding] = []
    items = 0
    for file in files:
        for part in file.parts:
            if isinstance(part, (Flaw, Unreadable)):
                findings += _not_silenced(file, [_flaw(file, part)])
                continue
            items += 1
            entry, wrong = _entry(file, part, strict=strict)
            if entry is not None and forms:
                wrong += list(_forms(entry, part, rules))
            judged = _not_silenced(file, wrong)
            findings += judged
            if entry is not None and not any(item.level is Level.ERROR for item in judged):
                entries.append(entry)
    distinct, disputed, more = _distinct(entries)
    invalid = items - len(entries) + disputed
    return Linted(entries=distinct, findings=(*findings, *more), items=items, invalid=invalid)


def rehearsed(linted: Linted, registry: str) -> Linted:
    """Return the entries in another registry; raise :class:`UsageError` for what is none."""
    try:
        return replace(linted, entries=tuple(entry.rehearsed(registry) for entry in linted.entries))
    except InvalidValueError as error:
        raise UsageError(
            f"--to is not a registry: {error.message}", where=registry, hint="write host[:port][/prefix]"
        ) from error


def _not_silenced(file: TagFile, findings: Iterable[Finding]) -> list[Finding]:
    return [item for item in findings if not file.ignores.silences(item.code, item.line)]


def _flaw(file: TagFile, part: Flaw | Unreadable) -> Finding:
    is_warning = isinstance(part, Flaw) and part.is_warning
    return finding(
        "IL114" if isinstance(part, Unreadable) else "IL402",
        part.reason,
        file=file.name,
        line=part.line,
        column=part.column,
        hint=part.hint,
        level=Level.WARNING if is_warning else None,
    )


def _entry(file: TagFile, item: TagItem, *, strict: bool) -> tuple[TagEntry | None, list[Finding]]:
    """Return the item as an entry, None when it is none, and what is wrong with it."""
    wrong = [*_keys(file, item, strict=strict)]
    values: dict[str, Field] = {}
    for key, field in item.fields.items():
        problem = _value_problem(key, field)
        if problem is None:
            values[key] = field
        else:
            wrong.append(_malformed(file, field, f"{key}: {problem}"))
    if any(key not in values for key in REQUIRED_KEYS):
        return None, wrong
    source_ref = values["src_ref"]
    flaw = ref_flaw(source_ref.text)
    if flaw is not None:
        hint = "write https://HOST/PROJECT/commit/<all 40 digits>"
        wrong.append(_malformed(file, source_ref, f"src_ref {flaw}", level=Level.WARNING, hint=hint))
    source_tag = values["src_build_tag"]
    if floats(source_tag.text):
        wrong.append(_floating_source(file, source_tag))
    try:
        reference = Reference.parse(f"{values['name'].text}:{values['tag'].text}")
    except InvalidValueError as error:
        return None, [*wrong, _malformed(file, values["name"], error.message, hint=error.hint)]
    digest = values.get(DIGEST_KEY)
    entry = TagEntry(
        reference=reference,
        source_tag=values["src_build_tag"].text,
        source_ref=source_ref.text,
        digest=Digest.parse(digest.text) if digest is not None and digest.text else None,
        file=file.name,
        line=values["tag"].line,
        column=values["tag"].column,
        tag_place=item.tag_place,
    )
    return entry, wrong


def _floating_source(file: TagFile, field: Field) -> Finding:
    return finding(
        "IL405",
        f"src_build_tag {field.text} floats: another day it is another build",
        reference=field.text,
        file=file.name,
        line=field.line,
        column=field.column,
        hint="write the tag of the build itself, which ends in its time",
    )


def _keys(file: TagFile, item: TagItem, *, strict: bool) -> Iterator[Finding]:
    written = {*item.fields, *(key.text for key in item.repeated)}
    for key in REQUIRED_KEYS:
        if key not in written:
            name = item.fields.get("name")
            of = f" of {name.text}" if name is not None and key != "name" else ""
            yield finding(
                "IL402",
                f"{key}{of} is missing",
                file=file.name,
                line=item.line,
                column=item.column,
                hint=f"an item has {', '.join(REQUIRED_KEYS)}",
            )
    for again in item.repeated:
        yield _malformed(file, again, f"{again.text} is twice in one item; YAML readers take the last one")
    for other in item.others:
        yield _malformed(file, other, f"unknown key {other.text!r}", level=None if strict else Level.WARNING)


def _value_problem(key: str, field: Field) -> str | None:
    """Return what is wrong with one value by itself."""
    if not field.text:
        return None if key == DIGEST_KEY else "it is empty"
    if not field.is_text:
        return f"{field.text} is not a string in YAML: write it in quotes"
    return _PROBLEMS[key](field.text)


def _tag_problem(text: str) -> str | None:
    return None if is_tag(text) else f"{text!r} is not a tag"


def _ref_problem(text: str) -> str | None:
    return "white space is not allowed here" if any(map(str.isspace, text)) else None


def _digest_problem(text: str) -> str | None:
    try:
        Digest.parse(text)
    except InvalidValueError as error:
        return f"{text!r}: {error.message}"
    return None


def _name_problem(text: str) -> str | None:
    try:
        reference = Reference.parse(text)
    except InvalidValueError as error:
        return f"{text!r}: {error.message}"
    if reference.digest is not None:
        return "the name includes a digest"
    return None if reference.tag is None else f"the name includes the tag {reference.tag!r}"


_PROBLEMS: dict[str, Callable[[str], str | None]] = {
    "name": _name_problem,
    "tag": _tag_problem,
    "src_build_tag": _tag_problem,
    "src_ref": _ref_problem,
    DIGEST_KEY: _digest_problem,
}


def _forms(entry: TagEntry, item: TagItem, rules: Sequence[TagRule]) -> Iterator[Finding]:
    """Yield what the tag breaks of the configured rules, or of StarlingX's own form."""
    for breach, reason in breaches(entry.tag, entry.file, rules):
        yield finding(
            "IL402",
            f"the tag {entry.tag} {breach}",
            reference=entry.tag,
            file=entry.file,
            line=item.fields["tag"].line,
            column=item.fields["tag"].column,
            hint=_slip(entry.tag),
            notes=[] if reason is None else [reason],
        )


def _slip(tag: str) -> str | None:
    match = _SLIP.fullmatch(tag)
    meant = f"{match['release']}-{match['version']}" if match else tag
    return f"did you mean {meant}?" if meant != tag and starlingx_breach(meant) is None else None


def _distinct(entries: Sequence[TagEntry]) -> tuple[tuple[TagEntry, ...], int, list[Finding]]:
    """Keep the first of equal entries; where two disagree none is kept, because none can be right alone.

    Returns the entries, how many were dropped over a disagreement, and what to tell.
    """
    groups: dict[tuple[str, str], list[TagEntry]] = defaultdict(list)
    for entry in entries:
        groups[entry.name, entry.tag].append(entry)
    kept: list[TagEntry] = []
    findings: list[Finding] = []
    disputed = 0
    for group in groups.values():
        dispute = _dispute(group)
        if dispute is not None:
            findings.append(dispute)
            disputed += len(group)
            continue
        kept.append(max(group, key=lambda entry: entry.digest is not None))
        findings += [_duplicate(group[0], other) for other in group[1:]]
    return tuple(kept), disputed, findings


def _dispute(group: Sequence[TagEntry]) -> Finding | None:
    first = group[0]
    digests = {str(entry.digest) for entry in group if entry.digest is not None}
    if len(digests) > 1:
        code, message = "IL104", f"{first.shown} has two digests"
        notes = [f"{entry.where}: {entry.digest}" for entry in group if entry.digest is not None]
    elif len({entry.source for entry in group}) > 1:
        code, message = "IL402", f"{first.shown} has two sources"
        notes = [f"{entry.where}: {entry.source_tag} of {entry.source_ref}" for entry in group]
    else:
        return None
    last = group[-1]
    return finding_in(
        last,
        code,
        message,
        reference=last.tag,
        notes=notes,
        hint="a tag names one image: change the tag of one of them",
    )


def _versions(entries: Sequence[TagEntry], rules: Sequence[TagRule]) -> Iterator[Finding]:
    """Yield the versions of an image that several files build from several revisions, suffixes apart."""
    groups: dict[tuple[str, str], list[TagEntry]] = defaultdict(list)
    for entry in entries:
        groups[entry.name, entry.tag.removesuffix(tag_suffix(entry, rules))].append(entry)
    for (name, version), group in groups.items():
        if len({entry.source_ref for entry in group}) > 1:
            yield finding_in(
                group[-1],
                "IL402",
                f"{name}: version {version} is built from {len({e.source_ref for e in group})} revisions",
                reference=group[-1].tag,
                level=Level.WARNING,
                notes=[f"{entry.where}: {entry.tag} from {entry.source_ref}" for entry in group],
                hint="one version is one revision: build the others again, or give them another version",
            )


def tag_suffix(entry: TagEntry, rules: Sequence[TagRule]) -> str:
    """Return the suffix a rule wants of this file, or the word that the tag shares with the file's name."""
    for rule in rules:
        if rule.suffix is not None and rule.concerns(entry.file):
            return rule.suffix
    words = re.split(r"[^a-z0-9]+", entry.file.rpartition("/")[2])
    shared = [word for word in words if _WORD.fullmatch(word) and entry.tag.endswith(f"-{word}")]
    return f"-{shared[0]}" if shared else ""


def _duplicate(first: TagEntry, other: TagEntry) -> Finding:
    return finding_in(
        other,
        "IL109",
        f"{other.shown} is listed twice",
        reference=other.tag,
        notes=[f"first at {first.where}"],
    )


def _malformed(
    file: TagFile, field: Field, message: str, *, level: Level | None = None, hint: str | None = None
) -> Finding:
    return finding(
        "IL402",
        message,
        reference=field.text,
        file=file.name,
        line=field.line,
        column=field.column,
        hint=hint,
        level=level,
    )
