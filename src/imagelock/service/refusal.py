"""Error responses as the OCI distribution specification's "Error Codes" defines them."""

from __future__ import annotations

import errno
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from imagelock.errors import (
    FileError,
    IncompleteError,
    IntegrityError,
    InvalidValueError,
    NotFoundError,
    UsageError,
)
from imagelock.model.digest import Digest
from imagelock.service.http import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelock.errors import ImagelockError


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class HTTPError(Exception):
    """An error response: status, code of the specification, message, detail."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        detail: str | tuple[str, ...] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers = headers or {}

    def answer(self) -> Response:
        """Return what is sent."""
        body = {"errors": [{"code": self.code, "message": self.message, "detail": self.detail}]}
        return Response(
            status=self.status,
            headers={"Content-Type": "application/json", **self.headers},
            body=msgspec.json.encode(body),
        )


def refusal(error: ImagelockError) -> HTTPError:
    """Return what the client is told when reading the store failed."""
    if isinstance(error, NotFoundError):
        return HTTPError(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", error.message, error.where)
    if isinstance(error, UsageError):
        return HTTPError(HTTPStatus.METHOD_NOT_ALLOWED, "DENIED", error.message, error.where)
    # Whether bytes are damaged or the disk is full: the client is not to blame, and paths stay here.
    if isinstance(error, IntegrityError):
        return HTTPError(HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", "the stored content is damaged")
    if isinstance(error, FileError):
        return store_refusal(error.__cause__)
    return HTTPError(HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", "internal error")


def store_refusal(error: BaseException | None) -> HTTPError:
    """Return what the client is told when the disk failed: 507 when it is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return HTTPError(HTTPStatus.INSUFFICIENT_STORAGE, "UNKNOWN", "the store is full")
    return HTTPError(HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", "the store failed")


def manifest_refusal(error: IntegrityError) -> HTTPError:
    """Return what the client is told when the manifest it sent cannot be taken."""
    if isinstance(error, IncompleteError):
        return HTTPError(HTTPStatus.BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN", error.message, error.missing)
    return HTTPError(HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID", error.message, error.where)


def parse_digest(text: str) -> Digest:
    """Read a digest out of a request."""
    try:
        return Digest.parse(text)
    except InvalidValueError as error:
        raise HTTPError(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", error.message, text[:255]) from error
