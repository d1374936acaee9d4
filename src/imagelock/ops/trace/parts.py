"""Learn which leaves build each image: mark them all, render once, bisect where the chart breaks on the marks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.formats.edit.edits import Edit, applied
from imagelock.ops.scan.charts import CHART_FILE
from imagelock.ops.trace.leaves import template_leaves, template_lines, value_leaves, version_leaf
from imagelock.ops.trace.marks import MOST_MARKS, mark, unmarked
from imagelock.ops.trace.outputs import OutputShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imagelock.model.trace import Role
    from imagelock.ops.trace.leaves import Leaf
    from imagelock.ops.trace.outputs import Output, RenderedImage
    from imagelock.ops.trace.targets import TraceTarget
    from imagelock.ops.trace.workspace import Workspace

_OBJECT_KEYS = ("image", "newTag", "newName", "digest", "value", "tag", "repository", "registry")
_SETS_VALUES = (".helm.", "spec.values", "].values", "].set[")


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf in an image; ``at`` is where it ends in the image's text."""

    leaf: Leaf
    at: int

    def role(self, image: str) -> Role:
        """Return what the leaf is in the image."""
        name, _, digest = image.partition("@")
        path_end = name.rfind(":") if "/" not in name[name.rfind(":") :] and ":" in name else len(name)
        start = self.at - len(self.leaf.text)
        if digest and self.at > len(name):
            return "digest" if start >= len(name) else "tag" if start >= path_end else "image"
        if self.at > path_end:
            return "tag" if start >= path_end else "image"
        if self.at == path_end:
            return (
                "name" if start > 0 and "/" not in self.leaf.text and "/" in image[:start] else "repository"
            )
        first = name.find("/")
        return "registry" if self.at <= first and ("." in name[:first] or ":" in name[:first]) else "prefix"


def all_leaves(
    work: Workspace, item: TraceTarget, base: Output, *, edit_templates: bool = False
) -> list[Leaf]:
    """Return every candidate of a target, those that are most often right first."""
    images = sorted({found.written for found in base.images})
    if item.target.kind == "kustomize":
        leaves = [leaf for name in work.texts for leaf in _object_leaves(work, name, images)]
    else:
        leaves = list(_chart_leaves(work, item, images))
        for name in work.texts if edit_templates else ():
            if "/templates/" in f"/{name}":
                leaves += template_lines(work.texts[name], name)
    return leaves[:MOST_MARKS]


def _object_leaves(work: Workspace, name: str, images: Sequence[str]) -> Iterator[Leaf]:
    """Yield the leaves of manifests, patches and kustomizations: names of objects are none."""
    if not name.endswith((".yaml", ".yml", ".json")) and name.rpartition("/")[2] != "Kustomization":
        return
    for leaf in value_leaves(work.texts[name], name, images):
        if (
            leaf.key in _OBJECT_KEYS
            or leaf.path.endswith("]")
            or ">" in leaf.path
            or ".data." in f".{leaf.path}"
        ):
            yield leaf


def values_files(work: Workspace, item: TraceTarget) -> list[str]:
    """Return the files that hold values of a target, those of sub-charts last."""
    target = item.target
    start = f"{target.folder}/" if target.folder not in ("", ".") else ""
    files = [name for name in (item.source, *target.values) if name is not None]
    own = [name for name in work.texts if name.startswith(start) and name not in files]
    files += [name for name in own if name.rpartition("/")[2] in ("values.yaml", "values.yml")]
    return list(dict.fromkeys(files))


def _chart_leaves(work: Workspace, item: TraceTarget, images: Sequence[str]) -> Iterator[Leaf]:
    start = f"{item.target.folder}/" if item.target.folder not in ("", ".") else ""
    files = values_files(work, item)
    own = [name for name in work.texts if name.startswith(start) and name not in files]
    for name in files:
        for leaf in value_leaves(work.texts.get(name, ""), name, images):
            if name != item.source or _is_of(leaf, item):
                yield leaf
    for name in own:
        if name.endswith(f"/{CHART_FILE}") or name == CHART_FILE:
            version = version_leaf(work.texts[name], name)
            if version is not None:
                yield version
        elif "/templates/" in f"/{name}":
            yield from template_leaves(work.texts[name], name, [image.partition("@")[0] for image in images])


def _is_of(leaf: Leaf, item: TraceTarget) -> bool:
    return leaf.document == item.document and any(words in leaf.path for words in _SETS_VALUES)


def marked_texts(texts: Mapping[str, str], leaves: Mapping[int, Leaf]) -> dict[str, str]:
    """Return the files with a mark behind each of these leaves."""
    edits: dict[str, list[Edit]] = defaultdict(list)
    for number, leaf in leaves.items():
        edits[leaf.file].append(Edit(leaf.end, leaf.end, mark(number)))
    return {name: applied(texts[name], sorted(items)) for name, items in edits.items()}


def learn_parts(
    work: Workspace, base: Output, leaves: Sequence[Leaf]
) -> dict[RenderedImage, tuple[Part, ...]]:
    """Return the leaves of each image, in the order in which they stand in it."""
    numbered = dict(enumerate(leaves))
    found: dict[RenderedImage, set[tuple[int, int]]] = {image: set() for image in base.images}
    waiting = [list(numbered)]
    while waiting and found:
        numbers = waiting.pop()
        seen = _seen(work, base, {number: numbered[number] for number in numbers}) if numbers else {}
        if seen is None and len(numbers) > 1:
            middle = len(numbers) // 2
            waiting += [numbers[middle:], numbers[:middle]]
            continue
        for image, marks in (seen or {}).items():
            found[image] |= marks
    return {
        image: tuple(Part(numbered[number], at) for at, number in sorted(marks))
        for image, marks in found.items()
    }


def _seen(
    work: Workspace, base: Output, leaves: Mapping[int, Leaf]
) -> dict[RenderedImage, set[tuple[int, int]]] | None:
    """Render with marks; None where taking them away does not give the images back."""
    try:
        output = work.render(marked_texts(work.texts, leaves), lenient=True)
        if len(output.documents) != len(base.documents):
            return None
        return {image: _marks_of(image, base, output) for image in base.images}
    except (FileError, OutputShapeError, LookupError):
        return None


def _marks_of(image: RenderedImage, base: Output, output: Output) -> set[tuple[int, int]]:
    number, path = image.field
    before = base.fields(number)[path]
    plain, seen = unmarked(output.fields(number)[path])
    if plain != before:
        raise LookupError(path)
    return {(item.at - image.start, item.number) for item in seen if image.start < item.at <= image.end}
