"""Let only known users in, by HTTP's Basic authentication (RFC 7617), and only writers write."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from imagelock.service.refusal import HTTPError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imagelock.service.http import Request, Response

_READS = frozenset({"GET", "HEAD"})
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="imagelock", charset="UTF-8"'}


class KnownUsers(Protocol):
    """Who may come in, and who of them may write."""

    def may_write(self, user: str) -> bool:
        """Whether a user may push and delete."""

    def is_proved(self, user: str, password: str) -> bool:
        """Whether this is the user's password."""


class Gate:
    """Lets requests of known users through to ``application``; writing is for writers."""

    def __init__(self, application: Callable[[Request], Response], users: KnownUsers) -> None:
        self._application = application
        self._users = users

    def __call__(self, request: Request) -> Response:
        """Answer with 401 or 403, or let the application answer."""
        given = basic(request.headers)
        if given is None or not self._users.is_proved(*given):
            message = "log in first" if given is None else "wrong user or password"
            error = HTTPError(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", message, headers=_CHALLENGE)
            return error.answer()
        if request.method not in _READS and not self._users.may_write(given[0]):
            return HTTPError(HTTPStatus.FORBIDDEN, "DENIED", "this user may only pull").answer()
        return self._application(request)


def basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the user and the password that a request carries; None when it carries none."""
    scheme, _, code = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(code.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None
