"""Read a lock quickly: exactly the text that :func:`imagelock.lockfile.writer.render_lock` writes, nothing else.

Reading 2,000 entries with tomllib takes six times as long as this, and a third of what `drift` takes through
64 connections.  Every form taken here is TOML that can be read in one way only: plain strings without
escapes, numbers without signs, each key at its one place.  For anything else, and for whatever is wrong,
the answer is None and the strict reader decides, with its errors.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.lazy_regex import lazy_regex
from imagelock.model.digest import Digest
from imagelock.model.lock import LockedImage, PlatformImage, Source
from imagelock.model.platform import Platform
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    import re

_TEXT = r'"([^"\\\x00-\x1f\x7f\ud800-\udfff]*)"'
_DIGEST = r'"(sha256|sha512):((?<=sha256:)[0-9a-f]{64}|(?<=sha512:)[0-9a-f]{128})"'
_NUMBER = r"(0|[1-9][0-9]{0,17})"
_PART = (
    rf"    \{{ platform = {_TEXT}, digest = {_DIGEST}(?:, config = {_DIGEST})?(?:, size = {_NUMBER})? \}},\n"
)
_PARTS = lazy_regex(_PART)
_BLOCK = lazy_regex(
    r"\n\[\[image\]\]\n"
    rf"name = {_TEXT}\n"
    r'(?:tag = "([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"\n)?'
    rf"digest = {_DIGEST}\n"
    rf"(?:media-type = {_TEXT}\n)?"
    rf"(?:size = {_NUMBER}\n)?"
    rf"(?:platforms = \[\n((?:    \{{ [^\n]* \}},\n)+)\]\n)?"
    rf"(?:resolved-from = {_TEXT}\n)?"
    rf"(?:source = \{{ from = {_TEXT}(?:, tag = {_TEXT})?(?:, revision = {_TEXT})? \}}\n)?"
)


def read_images(text: str, head: str) -> tuple[LockedImage, ...] | None:
    """Return the entries of a lock in its own form, in their order; None for any other text.

    ``head`` is what the text must begin with, up to the first entry's blank line.
    """
    if not text.startswith(head):
        return None
    images: list[LockedImage] = []
    end = len(head)
    match_block = _BLOCK.match
    while match := match_block(text, end):
        image = _image(match)
        if image is None:
            return None
        images.append(image)
        end = match.end()
    return tuple(images) if end == len(text) else None


def _image(match: re.Match[str]) -> LockedImage | None:
    name, tag, algorithm, digest, media_type, size, parts, answered, origin, built, revision = match.groups()
    platforms = () if parts is None else _platforms(parts)
    if platforms is None or not _is_canonical(name):
        return None
    return LockedImage(
        name=name,
        tag=tag,
        digest=Digest(algorithm, digest),
        media_type=media_type,
        size=None if size is None else int(size),
        platforms=platforms,
        resolved_from=answered,
        source=None if origin is None else Source(origin=origin, tag=built, revision=revision),
    )


def _platforms(parts: str) -> tuple[PlatformImage, ...] | None:
    found: list[PlatformImage] = []
    end = 0
    while match := _PARTS.match(parts, end):
        text, algorithm, digest, config_algorithm, config, size = match.groups()
        platform = _platform(text)
        if platform is None:
            return None
        found.append(
            PlatformImage(
                platform=platform,
                digest=Digest(algorithm, digest),
                config=None if config is None else Digest(config_algorithm, config),
                size=None if size is None else int(size),
            )
        )
        end = match.end()
    return tuple(found) if end == len(parts) else None


@lru_cache(maxsize=256)
def _platform(text: str) -> Platform | None:
    try:
        return Platform.parse(text)
    except InvalidValueError:
        return None


@lru_cache(maxsize=1024)
def _is_canonical(name: str) -> bool:
    reference = Reference.parse_or_none(name)
    return reference is not None and reference.name == name
