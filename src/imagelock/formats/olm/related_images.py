"""Find where a ClusterServiceVersion or a Deployment takes generated lists: its operator and its related images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import FormatError
from imagelock.formats.edit.blocks import comment_below
from imagelock.formats.syntax.yaml_text import chunks, compose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.tree import Document, Node

CSV_KIND = "ClusterServiceVersion"
RELATED = ("spec", "relatedImages")
CSV_OPERATOR: tuple[str | int, ...] = (
    *("spec", "install", "spec", "deployments", 0),
    *("spec", "template", "spec", "containers", 0),
)
OPERATOR: tuple[str | int, ...] = ("spec", "template", "spec", "containers", 0)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the operator: its number in the list, and where its value is found (a place's path)."""

    index: int
    name: str
    value: str | None
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class RelatedEntry:
    """One entry of ``spec.relatedImages`` as it is written."""

    name: str | None
    image: str | None
    comment: str | None
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One document that takes lists: ``operator`` leads to its first container, None without one."""

    document: int
    is_csv: bool
    name: str
    operator: tuple[str | int, ...] | None
    variables: tuple[Variable, ...]
    related: tuple[RelatedEntry, ...]
    line: int

    @property
    def operator_path(self) -> str | None:
        """The path of the operator's image, as places have it."""
        return None if self.operator is None else f"{_dotted(self.operator)}.image"


def bundles(text: Text) -> Iterator[Bundle]:
    """Yield the ClusterServiceVersions and Deployments of a text; what cannot be read is left out."""
    if CSV_KIND not in text.content and "Deployment" not in text.content:
        return
    for chunk in chunks(text):
        raw = text.content[chunk.start : chunk.end]
        if CSV_KIND not in raw and "Deployment" not in raw:
            continue
        try:
            document = compose(text, chunk)
        except FormatError:
            continue
        kind = document.top.get("kind") if document is not None else None
        if document is not None and kind is not None and kind.text in (CSV_KIND, "Deployment"):
            yield _bundle(document, is_csv=kind.text == CSV_KIND)


def _bundle(document: Document, *, is_csv: bool) -> Bundle:
    way = CSV_OPERATOR if is_csv else OPERATOR
    operator = _at(document.top, way)
    related = document.top.get(*RELATED) if is_csv else None
    name = document.top.get("metadata", "name")
    line, _ = document.text.position(related.offset if related is not None else document.top.offset)
    return Bundle(
        document=document.index,
        is_csv=is_csv,
        name=(name.scalar if name is not None else None) or "",
        operator=way if operator is not None and operator.is_mapping else None,
        variables=tuple(_variables(operator)) if operator is not None else (),
        related=tuple(_related(document, related)) if related is not None else (),
        line=line,
    )


def _variables(container: Node) -> Iterator[Variable]:
    env = container.get("env")
    for i, item in enumerate(env.items()) if env is not None else ():
        name, value = item.get("name"), item.get("value")
        text = value.text if value is not None else None
        # A place's path counts from the root with dots: this is the one that the finder gives.
        line, _ = (value or item).position
        yield Variable(i, (name.scalar if name is not None else None) or "", text, f"{item.path}.value", line)


def _related(document: Document, related: Node) -> Iterator[RelatedEntry]:
    for item in related.items():
        name, image = item.get("name"), item.get("image")
        line, _ = item.position
        yield RelatedEntry(
            name.scalar if name is not None else None,
            image.text if image is not None else None,
            comment_below(document, item),
            line,
        )


def _at(node: Node, way: tuple[str | int, ...]) -> Node | None:
    found: Node | None = node
    for step in way:
        if found is None:
            return None
        items = found.items() if isinstance(step, int) else iter(())
        found = next(items, None) if step == 0 else found.get(str(step))
    return found


def _dotted(way: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in way).removeprefix(".")
