"""Keys of values whose text a chart puts before the names of its images: hubs, default registries.

What a chart joins is for its templates to say, so a name without a registry's host beside such a key is
neither Docker Hub's nor to be written: it is skipped, with what the two would make together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.formats.classify.candidates import SHOWN_CHARS
from imagelock.formats.values.split_reference import Parts, text_of
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, Skipped
from imagelock.model.reference import DEFAULT_DOMAIN, Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imagelock.formats.syntax.tree import Node
    from imagelock.model.place import Found

JOINED = "a name without a registry beside {}: what the chart makes of the two is the chart's to say"

_HUB = lazy_regex(r"(?:image|docker|default|global)?[-_]?hub", re.IGNORECASE)
_REGISTRY = lazy_regex(
    r"(?:default|global|base|private|common|image|images|docker|container|oci)?[-_]?"
    r"(?:image|images|docker|container)?[-_]?registry[-_]?(?:prefix|url|host|path|base|name|server|address|domain)?"
    r"|(?:default|global|base|private|common)[-_]?(?:image|images|docker|container)[-_]?(?:repository|repo|prefix)"
    r"|(?:image|images|docker|container)[-_]?(?:repository|repo)?[-_]?prefix",
    re.IGNORECASE,
)
_OF_PARTS = "registry"
"""A part of the reference itself where it is beside it."""
_GLOBAL = "global.imageRegistry"
"""Charts agree on what this one means; it has a rule of its own."""


@dataclass(frozen=True, slots=True)
class Joiner:
    """One such key with its text; a hub is put before single words alone."""

    key: str
    text: str
    is_hub: bool


def joiners(fields: Mapping[str, Node], above: str = "", *, beside: bool = False) -> tuple[Joiner, ...]:
    """Return the joiners among some values; ``above`` is what their keys are behind.

    ``beside`` says that they stand in the same mapping as the image, where ``registry`` is a part of it.
    """
    found = (_joiner(key, value, above) for key, value in fields.items() if not (beside and key == _OF_PARTS))
    return tuple(item for item in found if item is not None)


def _joiner(key: str, value: Node, above: str) -> Joiner | None:
    is_hub = _HUB.fullmatch(key) is not None
    if above + key == _GLOBAL or not (is_hub or _REGISTRY.fullmatch(key)):
        return None
    text = text_of(value).rstrip("/")
    if not text or text == DEFAULT_DOMAIN or not _is_prefix(text):
        return None
    return Joiner(above + key, text, is_hub)


def _is_prefix(text: str) -> bool:
    try:
        Reference.parse(f"{text}/a")
    except InvalidValueError:
        return False
    return True


def guarded(
    items: Iterable[Parts | Found | None], known: tuple[Joiner, ...], format_name: str
) -> Iterator[Parts | Found | None]:
    """Yield the images, those skipped to whose names the chart may put one of the joiners."""
    for item in items:
        joiner = _meant(item, known) if known else None
        yield item if joiner is None else _skipped(item, joiner, format_name)


def _meant(item: Parts | Found | None, known: tuple[Joiner, ...]) -> Joiner | None:
    if isinstance(item, Parts):
        written = item.name
    elif isinstance(item, Place):
        written = item.reference.written_name
    else:
        return None
    first, slash, _ = written.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return None
    return next((joiner for joiner in known if not (joiner.is_hub and slash)), None)


def _skipped(item: Parts | Found | None, joiner: Joiner, format_name: str) -> Skipped | None:
    if isinstance(item, Parts):
        for node in (item.repository, item.tag, item.digest):
            if node is not None:
                node.document.taken.add(node.offset)
        (line, column), text = item.repository.position, item.text
    elif isinstance(item, Place):
        line, column, text = item.line, item.column, str(item.reference)
    else:
        return None
    shown = f"{joiner.text}/{text}"[:SHOWN_CHARS]
    return Skipped(text=shown, line=line, column=column, reason=JOINED.format(joiner.key), format=format_name)
