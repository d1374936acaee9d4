"""Translate the exceptions of urllib3 and sockets into ours; no foreign exception leaves the registry package."""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException, IncompleteRead
from typing import TYPE_CHECKING

from urllib3 import exceptions as http

from imagelock.errors import TLSError, UnreachableError
from imagelock.registry.http.connect import LookupTimeoutError
from imagelock.registry.http.fields import HeadError
from imagelock.registry.http.throttle import RetryableFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.errors import RegistryError

FOREIGN = (http.HTTPError, HTTPException, OSError, ValueError)
"""What a request can raise: urllib3's tree, http.client's, sockets and TLS, addresses that are none."""


def translate(error: Exception, *, authority: str) -> RetryableFailure | RegistryError:
    """Return a failure that may be retried, or the error where retrying does not help.

    ``authority`` is the host that was asked, for the way out.
    """
    causes = tuple(_causes(error))
    secure = next((cause for cause in causes if isinstance(cause, (ssl.SSLError, http.SSLError))), None)
    if secure is not None and not _is_broken_off(secure, causes):
        return _tls_error(causes, authority)
    if isinstance(error, ValueError) or _has(causes, http.LocationValueError):
        return UnreachableError("the address is invalid")
    return _connection_trouble(causes)


def _connection_trouble(causes: tuple[BaseException, ...]) -> RetryableFailure:
    """Distinguish "no one is there" (waiting rarely helps) from "too slow" and "cut off"."""
    if _has(causes, http.ProxyError):
        return RetryableFailure(error=UnreachableError(f"the proxy failed: {_words(causes)}"), absent=True)
    if _has(causes, http.NewConnectionError):
        return RetryableFailure(error=UnreachableError(_words(causes)), absent=True)
    if _has(causes, http.ConnectTimeoutError):
        slow = "the host name was not resolved" if _has(causes, LookupTimeoutError) else "no connection"
        return RetryableFailure(error=UnreachableError(f"{slow} in time"), absent=True)
    if _has(causes, http.ReadTimeoutError, TimeoutError):
        return RetryableFailure(error=UnreachableError("no answer in time"))
    if _has(causes, http.IncompleteRead, IncompleteRead):
        return RetryableFailure(error=UnreachableError("the body was cut short"), whole_host=False)
    return RetryableFailure(error=UnreachableError(_words(causes)), whole_host=False, at_once=True)


def _has(causes: tuple[BaseException, ...], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and all it was made from, causes, contexts and exception arguments."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or any(one is old for old in seen):
            continue
        seen.append(one)
        yield one
        waiting += [one.__cause__, one.__context__]
        waiting += [argument for argument in one.args if isinstance(argument, BaseException)]


def _is_broken_off(error: BaseException, causes: tuple[BaseException, ...]) -> bool:
    """Whether TLS merely ended early: a connection matter, not one of trust."""
    kinds = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
    return isinstance(error, kinds) or any(isinstance(cause, kinds) for cause in causes)


def _tls_error(causes: tuple[BaseException, ...], authority: str) -> TLSError:
    refused = next((c for c in causes if isinstance(c, ssl.SSLCertVerificationError)), None)
    if refused is not None:
        return TLSError(
            f"the certificate is not trusted: {refused.verify_message.rstrip('.')}",
            hint=f'name the PEM file of the authority: ca = "…" under [registries."{authority}"]',
        )
    inner = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    reason = (inner.reason if inner is not None else None) or "unknown cause"
    return TLSError(
        f"the TLS handshake failed: {reason.replace('_', ' ').lower()}",
        hint=f'if the host speaks plain HTTP, allow it with insecure = true under [registries."{authority}"]',
    )


def _words(causes: tuple[BaseException, ...]) -> str:
    """Say what broke in the words of the deepest cause that has some."""
    for cause in causes:
        if isinstance(cause, HeadError):
            return f"the response cannot be read: {cause}"
        if isinstance(cause, (socket.gaierror, UnicodeError)):
            return "the host name is unknown"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    if any(isinstance(cause, http.ProtocolError) for cause in causes):
        return "the connection was closed"
    return "no connection"
