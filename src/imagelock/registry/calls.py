"""The requests of the "Pull" part of the OCI distribution specification, and what they may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import InvalidValueError
from imagelock.model.digest import Digest
from imagelock.model.manifest import ACCEPTED_TYPES, OCI_INDEX
from imagelock.model.reference import is_tag
from imagelock.registry.http.transport import Request

if TYPE_CHECKING:
    from imagelock.registry.hosts.endpoints import Endpoint
    from imagelock.registry.http.transport import RequestOptions

_ACCEPT = {"Accept": ", ".join(ACCEPTED_TYPES)}
ANY = {"Accept": "*/*"}


def where_of(repository: str, target: str | Digest) -> str:
    """Return how errors name what was requested."""
    return f"{repository}{'@' if isinstance(target, Digest) else ':'}{target}"


def check_target(target: str | Digest) -> None:
    """Refuse what is not a tag before it becomes part of a path."""
    if isinstance(target, str) and not is_tag(target):
        raise InvalidValueError(f"{target[:80]!r} is not a tag", text=target)


def manifest_call(
    method: str, at: Endpoint, target: str | Digest, manner: RequestOptions, actions: str = "pull"
) -> Request:
    """Return the request for a manifest or index by tag or digest."""
    return Request(
        method=method,
        target=at.target(f"manifests/{target}"),
        limit=limits.MANIFEST_BYTES,
        headers=_ACCEPT,
        manner=manner,
        actions=actions,
    )


def index_call(target: str, manner: RequestOptions) -> Request:
    """Return the request for an index that is made on demand: what refers to a manifest."""
    headers = {"Accept": OCI_INDEX}
    return Request(method="GET", target=target, limit=limits.MANIFEST_BYTES, headers=headers, manner=manner)


def blob_call(at: Endpoint, digest: Digest, manner: RequestOptions, start: int) -> Request:
    """Return the request for a blob as a stream, from one of its bytes on."""
    return Request(
        method="GET",
        target=at.target(f"blobs/{digest}"),
        limit=0,
        headers={**ANY, "Range": f"bytes={start}-"} if start else ANY,
        manner=manner,
        streamed=True,
    )
