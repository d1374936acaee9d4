"""Write a record of traces; equal content gives equal bytes, and branches merge by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.model.toml_text import basic_string

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagelock.model.trace import TracedEdit, TracedImage, TracedPart, TracedTarget, TraceRecord

VERSION = 1
HEADER = "# Written by imagelock. Do not edit: run `imagelock trace`.\n"


def render_trace(record: TraceRecord) -> str:
    """Return the record's text: a function of the targets alone, sorted by name."""
    blocks = [f"{HEADER}version = {VERSION}\n"]
    for target in sorted(record.targets, key=lambda target: target.name):
        blocks.append(_target(target))
        blocks += [_image(image) for image in target.images]
    return "\n".join(blocks)


def _target(target: TracedTarget) -> str:
    lines = ["[[target]]", *_pairs(("name", target.name), ("kind", target.kind), ("inputs", target.inputs))]
    lines += _pairs(("renderer", target.renderer), ("problem", target.problem))
    for key, values in (("files", target.files), ("unreached", target.unreached)):
        if values:
            lines += [f"{key} = [", *(f"    {basic_string(value)}," for value in values), "]"]
    return "\n".join(lines) + "\n"


def _image(image: TracedImage) -> str:
    lines = ["[[target.image]]", *_pairs(("image", image.image), ("reason", image.reason))]
    if image.parts:
        lines += ["parts = [", *(f"    {_part(part)}," for part in image.parts), "]"]
    if image.edit is not None:
        lines.append(f"edit = {_edit(image.edit)}")
    return "\n".join(lines) + "\n"


def _part(part: TracedPart) -> str:
    where = (("role", part.role), ("file", part.file), ("path", part.path))
    return _inline((*where, ("document", part.document or None)))


def _edit(edit: TracedEdit) -> str:
    where = (("kind", edit.kind), ("file", edit.file), ("path", edit.path))
    return _inline((*where, ("document", edit.document or None), ("tag", edit.tag)))


def _inline(pairs: Iterable[tuple[str, str | int | None]]) -> str:
    return "{ " + ", ".join(_pairs(*pairs)) + " }"


def _pairs(*pairs: tuple[str, str | int | None]) -> Iterator[str]:
    for key, value in pairs:
        if value is not None:
            yield f"{key} = {basic_string(value) if isinstance(value, str) else value}"
