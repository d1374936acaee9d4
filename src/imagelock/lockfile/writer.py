"""Write a lock in its canonical form: equal content gives equal bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.model.toml_text import basic_string

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imagelock.model.lock import Lock, LockedImage, PlatformImage, Source


VERSION = 1
HEADER = "# Written by imagelock. Do not edit: run `imagelock lock`.\n"
FILE_HEAD = f"{HEADER}version = {VERSION}\n"


def render_lock(lock: Lock) -> str:
    """Return the lock file's text: a function of the entries alone."""
    blocks = [FILE_HEAD]
    blocks += [_block(image) for image in lock.sorted.images]
    return "\n".join(blocks)


def render_conflicts(
    lock: Lock, conflicts: Iterable[tuple[tuple[LockedImage, ...], tuple[LockedImage, ...]]]
) -> str:
    """Return a lock in which each conflict is written as both sides between git's markers, as whole blocks."""
    parts = [(image.sort_key, _block(image)) for image in lock.images]
    for both in conflicts:
        ours, theirs = ("\n".join(map(_block, side)) for side in both)
        key = min(image.sort_key for side in both for image in side)
        parts.append((key, f"<<<<<<< ours\n{ours}=======\n{theirs}>>>>>>> theirs\n"))
    blocks = [text for _, text in sorted(parts)]
    return "\n".join([FILE_HEAD, *blocks])


def _block(image: LockedImage) -> str:
    lines = ["[[image]]", f"name = {basic_string(image.name)}"]
    if image.tag is not None:
        lines.append(f"tag = {basic_string(image.tag)}")
    lines.append(f"digest = {basic_string(str(image.digest))}")
    if image.media_type is not None:
        lines.append(f"media-type = {basic_string(image.media_type)}")
    if image.size is not None:
        lines.append(f"size = {image.size}")
    if image.platforms:
        lines += ["platforms = [", *(f"    {_part(part)}," for part in image.platforms), "]"]
    if image.resolved_from is not None:
        lines.append(f"resolved-from = {basic_string(image.resolved_from)}")
    if image.source is not None:
        lines.append(f"source = {_source_table(image.source)}")
    return "\n".join(lines) + "\n"


def _part(part: PlatformImage) -> str:
    pairs = [f"platform = {basic_string(str(part.platform))}", f"digest = {basic_string(str(part.digest))}"]
    if part.config is not None:
        pairs.append(f"config = {basic_string(str(part.config))}")
    if part.size is not None:
        pairs.append(f"size = {part.size}")
    return "{ " + ", ".join(pairs) + " }"


def _source_table(source: Source) -> str:
    pairs = [f"from = {basic_string(source.origin)}"]
    if source.tag is not None:
        pairs.append(f"tag = {basic_string(source.tag)}")
    if source.revision is not None:
        pairs.append(f"revision = {basic_string(source.revision)}")
    return "{ " + ", ".join(pairs) + " }"
