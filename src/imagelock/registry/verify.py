"""Verify a registry's responses with our own hash; its headers are claims that must agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import IntegrityError, InvalidValueError
from imagelock.model.digest import Digest, same_digest
from imagelock.model.manifest import DOCKER_SCHEMA1, parse_manifest
from imagelock.registry.http.responses import coding, refusal
from imagelock.stores.base import Content, HeadResult

if TYPE_CHECKING:
    from imagelock.registry.http.responses import Response

DIGEST_HEADER = "Docker-Content-Digest"
_PAGE_HINT = "a proxy or a login page may have answered: open the address in a browser"


def claim(answer: Response, host: str) -> HeadResult:
    """Return what the headers of a good answer say; None where they say nothing that can be read."""
    length = answer.headers.get("Content-Length", "")
    return HeadResult(
        digest=_header_digest(answer),
        media_type=answer.media_type,
        size=int(length) if length.isascii() and length.isdecimal() and len(length) < 20 else None,
        host=host,
    )


def blob(answer: Response, digest: Digest) -> bytes:
    """Return a blob's bytes; raise :class:`IntegrityError` when they do not hash to ``digest``."""
    _require_body(answer, what="blob")
    _verify(answer, digest)
    return answer.body


def manifest(answer: Response, target: str | Digest, host: str) -> Content:
    """Return a manifest that hashes to its digest and is one.

    By tag our own sha256 is the digest.  Raises :class:`IntegrityError` with who answered, what was
    wanted and what came.
    """
    wanted = target if isinstance(target, Digest) else None
    _require_body(answer, what="manifest" if wanted else "tag")
    if answer.media_type not in DOCKER_SCHEMA1:
        # Schema 1 has a digest that does not cover its bytes: refused below, for what it is.
        for digest in (wanted, _header_digest(answer)):
            if digest is not None:
                _verify(answer, digest)
    try:
        parsed = parse_manifest(answer.body, answer.media_type)
    except InvalidValueError as error:
        if answer.is_a_page:
            raise IntegrityError("a page instead of a manifest", hint=_PAGE_HINT) from error
        raise IntegrityError(error.message, hint=error.hint) from error
    return Content(
        body=answer.body,
        digest=wanted or Digest.of(answer.body),
        media_type=parsed.media_type,
        host=host,
    )


def _require_body(answer: Response, *, what: str) -> None:
    if answer.status != 200:
        raise refusal(answer, what=what)
    if (compression := coding(answer)) is not None:
        raise IntegrityError(
            f"the response is compressed ({compression}), which was not requested",
            hint="a proxy changes the bytes, so their digest can never match",
        )


def _verify(answer: Response, wanted: Digest) -> None:
    got = Digest.of(answer.body, wanted.algorithm)
    if same_digest(got, wanted):
        return
    hint = _PAGE_HINT if answer.is_a_page else None
    raise IntegrityError(f"{answer.url} sent the wrong bytes: expected {wanted}, got {got}", hint=hint)


def _header_digest(answer: Response) -> Digest | None:
    try:
        return Digest.parse(answer.headers.get(DIGEST_HEADER, ""))
    except InvalidValueError:
        return None
