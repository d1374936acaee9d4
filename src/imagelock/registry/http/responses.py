"""Interpret a registry's HTTP responses: the error for a status, and what may be retried.

Follows the OCI distribution specification, "Error Codes".  Nothing of a URL but scheme, host and port is
ever quoted: the rest may carry a signature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock.errors import (
    AccessDeniedError,
    InvalidValueError,
    NotFoundError,
    RateLimitedError,
    RegistryError,
    UnreachableError,
)
from imagelock.lazy_regex import lazy_regex
from imagelock.model import strictjson
from imagelock.registry.http.throttle import RetryableFailure, retry_after

if TYPE_CHECKING:
    from collections.abc import Iterable

    from urllib3 import BaseHTTPResponse, HTTPHeaderDict

    from imagelock.registry.http.fields import Fields

_SLOW = frozenset({408, 499})
"""What a server or a proxy in front of it says when a request took too long to arrive or was given up."""
REPEATABLE = frozenset({429, 500, 502, 503, 504, 520, 521, 522, 523, 524}) | _SLOW
"""Passing troubles, as go-containerregistry has them, with all that Cloudflare says of a silent origin."""
REDIRECT = frozenset({301, 302, 303, 307, 308})
_MESSAGE_CHARS = 160
_CODE = lazy_regex(r"[A-Z0-9_ -]{1,40}", re.ASCII)
_PLAIN_CODE = lazy_regex(r"[A-Z]+(?:_[A-Z]+)*", re.ASCII)
_CODINGS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress"})
_UNPRINTABLE = lazy_regex(r"[^\x20-\x7e]+")
_NEXT = lazy_regex(r"<[^>?]*\?([^>]*)>\s*;\s*rel=\"?next\"?", re.ASCII)
_REPOSITORY_UNKNOWN = frozenset({"NAME_UNKNOWN", "NAME_INVALID", "REPOSITORY_NOT_FOUND"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer, its body read within the limit; ``url`` is scheme, host and port of who gave it.

    ``stream`` is the body still to be read, where the call asked for that and the answer is good.  Of a
    ``quiet`` answer no words are shown: a token service or a storage may repeat what was sent to it.
    """

    status: int
    headers: HTTPHeaderDict | Fields
    body: bytes
    url: str
    stream: BaseHTTPResponse | None = None
    quiet: bool = False

    @property
    def media_type(self) -> str | None:
        """The Content-Type without its parameters, in lower case."""
        value = self.headers.get("Content-Type")
        return value.partition(";")[0].strip().lower() or None if value else None

    @property
    def is_a_page(self) -> bool:
        """Whether this is a page or a storage's message that no registry speaks in."""
        kind = self.media_type or ""
        return kind in {"text/html", "application/xhtml+xml", "application/xml", "text/xml"}

    @property
    def code(self) -> str | None:
        """The first error code of an OCI error body, None when the body is none."""
        first = self._first_error()
        code = first.get("code") if first is not None else None
        return code if isinstance(code, str) and _CODE.fullmatch(code) else None

    @property
    def reason(self) -> str:
        """The status and what the registry says to it, fit for one line of a terminal."""
        first = self._first_error() or {}
        if self.quiet:
            code = self.code or ""
            return f"{self.status} {code if _PLAIN_CODE.fullmatch(code) else ''}".strip()
        texts = [first.get(key) for key in ("code", "message")]
        said = ": ".join(_UNPRINTABLE.sub(" ", text) for text in texts if isinstance(text, str) and text)
        return f"{self.status} {said[:_MESSAGE_CHARS]}".strip()

    def _first_error(self) -> dict[str, strictjson.Json] | None:
        if not self.body.lstrip().startswith(b"{"):
            return None
        try:
            document = strictjson.loads(self.body)
        except InvalidValueError:
            return None
        errors = document.get("errors") if isinstance(document, dict) else None
        first = errors[0] if isinstance(errors, list) and errors else None
        return first if isinstance(first, dict) else None


def coding(answer: Response) -> str | None:
    """Return the name of the compression that no one asked for; None where there is none."""
    said = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if said in {"", "identity"}:
        return None
    return said if said in _CODINGS else "an unknown coding"


def scrubbed(body: bytes, secrets: Iterable[str]) -> bytes:
    """Return a server's words without the secrets that were sent to it, in case it repeats them."""
    for secret in secrets:
        if secret:
            body = body.replace(secret.encode(), b"***")
    return body


def is_true_404(answer: Response) -> bool:
    """Whether the 404 is the registry's own word.

    A page or an XML message without the registry's version header may come from a proxy, a portal or a
    wrong path: that does not say what exists.
    """
    if answer.code is not None or "Docker-Distribution-Api-Version" in answer.headers:
        return True
    return not answer.is_a_page


def next_query(answer: Response) -> str | None:
    """Return the query of the next page of a list (RFC 8288); None on the last page."""
    link = _NEXT.search(answer.headers.get("Link", ""))
    return None if link is None else link[1]


def refusal(answer: Response, *, what: str) -> RegistryError:
    """Return the error for an answer that is not what was asked for; ``what`` is a tag, manifest, blob."""
    if answer.status == 404:
        return _not_found(answer, what)
    if answer.status in {401, 403}:
        return AccessDeniedError(f"access denied ({answer.reason})")
    if answer.status == 429:
        return RateLimitedError(f"too many requests ({answer.reason})")
    if answer.status in REDIRECT:
        return UnreachableError(f"a redirect that is not followed ({answer.status})")
    if answer.status >= 500 or answer.status in _SLOW:
        return UnreachableError(f"the registry failed ({answer.reason})")
    return RegistryError(f"the registry refused ({answer.reason})")


def _not_found(answer: Response, what: str) -> RegistryError:
    if not is_true_404(answer):
        return UnreachableError(
            "a 404 that does not come from the registry: a page instead of a registry's error",
            hint="a proxy, a login page or a wrong mirror path may have answered; open the address in a browser",
        )
    return NotFoundError(f"no such {'repository' if answer.code in _REPOSITORY_UNKNOWN else what}")


def retryable(answer: Response) -> RetryableFailure:
    """Return how to take an answer of :data:`REPEATABLE`."""
    pause = retry_after(answer.headers.get("Retry-After")) if answer.status in {429, 503} else None
    return RetryableFailure(
        error=refusal(answer, what="answer"),
        absent=answer.status == 500,
        whole_host=answer.status == 429,
        pause=pause,
    )
