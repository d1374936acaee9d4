"""Find the tags a registry has that are near one it does not have: most missing tags are misspelt or retired."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from imagelock.errors import NotFoundError, RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelock.ops.lock.resolve import ImageQuery
    from imagelock.ops.registry_access import RegistryReader

_ASKED = 5
"""For so many missing tags the registry is asked at most: a list of tags may take many pages."""
_NAMED = 5
_LIKENESS = 0.3


def near_tags(
    failures: Mapping[ImageQuery, RegistryError], reader: RegistryReader
) -> dict[ImageQuery, tuple[str, ...]]:
    """Return the nearest tags for each tag that is missing; nothing where the registry lists none."""
    missing = [
        query
        for query, error in failures.items()
        if isinstance(error, NotFoundError) and query.tag is not None and query.digest is None
    ]
    return {query: _near(query, reader) for query in missing[:_ASKED]}


def _near(query: ImageQuery, reader: RegistryReader) -> tuple[str, ...]:
    try:
        tags = reader.tags(query.name)
    except RegistryError:
        return ()
    alike = difflib.get_close_matches(query.tag or "", tags, n=_NAMED, cutoff=_LIKENESS)
    return tuple(alike or tags[-_NAMED:])
