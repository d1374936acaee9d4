"""Read and write lists of referrers: the API's answers, and the tag that stands in where there is no API.

OCI distribution specification 1.1, "Listing Referrers" and "Referrers Tag Schema".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from imagelock.errors import IntegrityError, InvalidValueError
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_INDEX, Descriptor, Index, Manifest, descriptor_fields, parse_manifest
from imagelock.registry.http.responses import next_query, refusal
from imagelock.stores.base import Content

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.registry.hosts.endpoints import Endpoint
    from imagelock.registry.http.responses import Response

    Ask: TypeAlias = Callable[[str], Response]

_NO_API = frozenset({400, 404, 405, 406, 501})
"""Answers of registries that do not know the API; what is unknown to one that does is an empty list."""
_PAGES = 1000


def fallback_tag(subject: Digest) -> str:
    """Return the tag whose index lists the referrers of a digest."""
    return f"{subject.algorithm}-{subject.hex}"[:128]


def listed(ask: Ask, at: Endpoint, subject: Digest) -> tuple[Descriptor, ...] | None:
    """Return what the API lists, all pages of it; None where there is no such API."""
    found: list[Descriptor] = []
    path = target = at.target(f"referrers/{subject}")
    for _ in range(_PAGES):
        answer = ask(target)
        if not found and (answer.status in _NO_API or (answer.status == 200 and answer.is_a_page)):
            return None
        if answer.status != 200:
            raise refusal(answer, what="list of referrers")
        page = _index(answer.body, answer.url)
        found += page
        query = next_query(answer)
        if query is None or not page:
            return tuple(dict.fromkeys(found))
        target = f"{path}?{query}"
    raise IntegrityError(f"a list of referrers with more than {_PAGES} pages", where=str(subject))


def children(content: Content) -> tuple[Descriptor, ...]:
    """Return what the index of a fallback tag lists."""
    return _index(content.body, content.host)


def subject_of(content: Content) -> Digest | None:
    """Return what a manifest refers to."""
    if b'"subject"' not in content.body:
        return None
    try:
        parsed = parse_manifest(content.body, content.media_type)
    except InvalidValueError:
        return None
    return parsed.subject.digest if parsed.subject is not None else None


def with_referrer(before: tuple[Descriptor, ...], content: Content) -> Content | None:
    """Return the index of a fallback tag with one more referrer; None when it is there already."""
    if any(one.digest == content.digest for one in before):
        return None
    parsed = parse_manifest(content.body, content.media_type)
    kind = parsed.artifact_type
    if kind is None and isinstance(parsed, Manifest):
        kind = parsed.config.media_type
    new = Descriptor(
        media_type=parsed.media_type,
        digest=content.digest,
        size=len(content.body),
        artifact_type=kind,
        annotations=parsed.annotations,
    )
    manifests = [descriptor_fields(one) for one in (*before, new)]
    body = msgspec.json.encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests})
    return Content(body=body, digest=Digest.of(body), media_type=OCI_INDEX, host=content.host)


def _index(body: bytes, where: str) -> tuple[Descriptor, ...]:
    try:
        parsed = parse_manifest(body, OCI_INDEX)
    except InvalidValueError as error:
        raise IntegrityError(
            f"a list of referrers that cannot be read: {error.message}", where=where
        ) from error
    return parsed.manifests if isinstance(parsed, Index) else ()
