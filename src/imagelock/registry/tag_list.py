"""List a repository's tags, page by page (OCI distribution specification 1.1, "Listing Tags")."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from imagelock.errors import IntegrityError
from imagelock.model.reference import is_tag
from imagelock.registry.http.responses import next_query, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.registry.hosts.endpoints import Endpoint
    from imagelock.registry.http.responses import Response

_PAGES = 10_000
_MOST_TAGS = 1_000_000


class _Page(msgspec.Struct):
    """One answer; registries write null for a repository without tags."""

    tags: list[str] | None = None


def listed(ask: Callable[[str], Response], at: Endpoint) -> tuple[str, ...]:
    """Return every tag, in the registry's order; words that are no tags are passed over.

    Raises :class:`IntegrityError` for an answer that is no list, or has no end.
    """
    found: dict[str, None] = {}
    path = target = at.target("tags/list")
    for _ in range(_PAGES):
        answer = ask(target)
        if answer.status != 200:
            raise refusal(answer, what="repository")
        page = _read(answer)
        new = dict.fromkeys(tag for tag in page if is_tag(tag) and tag not in found)
        found |= new
        query = next_query(answer)
        if len(found) > _MOST_TAGS:
            break
        if query is None or not page:
            return tuple(found)
        if not new:  # A registry that passes over `last` would send the same page for ever.
            raise IntegrityError("a list of tags that goes in circles", where=answer.url)
        target = f"{path}?{query}"
    raise IntegrityError("a list of tags without an end", where=quote(at.repository, safe="/"))


def _read(answer: Response) -> list[str]:
    try:
        return msgspec.json.decode(answer.body, type=_Page).tags or []
    except msgspec.DecodeError as error:
        raise IntegrityError(f"not a list of tags: {error}", where=answer.url) from error
