"""Blobs and their uploads in the distribution API."""

from __future__ import annotations

import contextlib
import re
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING

from imagelock.errors import FileError, IntegrityError, NotFoundError
from imagelock.model.digest import HEX_CHARS
from imagelock.model.manifest import Descriptor
from imagelock.service.conditions import entity_tag, range_asked, unless_sent
from imagelock.service.http import Response
from imagelock.service.refusal import HTTPError, parse_digest
from imagelock.service.uploads import TooManyUploadsError, UploadBusyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.model.digest import Digest
    from imagelock.service.http import Request
    from imagelock.service.uploads import Session, Uploads
    from imagelock.stores.local import LocalStore

_OCTETS = "application/octet-stream"
_RANGE = re.compile(
    r"bytes=[ \t,]*(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})[ \t,]*", re.ASCII | re.IGNORECASE
)
_CONTENT_RANGE = re.compile(r"(?:bytes )?(?P<first>[0-9]{1,18})-(?P<last>[0-9]{1,18})(?:/.*)?", re.ASCII)


class BlobRoutes:
    """What answers for ``/v2/<name>/blobs``."""

    def __init__(self, store: LocalStore, uploads: Uploads) -> None:
        self._store = store
        self._uploads = uploads

    # Pulling.

    def head(self, request: Request, *, name: str, digest: str) -> Response:
        """Say whether a blob is here, whole, and how long it is."""
        wanted = parse_digest(digest)
        size, headers = self._size(name, wanted, verified=True), _blob_headers(wanted)
        return unless_sent(request, headers) or Response(status=HTTPStatus.OK, headers=headers, length=size)

    def get(self, request: Request, *, name: str, digest: str) -> Response:
        """Give a blob, or one range of it ("Pulling blobs"; RFC 9110, section 14)."""
        wanted = parse_digest(digest)
        size, headers = self._size(name, wanted, verified=False), _blob_headers(wanted)
        spared = unless_sent(request, headers)
        if spared is not None:
            return spared
        span = _span(range_asked(request, headers["Etag"]), size)
        if span is not None:
            return self._part(name, wanted, size, span)
        descriptor = Descriptor(media_type=_OCTETS, digest=wanted, size=size)
        pieces = self._store.open_blob(name, descriptor)
        # The first piece is read before the status is sent, so that a small damaged blob is a plain 500.
        first = next(pieces)
        return Response(status=HTTPStatus.OK, headers=headers, body=chain((first,), pieces), length=size)

    def _part(self, name: str, digest: Digest, size: int, span: tuple[int, int]) -> Response:
        start, stop = span
        if start >= stop:
            raise HTTPError(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                "SIZE_INVALID",
                "the range is outside the blob",
                headers={"Content-Range": f"bytes */{size}"},
            )
        return Response(
            status=HTTPStatus.PARTIAL_CONTENT,
            headers={**_blob_headers(digest), "Content-Range": f"bytes {start}-{stop - 1}/{size}"},
            body=self._store.stream_range(name, digest, start, stop),
            length=stop - start,
        )

    def delete(self, _request: Request, *, name: str, digest: str) -> Response:
        """Remove a blob that nothing needs ("Deleting Blobs")."""
        wanted = parse_digest(digest)
        try:
            self._store.delete_blob(name, wanted)
        except NotFoundError as error:
            raise _blob_unknown(wanted) from error
        return Response(status=HTTPStatus.ACCEPTED)

    # Pushing.

    def start(self, request: Request, *, name: str) -> Response:
        """Mount a blob, take it whole, or open a session ("Pushing blobs", "Mounting a blob").

        ``digest-algorithm`` says early what the digest will be, so that the bytes are hashed once.
        """
        mount, digest = request.query.get("mount"), request.query.get("digest")
        if mount is not None and self._store.has_blob(name, parsed := parse_digest(mount)):
            return _created(name, parsed)
        wanted = parse_digest(digest) if digest is not None else None
        algorithm = wanted.algorithm if wanted else request.query.get("digest-algorithm", "sha256")
        if algorithm not in HEX_CHARS:
            raise HTTPError(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", "no such algorithm", algorithm[:32])
        try:
            session = self._uploads.start(name, algorithm)
        except TooManyUploadsError as error:
            raise HTTPError(HTTPStatus.TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "too many uploads") from error
        if wanted is None:
            return _progress(session, HTTPStatus.ACCEPTED)
        with self._use(name, session.identifier):
            try:
                return self._commit(request, session, wanted)
            finally:
                # Only a client that was told of a session can go on with it.
                self._uploads.end(session)

    def status(self, _request: Request, *, name: str, identifier: str) -> Response:
        """Say how much of a blob has arrived."""
        with self._use(name, identifier) as session:
            return _progress(session, HTTPStatus.NO_CONTENT)

    def append(self, request: Request, *, name: str, identifier: str) -> Response:
        """Take the next chunk, or everything as one stream ("Pushing a blob in chunks")."""
        with self._use(name, identifier) as session:
            self._append(request, session)
            return _progress(session, HTTPStatus.ACCEPTED)

    def finish(self, request: Request, *, name: str, identifier: str) -> Response:
        """Take the last chunk, if there is one, and make the blob visible under ``digest``."""
        with self._use(name, identifier) as session:
            return self._commit(request, session, parse_digest(request.query.get("digest", "")))

    def cancel(self, _request: Request, *, name: str, identifier: str) -> Response:
        """Throw an upload away."""
        with self._use(name, identifier) as session:
            self._uploads.end(session)
        return Response(status=HTTPStatus.NO_CONTENT)

    # Inside.

    def _size(self, name: str, digest: Digest, *, verified: bool) -> int:
        if self._store.is_only_manifest(name, digest):
            raise _blob_unknown(digest)
        try:
            return self._store.blob_size(name, digest, verified=verified)
        except NotFoundError as error:
            raise _blob_unknown(digest) from error

    @contextlib.contextmanager
    def _use(self, name: str, identifier: str) -> Iterator[Session]:
        try:
            with self._uploads.use(name, identifier) as session:
                yield session
        except KeyError as error:
            raise HTTPError(
                HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "no such upload", identifier[:80]
            ) from error
        except UploadBusyError as error:
            raise HTTPError(
                HTTPStatus.CONFLICT, "BLOB_UPLOAD_INVALID", "another request writes to this upload"
            ) from error

    def _append(self, request: Request, session: Session) -> None:
        _check_order(request, session)
        try:
            for piece in request.body.pieces():
                session.part.write(piece)
        except FileError:
            # The file and the hash may disagree now; only a fresh upload can be trusted.
            self._uploads.end(session)
            raise

    def _commit(self, request: Request, session: Session, digest: Digest) -> Response:
        self._append(request, session)
        try:
            self._store.commit(session.part, digest)
        except IntegrityError as error:
            raise HTTPError(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", error.message, str(digest)) from error
        finally:
            self._uploads.end(session)
        return _created(session.repository, digest)


def _blob_headers(digest: Digest) -> dict[str, str]:
    return {
        "Content-Type": _OCTETS,
        "Docker-Content-Digest": str(digest),
        "Etag": entity_tag(digest),
        "Accept-Ranges": "bytes",
    }


def _blob_unknown(digest: Digest) -> HTTPError:
    return HTTPError(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN", "no such blob", str(digest))


def _created(name: str, digest: Digest) -> Response:
    return Response(
        status=HTTPStatus.CREATED,
        headers={"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": str(digest)},
    )


def _progress_headers(session: Session) -> dict[str, str]:
    """Return where to go on; an empty upload says ``0-0`` too, as Docker's registry does."""
    return {
        "Location": f"/v2/{session.repository}/blobs/uploads/{session.identifier}",
        "Range": f"0-{max(session.part.size - 1, 0)}",
        "Docker-Upload-UUID": session.identifier,
    }


def _progress(session: Session, status: HTTPStatus) -> Response:
    return Response(status=status, headers=_progress_headers(session))


def _check_order(request: Request, session: Session) -> None:
    """Refuse a chunk that does not continue where the upload ends."""
    text = request.headers.get("content-range")
    if text is None:
        return
    match = _CONTENT_RANGE.fullmatch(text)
    length = request.body.length
    if match is None or (length is not None and int(match["last"]) - int(match["first"]) + 1 != length):
        raise HTTPError(
            HTTPStatus.BAD_REQUEST, "SIZE_INVALID", "Content-Range does not match the body", text[:80]
        )
    if int(match["first"]) != session.part.size:
        raise HTTPError(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "BLOB_UPLOAD_INVALID",
            f"the upload continues at byte {session.part.size}",
            headers=_progress_headers(session),
        )


def _span(text: str, size: int) -> tuple[int, int] | None:
    """Return start and stop of the range asked for; None for none, for several, and for other units.

    A start that is not before its stop cannot be satisfied: RFC 9110, section 14.2, lets a server refuse
    ``bytes=9-5`` or pass over it, and whoever sends it is better told.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        return max(size - int(match["last"]), 0), size
    start = int(match["first"])
    stop = int(match["last"]) + 1 if match["last"] else size
    return start, min(stop, size)
