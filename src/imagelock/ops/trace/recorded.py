"""Read the record of traces into what a scan found: true names, and slots that rendering proved.

What the record says stands above the keys' names.  A record whose inputs changed says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.errors import FileError, InvalidValueError
from imagelock.files import decode, read_bytes
from imagelock.formats.syntax.text import Text
from imagelock.lazy_regex import lazy_regex
from imagelock.model.digest import Digest
from imagelock.model.outcome import finding
from imagelock.model.place import Place, Skipped, Slot, Span
from imagelock.model.reference import Reference
from imagelock.ops.scan.scanned_file import ScannedFile
from imagelock.ops.trace.leaves import node_slot, value_nodes
from imagelock.ops.trace.run import STALE, read_record, stale_targets
from imagelock.ops.trace.tracer import SHARED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from imagelock.formats.syntax.tree import Node
    from imagelock.model.outcome import Finding
    from imagelock.model.place import Part
    from imagelock.model.trace import TracedEdit, TracedImage, TracedPart, TracedTarget
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection

_ROW = lazy_regex(r"\[([0-9]+)\]")
_ACTION_END = lazy_regex(r"[^\n]*\}\}(?P<action>)(?P<digest>(?:@sha256:[0-9a-f]{64})?)[\"']?[ \t]*\r?$")
_WRITTEN_DIGEST = lazy_regex(r"@sha256:[0-9a-f]{64}")
_NAMES = ("repository", "name", "image")
_SLOT_PARTS: Mapping[str, Part] = {"digest": "digest", "hex": "hex", "empty-tag": "tag@digest"}
_KINDS = {"kustomize": "kustomization"}


@dataclass(frozen=True, slots=True)
class _File:
    """One file with its scalars by document and path."""

    text: Text
    nodes: Mapping[tuple[int, str], Node]


def with_traces(project: Project, collection: Collection, whole: Collection) -> Collection:
    """Return the collection with what the record knows; ``whole`` is that of the whole project."""
    record, _ = read_record(project)
    if not record.targets:
        return collection
    stale, _ = stale_targets(project, whole, record)
    fresh = [target for target in record.targets if target.name not in stale]
    files = _Files(project.root)
    found: dict[str, list[Place]] = defaultdict(list)
    lines: dict[str, set[int]] = defaultdict(set)
    for target in fresh:
        for image in target.images:
            placed = _placed(target, image, files)
            if placed is not None:
                found[placed[0]].append(placed[1])
                for name in {part.file for part in image.parts} | {placed[0]}:
                    file = files.get(name)
                    lines[name] |= set() if file is None else _lines(image, name, file)
    problems = [_stale(name) for name in sorted(stale)]
    files_joined = _with_places(project, collection, whole, found, lines)
    return replace(collection, files=files_joined, problems=(*collection.problems, *problems))


def _with_places(
    project: Project,
    collection: Collection,
    whole: Collection,
    found: Mapping[str, list[Place]],
    lines: Mapping[str, set[int]],
) -> tuple[ScannedFile, ...]:
    """Return the files with the record's places; files in which no format found anything come last."""
    wanted = None if collection.whole else {file.path for file in collection.visited}
    names = {file.path: file.name for file in whole.visited}
    joined = list(collection.files)
    known = {str(file.path): i for i, file in enumerate(joined) if file.path is not None}
    for name, taken in lines.items():
        path, own = str(project.root / name), _agreed(found.get(name, []))
        if wanted is not None and path not in wanted:
            continue
        if path in known:
            joined[known[path]] = _joined(joined[known[path]], own, taken)
        elif own and path in names:
            data = read_bytes(project.root / name)
            joined.append(ScannedFile.of(Text(names[path], decode(data)), path, data, tuple(own)))
    return tuple(joined)


def _stale(name: str) -> Finding:
    return finding("IL127", f"{name}: {STALE}", hint="run `imagelock trace`")


class _Files:
    """The files that the record names, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, _File | None] = {}

    def get(self, name: str) -> _File | None:
        """Return a file with its scalars; None for one that is gone."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> _File | None:
        path = self._root / name
        try:
            if not path.resolve().is_relative_to(self._root.resolve()):
                return None
            content = decode(read_bytes(path))
        except (FileError, OSError):
            return None
        nodes = value_nodes(content, name) if "/templates/" not in f"/{name}" else ()
        return _File(Text(name, content), {(node.document.index, node.path): node for node in nodes})


def _placed(target: TracedTarget, image: TracedImage, files: _Files) -> tuple[str, Place] | None:
    """Return the place of an image with its file: where its edit is, or where its name is written."""
    if image.edit is not None:
        file = files.get(image.edit.file)
        filled = None if file is None else _slot(file, image.edit, image.image)
        if file is None or filled is None:
            return None
        slot, digest, offset = filled
        return image.edit.file, _place(target, image, file, (slot,), digest, offset, None)
    part = next((part for part in image.parts if part.role in _NAMES and not _ROW.fullmatch(part.path)), None)
    file = None if part is None else files.get(part.file)
    node = None if file is None or part is None else file.nodes.get((part.document, part.path))
    if file is None or node is None or part is None:
        return None
    return part.file, _place(target, image, file, (), None, node.offset, image.reason)


def _place(
    target: TracedTarget,
    image: TracedImage,
    file: _File,
    slots: tuple[Slot, ...],
    digest: Digest | None,
    offset: int,
    refusal: str | None,
) -> Place:
    named = next((part for part in image.parts if part.role in _NAMES and part.file == file.text.path), None)
    shown = image.edit or named
    node = None if named is None else file.nodes.get((named.document, named.path))
    line, column = file.text.position(offset) if node is None else node.position
    reference = Reference.parse(image.image)
    return Place(
        reference=reference if digest is None else reference.with_digest(digest),
        slots=slots,
        line=line,
        column=column,
        document=0 if shown is None else shown.document,
        path=(named.path if named is not None else shown.path) if shown is not None else "",
        format=_KINDS.get(target.kind, "helm-values"),
        refusal=refusal,
    )


def _slot(file: _File, edit: TracedEdit, image: str) -> tuple[Slot, Digest | None, int] | None:
    """Return the slot of an edit, the digest that it holds, and where it is."""
    if edit.kind == "template":
        return _template_slot(file, edit, image)
    node = file.nodes.get((edit.document, edit.path))
    whole = (
        None if node is None else node_slot(file.text.content, node, _SLOT_PARTS.get(edit.kind, "@digest"))
    )
    if node is None or whole is None:
        return None
    is_frozen = edit.kind == "empty-tag" and edit.tag is not None and whole.text.startswith(edit.tag)
    if whole.part == "@digest" or is_frozen:
        at = whole.text.find("@") if "@" in whole.text else len(whole.text)
        whole = Slot(span=whole.span.cut(at, len(whole.text)), text=whole.text[at:], part="@digest")
    return whole, _digest_in(whole.text, whole.part), node.offset


def _template_slot(file: _File, edit: TracedEdit, image: str) -> tuple[Slot, Digest | None, int] | None:
    match = _ROW.fullmatch(edit.path)
    content, start = file.text.content, 0
    for _ in range(int(match[1]) - 1 if match is not None else 0):
        start = content.find("\n", start) + 1
    tag = image.rpartition(":")[2]
    line_end = content.find("\n", start) if "\n" in content[start:] else len(content)
    at = next((at for words in (image, tag) if (at := content.find(words, start, line_end)) >= 0), -1)
    action = _ACTION_END.match(content, start, line_end) if at < 0 else None
    if at < 0 and action is None:
        return None
    if action is not None:
        at, first, last = start, action.end("action"), action.end("digest")
    else:
        first = at + len(image if content.startswith(image, at) else tag)
        digest = _WRITTEN_DIGEST.match(content, first, line_end)
        last = first if digest is None else digest.end()
    slot = Slot(span=Span.plain(first, last), text=content[first:last], part="@digest")
    return slot, _digest_in(slot.text, "@digest"), at


def _digest_in(text: str, part: Part) -> Digest | None:
    words = f"sha256:{text}" if part == "hex" else text.removeprefix("@")
    try:
        return Digest.parse(words) if text else None
    except InvalidValueError:
        return None


def _lines(image: TracedImage, name: str, file: _File) -> set[int]:
    """Return the lines of a file that hold parts of an image."""
    wheres: list[TracedPart | TracedEdit] = [*image.parts, *filter(None, [image.edit])]
    found = set()
    for where in wheres:
        node = file.nodes.get((where.document, where.path)) if where.file == name else None
        if node is not None:
            found.add(node.position[0])
        elif where.file == name and (match := _ROW.fullmatch(where.path)) is not None:
            found.add(int(match[1]))
    return found


def _agreed(places: list[Place]) -> list[Place]:
    """Return each place once; characters that pin different images are not to be written."""
    meant: dict[int, set[str]] = defaultdict(set)
    for place in places:
        for slot in place.slots:
            meant[slot.span.at].add(f"{place.reference.name}:{place.reference.tag}")
    kept: dict[tuple[object, ...], Place] = {}
    for place in places:
        is_shared = any(len(meant[slot.span.at]) > 1 for slot in place.slots)
        own = replace(place, slots=(), refusal=SHARED) if is_shared else place
        key = (own.line, own.column, str(own.reference), tuple(slot.span.at for slot in own.slots))
        kept.setdefault(key, own)
    return list(kept.values())


def _joined(file: ScannedFile, places: list[Place], lines: set[int]) -> ScannedFile:
    """Put the record's places in place of what the formats made of the same lines and characters."""
    slots = {slot.span.at for place in places for slot in place.slots}
    paths = {place.path for place in places}
    kept = []
    formats = {}
    for item in file.found:
        if isinstance(item, Place):
            is_ours = (
                item.path in paths or item.line in lines or any(slot.span.at in slots for slot in item.slots)
            )
            if is_ours:
                formats[item.path] = item.format
                continue
        elif isinstance(item, Skipped) and item.line in lines:
            continue
        kept.append(item)
    own = [replace(place, format=formats.get(place.path, place.format)) for place in places]
    found = sorted([*kept, *own], key=lambda item: (item.line, item.column))
    return replace(file, found=tuple(found))
