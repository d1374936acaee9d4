"""Check OLM bundles: related images that are missing or duplicate, and names that break the rules.

Works on values only: contacts no registry and writes nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.formats.lists import plain as image_list
from imagelock.formats.olm.related_images import CSV_KIND, bundles
from imagelock.model import olm
from imagelock.model.outcome import finding
from imagelock.model.reference import Reference
from imagelock.ops.findings import finding_at
from imagelock.ops.usage import DigestPlace, two_digests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagelock.formats.olm.related_images import Bundle, Variable
    from imagelock.model.lock import Lock
    from imagelock.model.outcome import Finding
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.scan.occurrence import Occurrence
    from imagelock.ops.scan.scanned_file import ScannedFile

_RULE = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*", re.ASCII)
_VARIABLE = re.compile(r"[-._A-Za-z][-._A-Za-z0-9]*", re.ASCII)
"""What Kubernetes takes as the name of a variable (its ``EnvVar``); a base64 with ``/`` or ``+`` is none."""
_HEX = re.compile(r"(?:.*[-._])?(?P<hex>[0-9a-f]{64})", re.ASCII)


def audit(collection: Collection, lock: Lock, *, lists_required: bool = False) -> Iterator[Finding]:
    """Yield what is wrong with bundles, lists and tags; ``lists_required``: a bundle must have related images."""
    by_file: dict[str, list[Occurrence]] = defaultdict(list)
    for use in collection.uses:
        by_file[use.file.name].append(use)
    # Composing a large ClusterServiceVersion costs more than all that is asked of it: each file once.
    facts: list[_Fact] = []
    for file in collection.files:
        uses = by_file[file.name]
        for bundle in _bundles(file):
            facts += _facts(file, bundle)
            mine = [use for use in uses if use.place.document == bundle.document]
            if bundle.is_csv and (bundle.related or lists_required):
                yield from _kept(file, _missing(bundle, mine))
            yield from _kept(file, _twice(file, bundle))
            yield from _kept(file, _misnamed(file, bundle))
        yield from _kept(file, _listed_twice(uses))
    yield from _tags(collection.uses, lock)
    yield from _disagreeing(collection.uses, facts)


def _bundles(file: ScannedFile) -> Iterator[Bundle]:
    content = file.text.content
    return bundles(file.text) if CSV_KIND in content or olm.PREFIX in content else iter(())


def _kept(file: ScannedFile, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Leave out what a comment in the file silences."""
    for item in findings:
        if item.line is None or not file.ignores.silences(item.code, item.line):
            yield item


def _missing(bundle: Bundle, uses: Iterable[Occurrence]) -> Iterator[Finding]:
    """Report, once per image, what runs or is started but is not a related image (IL107)."""
    known = {_meant(entry.image) for entry in bundle.related} | {
        _meant(entry.comment) for entry in bundle.related
    }
    wanting: dict[tuple[str, str], list[Occurrence]] = defaultdict(list)
    for use in uses:
        path = use.place.path
        if path.startswith("spec.install.") or path == "metadata.annotations.containerImage":
            reference = use.reference
            keys = {(reference.name, str(reference.digest or "")), (reference.name, reference.tag or "")}
            if not {key for key in keys if key[1]} & known and (reference.name, "") not in known:
                wanting[reference.name, reference.tag or str(reference.digest or "")].append(use)
    for found in wanting.values():
        first = found[0]
        yield finding(
            "IL107",
            f"{first.reference} is not in spec.relatedImages",
            reference=first.reference,
            file=first.file.name,
            line=first.place.line,
            column=first.place.column,
            notes=[f"also at {use.where}" for use in found[1:]],
            hint="set `[olm] related-images = true` and run `imagelock pin`",
        )


def _meant(text: str | None) -> tuple[str, str]:
    """Return what a related image stands for: its name with its digest, or with its tag."""
    reference = Reference.parse_or_none(text)
    if reference is None:
        return ("", "")
    return (reference.name, str(reference.digest or reference.tag or ""))


def _twice(file: ScannedFile, bundle: Bundle) -> Iterator[Finding]:
    """Report names that a list has twice (IL109)."""
    named = [(entry.name, entry.line, "spec.relatedImages") for entry in bundle.related]
    named += [(variable.name, variable.line, "the environment") for variable in bundle.variables]
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for name, line, where in named:
        if name:
            places[where, name].append(line)
    for (where, name), lines in places.items():
        if len(lines) > 1:
            yield finding(
                "IL109",
                f"{where} has {name} {len(lines)} times",
                file=file.name,
                line=lines[1],
                notes=[f"{file.name}:{line}" for line in lines],
            )


def _listed_twice(uses: Iterable[Occurrence]) -> Iterator[Finding]:
    """Report images that a plain list has twice (IL109)."""
    seen: dict[tuple[str, str], Occurrence] = {}
    for use in uses:
        if use.place.format != image_list.name:
            continue
        first = seen.setdefault(olm.identity(use.reference.with_tag(use.reference.tag)), use)
        if first is not use and use.reference.tag is not None:
            yield finding_at(
                use, "IL109", f"{use.reference} is already in this list, in line {first.place.line}"
            )


def _misnamed(file: ScannedFile, bundle: Bundle) -> Iterator[Finding]:
    """Report variables whose names the operator would not look for (IL125)."""
    for variable in bundle.variables:
        reason = _flaw(variable)
        if reason is not None:
            yield finding("IL125", f"{variable.name}: {reason}", file=file.name, line=variable.line)


def _flaw(variable: Variable) -> str | None:
    name = variable.name
    if name.startswith(olm.PREFIX) and _VARIABLE.fullmatch(name) is None:
        odd = "".join(dict.fromkeys(re.findall(r"[^-._A-Za-z0-9]", name)))
        return f"not the name of a variable: it has {odd}"
    if name.startswith(olm.EDITOR_PREFIX):
        return _editor_flaw(name)
    return _sample_flaw(variable) if name.startswith(olm.ENCODED_PREFIX) else _base32_flaw(variable)


def _editor_flaw(name: str) -> str | None:
    if _RULE.fullmatch(name.removeprefix(olm.EDITOR_PREFIX)) is None:
        return "in an editor's name every run of characters other than letters and digits must be one _"
    return None


def _sample_flaw(variable: Variable) -> str | None:
    image = olm.decode_sample(variable.name)
    if image is None:
        return "the part after sample_encoded_ is not an image in base64, with ____ for ="
    if image.digest is None and olm.sample_name(str(image)) != variable.name:
        return f"not the base64 of the image and a line break: the name for {image} is {olm.sample_name(str(image))}"
    return _other_name(variable, image)


def _other_name(variable: Variable, image: Reference) -> str | None:
    value = Reference.parse_or_none(variable.value)
    if value is not None and value.name != image.name:
        return f"the name says {image}, and the value is another image: {value.name}"
    return None


def _base32_flaw(variable: Variable) -> str | None:
    """Compare a digest in the name of a variable with the value's; other names say nothing that could be wrong."""
    decoded = olm.decode_name(variable.name) if variable.name.startswith(olm.PREFIX) else None
    value = Reference.parse_or_none(variable.value)
    if decoded is None or decoded.digest is None or value is None or value.digest is None:
        return None
    return (
        None if decoded.digest == str(value.digest) else f"its name says {decoded.digest}, not {value.digest}"
    )


def _tags(uses: Iterable[Occurrence], lock: Lock) -> Iterator[Finding]:
    """Report tags that end in a digest which is not the image's (IL126)."""
    for use in uses:
        reference = use.reference
        match = _HEX.fullmatch(reference.tag or "")
        if match is None or reference.tag is None:
            continue
        entry = lock.tagged(reference.name, reference.tag)
        digest = reference.digest or (entry.digest if entry is not None else None)
        if digest is not None and not str(digest).endswith(f":{match['hex']}") and not use.silences("IL126"):
            yield finding_at(use, "IL126", f"the tag of {reference} names a digest other than {digest}")


@dataclass(frozen=True, slots=True)
class _Fact:
    """What a generated name or a ``# tag:`` comment says: the digest of a name and tag."""

    reference: Reference
    digest: str
    file: str
    line: int


def _disagreeing(uses: Iterable[Occurrence], facts: Iterable[_Fact]) -> Iterator[Finding]:
    """Yield the images to which generated lists give another digest than other places do (IL120)."""
    places: dict[tuple[str, str], dict[str, DigestPlace]] = defaultdict(dict)
    for use in uses:
        reference = use.reference
        if reference.tag is not None and reference.digest is not None:
            digest = str(reference.digest)
            place = DigestPlace(digest, use.file.name, use.place.line)
            places[reference.name, reference.tag].setdefault(digest, place)
    generated: dict[tuple[str, str], None] = {}
    for fact in facts:
        key = (fact.reference.name, fact.reference.tag or "")
        places[key].setdefault(fact.digest, DigestPlace(fact.digest, fact.file, fact.line))
        generated[key] = None
    for name, tag in generated:
        if len(places[name, tag]) > 1:
            yield two_digests(f"{name}:{tag}", [*places[name, tag].values()], hint="run `imagelock pin`")


def _facts(file: ScannedFile, bundle: Bundle) -> Iterator[_Fact]:
    """Yield what names of variables and ``# tag:`` comments say of digests."""
    for entry in bundle.related:
        image, origin = Reference.parse_or_none(entry.image), Reference.parse_or_none(entry.comment)
        if image is not None and origin is not None and image.digest is not None and origin.tag is not None:
            yield _Fact(origin, str(image.digest), file.name, entry.line)
    for variable in bundle.variables:
        decoded = olm.decode_name(variable.name) if variable.name.startswith(olm.PREFIX) else None
        value = Reference.parse_or_none(variable.value)
        if decoded is not None and decoded.tag and value is not None and value.digest is not None:
            yield _Fact(value.with_tag(decoded.tag), str(value.digest), file.name, variable.line)
