"""The edits that may pin an image, best first: what stands beside its leaves decides which there are.

A digest key that the chart may honour comes first, then the end of the tag, an empty tag, and the end of an
image in one piece.  The appVersion is never edited: it is in the labels of nearly every chart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.formats.edit.edits import edit_of
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Slot
from imagelock.ops.trace.leaves import node_slot, siblings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.formats.edit.edits import Edit
    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Part as SlotPart
    from imagelock.model.reference import Reference
    from imagelock.model.trace import EditKind
    from imagelock.ops.trace.leaves import Leaf
    from imagelock.ops.trace.parts import Part
    from imagelock.ops.trace.workspace import Workspace

DIGEST_KEY = lazy_regex(r"(?P<stem>.*?)[-_]?(?:[dD]igest|[sS]ha(?:256)?)", 0)
TAG_KEY = lazy_regex(r"(?P<stem>.*?)[-_]?(?:[tT]ag|[vV]ersion)", 0)
_DIGEST = lazy_regex(r"(?:sha256:)?[0-9a-f]{64}")
ONLY_VERSION = "its tag is the chart's appVersion, and no empty tag stands beside it in the values"
ONLY_TEMPLATE = "only a line of a template names it: --edit-templates pins it there"
NO_LEAF = "no value is part of it: the chart's templates put it together"
PACKAGED = "its values are inside a packaged chart: set them in the values of the chart above"
NOT_AT_END = "no value ends where the image ends, and no key for a digest stands beside its values"


@dataclass(frozen=True, slots=True)
class Trial:
    """One edit to try: the characters and what they become."""

    kind: EditKind
    file: str
    document: int
    path: str
    slot: Slot

    @property
    def place(self) -> tuple[str, int]:
        """Where it is: two edits of one place exclude each other."""
        return self.file, self.slot.span.at

    def edit(self, reference: Reference) -> Edit | None:
        """Return the edit of the file's text that makes the place say ``reference``."""
        return edit_of(self.slot, self.slot.words(reference))


def trials(work: Workspace, image: str, parts: Sequence[Part], *, edit_templates: bool) -> Iterator[Trial]:
    """Yield the edits that may pin an image, best first."""
    writable = [part for part in parts if not _is_packed(work, part.leaf)]
    values = [part for part in reversed(writable) if part.leaf.kind == "values"]
    ends = [part for part in parts if part.at >= len(image)]
    last = next((part for part in reversed(ends) if part.leaf.kind == "values"), None)
    if (
        last is not None
        and last.leaf.kind == "values"
        and last in writable
        and _DIGEST.fullmatch(last.leaf.text)
    ):
        yield _whole(last.leaf, "digest" if ":" in last.leaf.text else "hex")
    beside = [(part.leaf, siblings(work.texts[part.leaf.file], part.leaf)) for part in values]
    for kind in ("digest", "hex"):
        for leaf, nodes in beside:
            yield from _digest_keys(work, leaf, nodes, "digest" if kind == "digest" else "hex")
    if last is not None and last in writable and last.leaf.kind == "values":
        role = last.role(image)
        yield _appended(last.leaf, "tag" if role == "tag" else "image")
    for leaf, nodes in beside:
        yield from _empty_tags(work, leaf, nodes)
    for part in ends if edit_templates else ():
        if part.leaf.kind == "template" and part in writable:
            yield _appended(part.leaf, "template")


def why_none(work: Workspace, image: str, parts: Sequence[Part]) -> str:
    """Say why there is no edit to try for an image."""
    if any(_is_packed(work, part.leaf) for part in parts):
        return PACKAGED
    if not parts:
        return NO_LEAF
    last = parts[-1]
    if last.leaf.kind == "template" and last.at >= len(image):
        return ONLY_TEMPLATE
    return ONLY_VERSION if last.leaf.kind == "version" else NOT_AT_END


def _is_packed(work: Workspace, leaf: Leaf) -> bool:
    return any(leaf.file.startswith(folder) for folder in work.unpacked)


def _whole(leaf: Leaf, part: SlotPart) -> Trial:
    kind: EditKind = "hex" if part == "hex" else "digest"
    slot = Slot(span=leaf.span, text=leaf.text, part=part)
    return Trial(kind, leaf.file, leaf.document, leaf.path, slot)


def _appended(leaf: Leaf, kind: EditKind) -> Trial:
    at = leaf.text.find("@")
    at = len(leaf.text) if at < 0 else at
    slot = Slot(span=leaf.span.cut(at, len(leaf.text)), text=leaf.text[at:], part="@digest")
    return Trial(kind, leaf.file, leaf.document, leaf.path, slot)


def _digest_keys(work: Workspace, leaf: Leaf, nodes: dict[str, Node], part: SlotPart) -> Iterator[Trial]:
    stem = _stem(leaf.key)
    keys = [(key, match["stem"]) for key in nodes if (match := DIGEST_KEY.fullmatch(key)) is not None]
    for key, its_stem in sorted(keys, key=lambda item: item[1] != stem):
        node = nodes[key]
        if its_stem not in ("", stem) or not _is_fillable(node, leaf):
            continue
        if part == "hex" and (node.scalar or "").startswith("sha"):
            continue
        yield from _on_node(work, leaf, node, "hex" if part == "hex" else "digest", part)


def _empty_tags(work: Workspace, leaf: Leaf, nodes: dict[str, Node]) -> Iterator[Trial]:
    stem = _stem(leaf.key)
    for key, node in nodes.items():
        match = TAG_KEY.fullmatch(key)
        if (
            match is not None
            and match["stem"] in ("", stem)
            and (node.is_null or not node.scalar)
            and _is_fillable(node, leaf)
        ):
            yield from _on_node(work, leaf, node, "empty-tag", "tag@digest")


def _is_fillable(node: Node, leaf: Leaf) -> bool:
    return node.path != leaf.path and node.span() is not None


def _on_node(work: Workspace, leaf: Leaf, node: Node, kind: EditKind, part: SlotPart) -> Iterator[Trial]:
    slot = node_slot(work.texts[leaf.file], node, part)
    if slot is not None:
        yield Trial(kind, leaf.file, leaf.document, node.path, slot)


def _stem(key: str) -> str:
    """Return what a key has before ``tag``, ``image``, ``repository`` and the like."""
    for end in ("Repository", "repository", "Name", "name", "Tag", "tag", "Version", "version"):
        key = key.removesuffix(end).rstrip("-_")
    return "" if key in ("repository", "registry", "name", "tag") else key
