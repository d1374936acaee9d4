"""Download blobs: in pieces, hashed on the way, resumed where a connection broke.

Follows the OCI distribution specification 1.1, "Pulling blobs", with ranges (RFC 9110, section 14).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import IntegrityError, UnreachableError
from imagelock.model.digest import Digest, new_hasher, same_digest
from imagelock.registry.http.exceptions import FOREIGN, translate
from imagelock.registry.http.responses import coding, refusal
from imagelock.registry.http.throttle import RetryableFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from urllib3 import BaseHTTPResponse

    from imagelock.errors import RegistryError
    from imagelock.model.manifest import Descriptor
    from imagelock.registry.http.responses import Response


def require_stream(answer: Response, descriptor: Descriptor, start: int = 0) -> Response:
    """Return the response if it is the blob from ``start`` on; raise the matching error otherwise.

    A registry that knows no ranges answers with the whole blob, which is taken too.
    """
    if answer.stream is None:
        raise refusal(answer, what="blob")
    length = answer.headers.get("Content-Length")
    wanted = descriptor.size - start if answer.status == 206 else descriptor.size
    compression = coding(answer)
    if compression is not None or (length is not None and length != str(wanted)):
        answer.stream.close()
        if compression is not None:
            raise IntegrityError(f"the response is compressed ({compression}), which was not requested")
        raise IntegrityError(f"{answer.url} sends {length} bytes for a blob of {wanted}")
    return answer


def verified_pieces(
    descriptor: Descriptor, first: Response, again: Callable[[int], Response]
) -> Iterator[bytes]:
    """Yield a blob's bytes; the last piece is yielded only if size and digest are right.

    ``again`` opens the blob again from a byte on.  Raises :class:`IntegrityError` naming who sent what.
    """
    hasher, size, held = new_hasher(descriptor.digest.algorithm), 0, b""
    for piece in _resumed(descriptor, first, again):
        if held:
            yield held
        hasher.update(piece)
        size += len(piece)
        held = piece
    got = Digest(descriptor.digest.algorithm, hasher.hexdigest())
    if size != descriptor.size or not same_digest(got, descriptor.digest):
        raise IntegrityError(f"{first.url} sent the wrong bytes: expected {descriptor.digest}, got {got}")
    if held:
        yield held


def _resumed(descriptor: Descriptor, first: Response, again: Callable[[int], Response]) -> Iterator[bytes]:
    """Yield the bytes of one answer after the other, until the blob is whole."""
    answer, size, since, resumes = first, 0, 0, 0
    while True:
        skip = 0 if answer is first or answer.status == 206 else size
        try:
            for piece in _pieces(answer, descriptor.size):
                part = piece[skip:]
                skip -= len(piece) - len(part)
                if part:
                    size += len(part)
                    yield part
        except _BrokenError as broken:
            if size - since >= limits.MIB:
                resumes = 0
            since, resumes = size, resumes + 1
            if resumes > limits.RESUMES:
                raise broken.error from broken
        else:
            if size >= descriptor.size:
                return
            raise IntegrityError(f"{first.url} sent {size} bytes for a blob of {descriptor.size}")
        answer = require_stream(again(size), descriptor, size)


class _BrokenError(Exception):
    """The connection broke in the middle of a body."""

    def __init__(self, error: RegistryError) -> None:
        super().__init__(error.message)
        self.error = error


def _pieces(answer: Response, most: int) -> Iterator[bytes]:
    """Yield one answer's body as it comes, at most one piece more than ``most`` bytes of it."""
    stream = answer.stream
    if stream is None:
        raise UnreachableError("the response has no body")
    patience, size, whole = _Patience(), 0, False
    try:
        while piece := _read(stream, answer, patience):
            size += len(piece)
            yield piece
            if size > most:
                raise IntegrityError(f"{answer.url} sends more than the {most} bytes of the blob")
        whole = True
    finally:
        # A connection whose body was not read to its end must not be used again.
        stream.release_conn() if whole else stream.close()


def _read(stream: BaseHTTPResponse, answer: Response, patience: _Patience) -> bytes:
    try:
        with patience:
            piece = stream.read1(limits.PIECE_BYTES, decode_content=False)
        patience.brought(len(piece))
    except FOREIGN as error:
        wrong = translate(error, authority=answer.url.partition("://")[2])
        raise _BrokenError(wrong.error if isinstance(wrong, RetryableFailure) else wrong) from error
    return piece


class _Patience:
    """Count the seconds spent waiting for bytes, and give up on a body that only trickles."""

    def __init__(self) -> None:
        self._waited = 0.0
        self._bytes = 0
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._waited += time.monotonic() - self._began

    def brought(self, count: int) -> None:
        """Take note of bytes; raise TimeoutError when they are too few for the time."""
        self._bytes += count
        if self._waited < limits.IDLE_SECONDS:
            return
        if self._bytes < limits.TRICKLE_BYTES:
            raise TimeoutError
        self._waited, self._bytes = 0.0, 0
