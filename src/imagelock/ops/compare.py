"""Compare two locks entry by entry, and entries with what a user wrote."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError, UsageError
from imagelock.model.outcome import Change
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from imagelock.model.lock import Lock


def differences(old: Lock, new: Lock) -> tuple[Change, ...]:
    """Compare two locks entry by entry: added, removed, digest moved under the same tag."""
    before = {(image.name, image.tag or str(image.digest)): image for image in old.images}
    after = {(image.name, image.tag or str(image.digest)): image for image in new.images}
    changes = []
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if one is None or other is None or one != other:
            image = other or one
            changes.append(
                Change(
                    reference=image.reference if image else "",
                    before=None if one is None else str(one.digest),
                    after=None if other is None else str(other.digest),
                )
            )
    return tuple(changes)


def matches_image(text: str, name: str, tag: str | None) -> bool:
    """Whether what a user wrote (name, name:tag, or a glob on either) means this image.

    Raises :class:`UsageError` for what is none of them.
    """
    full = name if tag is None else f"{name}:{tag}"
    if any(mark in text for mark in "*?["):
        return fnmatch.fnmatchcase(name, text) or fnmatch.fnmatchcase(full, text)
    try:
        reference = Reference.parse(text)
    except InvalidValueError as error:
        raise UsageError(f"not an image: {error.message}", where=text, hint=error.hint) from error
    if reference.digest is not None:
        raise UsageError("name the image without its digest", where=text, hint="write name or name:tag")
    return reference.name == name and reference.tag in (None, tag)
