"""Prove at the registries what was learned from a cluster, and add it to a list that ``lock --from`` reads.

A node's word is a claim: only what a registry gives under that digest, hashed here, goes into a list.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.errors import FileError, NotFoundError, RegistryError
from imagelock.files import Write, decode, encode, read_bytes, write_all
from imagelock.lockfile.reader import is_list, list_lines
from imagelock.model.manifest import Index
from imagelock.model.outcome import Change, Finding, finding
from imagelock.ops.manifests import parse_content
from imagelock.ops.parallel import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from imagelock.model.reference import Reference
    from imagelock.ops.cluster.learn import Learned, Lesson
    from imagelock.ops.parallel import Progress
    from imagelock.stores.base import ManifestReader

_HEAD = "# What a cluster runs and no file names; written by `imagelock cluster learn`, read by `imagelock lock --from`.\n"


def prove(
    learned: Sequence[Learned], reader: ManifestReader, *, jobs: int, progress: Progress | None = None
) -> tuple[tuple[Learned, ...], tuple[Finding, ...]]:
    """Return what the registries have, and a finding for everything else (IL303, IL302)."""

    def ask(item: Learned) -> Learned | Finding:
        try:
            return replace(item, reference=_proved(item.reference, reader))
        except NotFoundError:
            return finding(
                "IL303",
                f"{item.reference}: it runs, and the registry does not have it",
                reference=str(item.reference),
                notes=[f"{user} runs it" for user in item.users],
                hint="find out where its nodes have it from; it is not written into the list",
            )
        except RegistryError as error:
            return finding(
                "IL302",
                f"{item.reference}: {error.kind}: {error.message}",
                reference=str(item.reference),
                notes=[f"tried {line}" for line in error.tried],
                hint=error.hint,
            )

    hosts = len({item.reference.name.partition("/")[0] for item in learned})
    answers = map_concurrently(learned, ask, jobs=jobs, hosts=hosts, progress=progress)
    return (
        tuple(item for item in answers if not isinstance(item, Finding)),
        tuple(item for item in answers if isinstance(item, Finding)),
    )


def _proved(reference: Reference, reader: ManifestReader) -> Reference:
    """Read the manifest that runs; where its tag is an index that lists it, the index is what to lock.

    Some runtimes report the manifest of the node's platform although the pod names an index.
    """
    digest = reference.digest
    if digest is None:
        raise NotFoundError("no digest", where=str(reference))
    content = reader.get_manifest(reference.name, digest)
    if reference.tag is None or isinstance(parse_content(content, str(reference)), Index):
        return reference
    try:
        tagged = reader.get_manifest(reference.name, reference.tag)
    except NotFoundError:
        return reference.with_tag(None)
    document = parse_content(tagged, str(reference))
    if isinstance(document, Index) and any(child.digest == digest for child in document.manifests):
        return reference.with_digest(tagged.digest)
    return reference


def add_to_list(
    path: Path, name: str, learned: Sequence[Learned]
) -> tuple[tuple[Change, ...], tuple[Finding, ...]]:
    """Add what is not there yet to a list; return what was added, and what contradicts a line of it (IL120).

    ``name`` is the file as messages show it.  Lines that are there stay as they are.  Raises
    :class:`FileError` for a file that is no plain list or cannot be written.
    """
    before = read_bytes(path) if path.exists() else None
    text = decode(before) if before is not None else _HEAD
    if not is_list(text):
        raise FileError("a lock, not a plain list", where=name, hint="give a file of its own to --write")
    there = {
        (line.name, line.tag or str(line.digest)): (line, number) for number, line in list_lines(text, name)
    }
    changes, findings, added = [], [], []
    for item in learned:
        reference = item.reference
        found = there.get((reference.name, reference.tag or str(reference.digest)))
        if found is None:
            added.append(f"{item.line}\n")
            changes.append(Change(reference=str(reference), before=None, after=str(reference.digest)))
        elif found[0].digest != reference.digest:
            findings.append(_contradiction(item, f"{name}:{found[1]}", found[0]))
    if added:
        ended = text if not text or text.endswith("\n") else f"{text}\n"
        write_all([Write(path, before, encode(ended + "".join(added), before or b""))])
    return tuple(changes), tuple(findings)


def written(lesson: Lesson, changes: Sequence[Change], findings: Sequence[Finding], name: str) -> Lesson:
    """Return a lesson after writing: what is in the list is no longer a finding."""
    outcome = lesson.outcome
    proposed = {str(item.reference) for item in lesson.learned}
    advice = (
        f"{name}: {len(changes)} added; `imagelock lock --from {name}` takes them into the lock"
        if changes
        else f"{name}: nothing to add"
    )
    left = (item for item in outcome.findings if item.reference not in proposed)
    return replace(
        lesson,
        outcome=replace(
            outcome,
            changes=tuple(changes),
            findings=(*left, *findings),
            summary={**outcome.summary, "added": len(changes)},
            advice=(*outcome.advice, advice),
        ),
    )


def _contradiction(item: Learned, where: str, line: Reference) -> Finding:
    return finding(
        "IL120",
        f"{item.reference} runs, and {where} says {line.digest or 'no digest'}",
        reference=str(item.reference),
        notes=[f"{user} runs it" for user in item.users],
        hint="keep the right one",
    )
