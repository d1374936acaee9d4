"""Texts where a reference must be that another program replaces before anything is pulled.

A deployment script, ``envsubst``, ``ko`` or a policy engine fills them in, so they are no damage: they are
skipped with the reason, and every other place of the file counts.  What only looks odd (``label=image``, two
digests, a capital letter in a name) stays damage.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.classify.assembled import nowhere, place_of
from imagelock.formats.classify.candidates import NO_SPAN
from imagelock.formats.classify.interpolation import UnresolvedError, assemble, resolve
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Damaged, Place, SkipKind, Skipped, Span

if TYPE_CHECKING:
    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found
    from imagelock.model.reference import Reference

KO = "an import path of Go code: ko builds the image and writes its name here"
VARIABLE = "a placeholder: a variable that another program fills in"
MARKED = "a placeholder: a marked word that another program replaces"
CAPITALS = "a placeholder in capitals"
SAID = "a placeholder in words"
PATTERN = "a pattern of a policy or a test, and no single image"

FINISHED = ("csv", "olm-catalog", "image-list")
"""Formats of what is published as it is: a variable that is still there was forgotten, and is damage."""
_KO = "ko://"
_NAME = r"[A-Za-z_][\w. -]{0,100}"
_VARIABLE = lazy_regex(r"\$(?:\{|\(|\[|[A-Za-z_])")
_MARKED = lazy_regex(
    rf"\{{{_NAME}\}}|@@?{_NAME}@|%{_NAME}%|#\{{?{_NAME}\}}?#|\[{_NAME}\]|~{_NAME}~|<{_NAME}>|__{_NAME}__"
)
_CAPITALS = lazy_regex(r"[A-Z][A-Z0-9]+(?:[_-]+[A-Z0-9]+)*_*|_+[A-Z][A-Z0-9_]+")
_SEPARATORS = lazy_regex(r"[/:@]")
_TAG = lazy_regex(
    r"(?:[A-Z0-9]+_)*(?:TAG|VERSION|PLACEHOLDER|CHANGE_?ME|REPLACE(?:_?ME)?|COMMIT|SHA)(?:_[A-Z0-9]+)*"
)
"""A tag in capitals that says it is none; ``LATEST`` and ``RELEASE`` are tags of somebody."""
_SAID = lazy_regex(r"\s.*\bplaceholder\b|\bplaceholder\b.*\s|^<.*>$", re.IGNORECASE)
_PATTERN = lazy_regex(r"[*?]|^!|^\(.*\)$|\s[|&]\s")


def settled(found: Found, text: Text) -> Found:
    """Return a placeholder as skipped, or the place of its default, and anything else as it is."""
    if (
        isinstance(found, Damaged)
        and "${" in found.text
        and (place := _with_defaults(found, text)) is not None
    ):
        return place
    if isinstance(found, Damaged):
        reason = _reason(found.text)
        reason = None if reason is VARIABLE and found.format in FINISHED else reason
        return found if reason is None else _skipped(found, found.text, reason)
    if isinstance(found, Place) and _is_named_in_capitals(found.reference):
        return _skipped(found, str(found.reference), CAPITALS)
    return found


def _skipped(found: Damaged | Place, text: str, reason: str) -> Skipped:
    return Skipped(
        text=text,
        line=found.line,
        column=found.column,
        reason=reason,
        format=found.format,
        kind=SkipKind.PLACEHOLDER,
    )


def _with_defaults(found: Damaged, text: Text) -> Place | None:
    """Return the place of a text whose variables all have a default in place: ``${IMAGE:=nginx:1}`` of Flux."""
    at = text.offset(found.line, found.column)
    is_plain = text.content.startswith(found.text, at)
    span = Span.plain(at, at + len(found.text)) if is_plain else nowhere(found.text, at)
    try:
        assembled = assemble(resolve(found.text, span))
    except UnresolvedError:
        return None
    path = f"[{found.line}:{found.column}]"
    return place_of(assembled, text, at, path, found.format, refusal=None if is_plain else NO_SPAN)


def _reason(text: str) -> str | None:
    """Return why a text that is no reference is a placeholder; None when it is damage."""
    if text.startswith(_KO):
        return KO
    if _VARIABLE.search(text) is not None:
        return VARIABLE
    if _MARKED.search(text) is not None:
        return MARKED
    if any(_CAPITALS.fullmatch(part) for part in _SEPARATORS.split(text)):
        return CAPITALS
    if _SAID.search(text) is not None:
        return SAID
    return PATTERN if _PATTERN.search(text) is not None else None


def _is_named_in_capitals(reference: Reference) -> bool:
    """Whether a valid reference has a host or a tag that somebody replaces: ``REGISTRY/app``, ``app:IMAGE_TAG``."""
    host = reference.domain
    is_host = "." not in host and ":" not in host and host != "localhost"
    if is_host and _CAPITALS.fullmatch(host) is not None:
        return True
    tag = reference.tag
    return tag is not None and reference.digest is None and tag.isupper() and _TAG.fullmatch(tag) is not None
