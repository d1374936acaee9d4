"""Texts where a reference must be that another program replaces before anything is pulled.

A deployment script, ``envsubst``, ``ko`` or a policy engine fills them in, so they are no damage: they are
skipped with the reason, and every other place of the file counts.  What only looks odd (``label=image``, two
digests, a capital letter in a name) stays damage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Damaged, Place, SkipKind, Skipped

if TYPE_CHECKING:
    from imagelock.model.place import Found
    from imagelock.model.reference import Reference

KO = "an import path of Go code: ko builds the image and writes its name here"
VARIABLE = "a placeholder: a variable that another program fills in"
MARKED = "a placeholder: a marked word that another program replaces"
CAPITALS = "a placeholder in capitals"
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
_PATTERN = lazy_regex(r"[*?]|^!|^\(.*\)$|\s[|&]\s")


def settled(found: Found) -> Found:
    """Return a placeholder as skipped, and anything else as it is."""
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
    return PATTERN if _PATTERN.search(text) is not None else None


def _is_named_in_capitals(reference: Reference) -> bool:
    """Whether a valid reference has a host or a tag that somebody replaces: ``REGISTRY/app``, ``app:IMAGE_TAG``."""
    host = reference.domain
    is_host = "." not in host and ":" not in host and host != "localhost"
    if is_host and _CAPITALS.fullmatch(host) is not None:
        return True
    tag = reference.tag
    return tag is not None and reference.digest is None and tag.isupper() and _TAG.fullmatch(tag) is not None
