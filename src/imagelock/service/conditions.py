"""Conditional requests over entity tags (RFC 9110, section 13): what a client has need not be sent again."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from imagelock.service.http import Answer
from imagelock.service.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelock.model.digest import Digest
    from imagelock.service.http import Request

_TAG = re.compile(r'(W/)?("[^"]*")', re.ASCII)


def entity_tag(digest: Digest) -> str:
    """Return the entity tag of content; a digest names its bytes, so the tag is a strong one."""
    return f'"{digest}"'


def unless_sent(request: Request, headers: Mapping[str, str]) -> Answer | None:
    """Return the answer that spares the content; None when the content has to be sent.

    ``headers`` are those that the content would be sent with, ``Etag`` among them.  Dates are passed over:
    nothing here has one.  Raises :class:`Refused` (412) when the client asks for other content.
    """
    if not _if_match(request, headers["Etag"]):
        raise Refused(HTTPStatus.PRECONDITION_FAILED, "UNSUPPORTED", "the content is another one")
    wanted = request.headers.get("if-none-match")
    if wanted is None or not _names(wanted, headers["Etag"], weak=True):
        return None
    return Answer(status=HTTPStatus.NOT_MODIFIED, headers=headers)


def range_asked(request: Request, tag: str) -> str:
    """Return the range asked for, as it was written; nothing when it is meant for other content."""
    known = request.headers.get("if-range")
    return request.headers.get("range", "") if known is None or known == tag else ""


def _if_match(request: Request, tag: str) -> bool:
    wanted = request.headers.get("if-match")
    return wanted is None or _names(wanted, tag, weak=False)


def _names(field: str, tag: str, *, weak: bool) -> bool:
    """Whether a field names an entity tag, or any; a weak name counts only for ``weak`` comparison."""
    if field == "*":
        return True
    return any(found == tag and (weak or not mark) for mark, found in _TAG.findall(field))
