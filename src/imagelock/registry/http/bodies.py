"""Read the body of an answer that urllib3 gave, within bytes and seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import IntegrityError

if TYPE_CHECKING:
    import urllib3

_PIECE_BYTES = 256 * limits.KIB


def read_body(response: urllib3.BaseHTTPResponse, *, has_body: bool, limit: int) -> bytes:
    """Read the whole body, or what an error message needs of it; seconds and bytes are bounded."""
    if not has_body:
        response.release_conn()
        return b""
    good = response.status < 300
    most = limit if good else limits.ERROR_BODY_BYTES
    deadline = time.monotonic() + limits.BODY_SECONDS
    pieces, size = [], 0
    while piece := response.read1(min(_PIECE_BYTES, most + 1 - size), decode_content=False):
        pieces.append(piece)
        size += len(piece)
        if time.monotonic() > deadline:
            raise TimeoutError
        if size > most:
            response.close()
            break
    else:
        response.release_conn()
    if good and size > most:
        raise IntegrityError(f"the response is larger than {most} bytes")
    return b"".join(pieces)[:most]
