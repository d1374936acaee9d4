"""Conditional requests over entity tags (RFC 9110, section 13).

What a client has need not be sent again, and what it has not seen it does not replace.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from imagelock.service.http import Response
from imagelock.service.refusal import HTTPError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelock.model.digest import Digest
    from imagelock.service.http import Request

_TAG = re.compile(r'(W/)?("[^"]*")', re.ASCII)


def entity_tag(digest: Digest) -> str:
    """Return the entity tag of content; a digest names its bytes, so the tag is a strong one."""
    return f'"{digest}"'


def unless_sent(request: Request, headers: Mapping[str, str]) -> Response | None:
    """Return the answer that spares the content; None when the content has to be sent.

    ``headers`` are those that the content would be sent with, ``Etag`` among them.  Dates are passed over:
    nothing here has one.  Raises :class:`HTTPError` (412) when the client asks for other content.
    """
    _require_match(request, headers["Etag"])
    known = _is_known(request, headers["Etag"])
    return Response(status=HTTPStatus.NOT_MODIFIED, headers=headers) if known else None


def check_preconditions(request: Request, current: Digest | None) -> None:
    """Raise :class:`HTTPError` (412) unless a write may replace what is there; None: nothing does.

    So no one's change is lost: ``If-Match`` replaces only what the client has seen, ``If-None-Match: *``
    replaces nothing.
    """
    tag = None if current is None else entity_tag(current)
    _require_match(request, tag)
    if tag is not None and _is_known(request, tag):
        raise HTTPError(HTTPStatus.PRECONDITION_FAILED, "DENIED", "it already exists", str(current))


def range_asked(request: Request, tag: str) -> str:
    """Return the range asked for, as it was written; nothing when it is meant for other content."""
    known = request.headers.get("if-range")
    return request.headers.get("range", "") if known is None or known == tag else ""


def _require_match(request: Request, tag: str | None) -> None:
    wanted = request.headers.get("if-match")
    if wanted is not None and (tag is None or not _names(wanted, tag, weak=False)):
        raise HTTPError(HTTPStatus.PRECONDITION_FAILED, "DENIED", "the content is different", tag)


def _is_known(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match")
    return known is not None and _names(known, tag, weak=True)


def _names(field: str, tag: str, *, weak: bool) -> bool:
    """Whether a field names an entity tag, or any; a weak name counts only for ``weak`` comparison."""
    if field == "*":
        return True
    return any(found == tag and (weak or not mark) for mark, found in _TAG.findall(field))
