"""Manifests, tags and referrers of the distribution API."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlencode

import msgspec

from imagelock.errors import IncompleteError, IntegrityError, InvalidValueError, NotFoundError
from imagelock.limits import MANIFEST_BYTES, PAGE_ENTRIES
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_INDEX, descriptor_fields, parse_manifest
from imagelock.model.reference import is_tag
from imagelock.service.conditions import check_preconditions, entity_tag, unless_sent
from imagelock.service.http import Response
from imagelock.service.refusal import HTTPError, manifest_refusal, parse_digest
from imagelock.stores.base import Content
from imagelock.stores.local import permit_all

if TYPE_CHECKING:
    from imagelock.model.manifest import Descriptor
    from imagelock.service.http import Request
    from imagelock.service.names import ServedNames
    from imagelock.stores.local import LocalStore, Permit

Target: TypeAlias = str | Digest

_EMPTIED = 10_000
"""How many repositories are known after their last manifest went."""
_INDEX_FRAME_BYTES = 128
"""What an index of referrers takes without its descriptors, and a little more."""


class ManifestRoutes:
    """What answers for ``/v2/<name>/manifests``, ``tags`` and ``referrers``."""

    def __init__(self, store: LocalStore, names: ServedNames) -> None:
        self._store = store
        self._names = names
        self._emptied: dict[str, None] = {}

    def get(self, request: Request, *, name: str, target: str) -> Response:
        """Give a manifest as it is stored; ``Accept`` changes nothing ("Pulling manifests")."""
        try:
            content = self._store.get_manifest(name, _target(target))
        except (NotFoundError, InvalidValueError) as error:
            raise _unknown(error, target) from error
        headers = {
            "Content-Type": content.media_type,
            "Docker-Content-Digest": str(content.digest),
            "Etag": entity_tag(content.digest),
        }
        return unless_sent(request, headers) or Response(
            status=HTTPStatus.OK, headers=headers, body=content.body
        )

    def put(self, request: Request, *, name: str, target: str) -> Response:
        """Take a manifest whose blobs and children are here ("Pushing manifests").

        By digest it may come with tags (``?tag=…&tag=…``); those taken are named by ``OCI-Tag``.  By tag it
        may come with a digest (``?digest=…``), of another algorithm than sha256 perhaps.
        """
        wanted, tags = _new_target(request, target)
        permit: Permit = permit_all
        if target in tags:
            permit = partial(check_preconditions, request)
            permit(
                self._store.resolve_tag(name, target)
            )  # Again when it is stored; this one spares the body.
        body = request.body.read(MANIFEST_BYTES)
        digest = Digest.of(body) if wanted is None else wanted
        if not digest.matches(body):
            raise HTTPError(
                HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", "the body does not match its digest", str(digest)
            )
        media_type = request.headers.get("content-type", "").partition(";")[0].strip()
        content = Content(body=body, digest=digest, media_type=media_type, host=self._store.name)
        try:
            for tag in tags or (None,):
                self._store.put_manifest(name, content, tag, permit=permit)
        except (IncompleteError, IntegrityError) as error:
            raise manifest_refusal(error) from error
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": str(digest)}
        if tags and target not in tags:
            headers["OCI-Tag"] = ", ".join(tags)
        subject = parse_manifest(body).subject
        if subject is not None:
            headers["OCI-Subject"] = str(subject.digest)
        return Response(status=HTTPStatus.CREATED, headers=headers)

    def delete(self, request: Request, *, name: str, target: str) -> Response:
        """Forget a tag, or a manifest and all its tags ("Deleting Manifests", "Deleting tags")."""
        permit = partial(check_preconditions, request)
        try:
            wanted = _target(target)
            if isinstance(wanted, Digest):
                permit(wanted)
                self._store.delete_manifest(name, wanted)
            else:
                self._store.delete_tag(name, wanted, permit=permit)
        except (NotFoundError, InvalidValueError) as error:
            raise _unknown(error, target) from error
        self._remember(name)
        return Response(status=HTTPStatus.ACCEPTED)

    def tags(self, request: Request, *, name: str) -> Response:
        """List tags in order, in pages ("Listing Tags"); a repository that was emptied has none."""
        try:
            tags = self._store.tags(name)
        except NotFoundError:
            if name not in self._emptied:
                raise
            tags = ()
        return _page(request, tags, f"/v2/{name}/tags/list", "tags", {"name": name})

    def catalog(self, request: Request) -> Response:
        """List repositories, as Docker's registry does; the specification has no such list."""
        return _page(request, self._names.paths(), "/v2/_catalog", "repositories", {})

    def referrers(self, request: Request, *, name: str, digest: str) -> Response:
        """List what refers to a manifest, as an index ("Listing Referrers")."""
        found = self._store.referrers(name, parse_digest(digest))
        headers = {"Content-Type": OCI_INDEX}
        kind, last = request.query.get("artifactType"), request.query.get("last", "")
        if kind:
            found = tuple(one for one in found if one.artifact_type == kind)
            headers["OCI-Filters-Applied"] = "artifactType"
        left = [one for one in found if str(one.digest) > last]
        page = _fitting(left)
        if len(page) < len(left):
            query = {"last": str(left[len(page) - 1].digest), **({"artifactType": kind} if kind else {})}
            headers["Link"] = _next(f"/v2/{name}/referrers/{digest}", query)
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": page}
        return Response(status=HTTPStatus.OK, headers=headers, body=msgspec.json.encode(index))

    def _remember(self, name: str) -> None:
        """Know a repository whose last manifest may have gone, as long as this process lives.

        The store forgets it, but clients that emptied a repository go on to look into it.
        """
        self._emptied[name] = None
        if len(self._emptied) > _EMPTIED:
            self._emptied.pop(next(iter(self._emptied)), None)


def _target(text: str) -> Target:
    if ":" in text:
        return Digest.parse(text)
    if not is_tag(text):
        raise InvalidValueError("not a tag", text=text)
    return text


def _new_target(request: Request, text: str) -> tuple[Digest | None, tuple[str, ...]]:
    """Return what a manifest should be stored under: its digest, if the client says it, and its tags."""
    if ":" in text:
        digest, tags = text, request.every("tag")
    else:
        digest, tags = request.query.get("digest", ""), (text,)
    for tag in tags:
        if not is_tag(tag):
            # The specification names no code of its own for tags.
            raise HTTPError(HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID", "not a tag", tag[:255])
    return parse_digest(digest) if digest else None, tags


def _unknown(error: NotFoundError | InvalidValueError, target: str) -> HTTPError:
    return HTTPError(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", error.message, target[:255])


def _page(
    request: Request, entries: tuple[str, ...], path: str, key: str, document: dict[str, str]
) -> Response:
    """Return the page that ``n`` and ``last`` ask for, with a link to the next one."""
    last, wanted = request.query.get("last", ""), request.query.get("n")
    if wanted is not None and not (wanted.isascii() and wanted.isdigit() and len(wanted) < 10):
        raise HTTPError(HTTPStatus.BAD_REQUEST, "UNSUPPORTED", "n is not a number", wanted[:80])
    count = PAGE_ENTRIES if wanted is None else min(int(wanted), PAGE_ENTRIES)
    left = [entry for entry in entries if entry > last]
    page = left[:count]
    headers = {"Content-Type": "application/json"}
    if page and len(left) > count:
        headers["Link"] = _next(path, {"n": str(count), "last": page[-1]})
    body: dict[str, str | list[str]] = {**document, key: page}
    return Response(status=HTTPStatus.OK, headers=headers, body=msgspec.json.encode(body))


def _next(path: str, query: dict[str, str]) -> str:
    """Write a link to the next page (RFC 8288)."""
    return f'<{quote(path)}?{urlencode(query)}>; rel="next"'


def _fitting(found: list[Descriptor]) -> list[msgspec.Raw]:
    """Write as many descriptors as an index has room for that clients take; one at least."""
    page: list[msgspec.Raw] = []
    left = MANIFEST_BYTES - _INDEX_FRAME_BYTES
    for one in found:
        wire = msgspec.json.encode(descriptor_fields(one))
        left -= len(wire) + 1
        if page and left < 0:
            break
        page.append(msgspec.Raw(wire))
    return page
