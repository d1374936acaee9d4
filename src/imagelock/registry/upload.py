"""Write to a registry: blobs in one stream, mounts, manifests by digest and by tag.

Follows the OCI distribution specification 1.1, "Push".  Only the host itself is written to, never a
mirror of it.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import (
    AccessDeniedError,
    IncompleteError,
    IntegrityError,
    InvalidValueError,
    RegistryError,
    UnreachableError,
    WriteRefusedError,
)
from imagelock.model.digest import Digest, same_digest
from imagelock.model.manifest import ACCEPTED_TYPES, Descriptor
from imagelock.registry.hosts.endpoints import origin
from imagelock.registry.http.locations import split_location
from imagelock.registry.http.responses import REDIRECT, refusal
from imagelock.registry.http.transport import Request, RequestOptions
from imagelock.registry.referrers import subject_of
from imagelock.registry.verify import DIGEST_HEADER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from imagelock.model.hosts import HostSettings
    from imagelock.registry.auth.authorizer import Authorizer
    from imagelock.registry.hosts.endpoints import Endpoint
    from imagelock.registry.http.responses import Response
    from imagelock.registry.http.transport import HostState, Transport
    from imagelock.stores.base import Content, FileSegment

_ACCEPT = {"Accept": ", ".join(ACCEPTED_TYPES)}
WRITE = "pull,push"
"""What a token must allow for every request of a copy's target, so that one is enough."""
_INCOMPLETE = frozenset({"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"})
NO_HEAD = frozenset({400, 405, 406, 415, 501})
"""Responses to HEAD that say nothing about what is asked for: some registries and proxies do not support HEAD."""
_NOT_AGAIN = RequestOptions(patience=0.0)
_SMALL = limits.ERROR_BODY_BYTES


class Uploader:
    """The write side of one client, over its transport and its logins; safe for many threads."""

    def __init__(
        self, transport: Transport, authorizer: Authorizer, hosts: Mapping[str, HostSettings]
    ) -> None:
        self._transport = transport
        self._authorizer = authorizer
        self._hosts = hosts
        self._proving: dict[str, bool] = {}
        self._trying = threading.Lock()

    def has_manifest(self, repository: str, digest: Digest) -> bool:
        """Whether the registry says that it has the manifest (one HEAD)."""
        return self._has(repository, f"manifests/{digest}", "manifest")

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the registry says that the repository has the blob (one HEAD)."""
        return self._has(repository, f"blobs/{digest}", "blob")

    def mount(self, repository: str, digest: Digest, other: str) -> bool:
        """Ask for a blob of another repository of this registry ("Mounting a blob from another repository").

        False when the registry does not do it; the session it may have opened instead is given up.
        """
        at, source = origin(repository, self._hosts), origin(other, self._hosts)
        if (at.scheme, at.authority) != (source.scheme, source.authority):
            return False
        query = f"mount={digest}&from={source.repository}"
        try:
            target = f"/v2/{at.repository}/blobs/uploads/?{query}"
            answer = self._ask(at, "POST", target, _OPENING, also_from=source.repository, manner=_NOT_AGAIN)
        except (AccessDeniedError, UnreachableError):
            # Writing here may be allowed and reading there not, and some registries fail at it (500): the
            # stream will tell.
            return False
        if answer.status == 202 and "Location" in answer.headers:
            self._give_up(at, answer)
        return answer.status == 201

    def proves_blobs(self, repository: str) -> bool:
        """Whether the host was seen to refuse wrong bytes; it is given some, once.

        Only the specification's word for a wrong digest counts as a refusal: a proxy's may mean anything.
        """
        at = origin(repository, self._hosts)
        with self._trying:
            known = self._proving.get(at.authority)
            if known is None:
                known = self._proving[at.authority] = self._refuses_wrong_bytes(at)
        return known

    def _refuses_wrong_bytes(self, at: Endpoint) -> bool:
        meant, sent = secrets.token_bytes(32), secrets.token_bytes(32)
        descriptor = Descriptor(media_type="", digest=Digest.of(meant), size=len(sent))
        return _Again(self, at, descriptor, (sent,)).send().code == "DIGEST_INVALID"

    def put_blob(
        self, repository: str, descriptor: Descriptor, pieces: Iterable[bytes] | Iterable[FileSegment]
    ) -> None:
        """Push a blob: open a session, send everything in one request ("POST then PUT").

        Raises :class:`IntegrityError` when the registry says that it got something else; what ``pieces``
        raises comes out, and the registry keeps nothing.
        """
        at = origin(repository, self._hosts)
        again = _Again(self, at, descriptor, pieces)
        answer = again.send()
        if answer.status == 404 and again.repeatable:
            answer = again.send()  # the session is gone: a restarted registry forgets them
        if answer.status != 201:
            raise _refused(answer, "blob")
        _compare(answer, descriptor.digest)

    def put_manifest(
        self, repository: str, content: Content, tag: str | None, absent: Collection[Digest]
    ) -> Digest | None:
        """Push a manifest under its digest, and under a tag when one is given ("Pushing Manifests").

        Returns the subject of a manifest that the registry did not list by itself ("Pushing Manifests with
        Subject").
        """
        subject = subject_of(content)
        at = origin(repository, self._hosts)
        targets = [str(content.digest)] if tag is None else [tag]
        if tag is not None and content.digest.algorithm != "sha256":
            targets.insert(0, str(content.digest))
        for target in targets:
            call = Request(
                method="PUT",
                target=f"/v2/{at.repository}/manifests/{target}",
                limit=_SMALL,
                headers={"Content-Type": content.media_type},
                body=content.body,
                actions=WRITE,
                answer_within=limits.COMMIT_SECONDS,
            )
            answer = self._authorizer.request(self._site(at), at, call)
            if not 200 <= answer.status < 300:
                raise _manifest_refusal(answer, absent, f"{repository}@{content.digest}")
            _compare(answer, content.digest)
            if "OCI-Subject" in answer.headers:
                subject = None
        return subject

    def open_session(self, at: Endpoint) -> tuple[HostState, str, bool]:
        """Start an upload; return where to send it, and whether that is the registry itself."""
        answer = self._ask(at, "POST", f"/v2/{at.repository}/blobs/uploads/", _OPENING)
        if answer.status != 202 or "Location" not in answer.headers:
            raise _refused(answer, "repository")
        return self._location(at, answer)

    def send(self, at: Endpoint, where: tuple[HostState, str, bool], call: Request) -> Response:
        """Send the bytes of an upload; a login goes only to the registry itself."""
        site, _, own = where
        return self._authorizer.request(site, at, call) if own else self._transport.request(site, call)

    def _give_up(self, at: Endpoint, answer: Response) -> None:
        """End a session that is not needed; a registry that cannot will forget it by itself."""
        try:
            site, target, own = self._location(at, answer)
            if own:
                call = Request(method="DELETE", target=target, limit=_SMALL, actions=WRITE)
                self._authorizer.request(site, at, call)
        except RegistryError:
            return

    def _location(self, at: Endpoint, answer: Response) -> tuple[HostState, str, bool]:
        """Read ``Location``: relative, on another path, or on another host.

        A registry behind a proxy that ends TLS often names itself with plain http: the way back is the
        way there.  Another host over plain http is refused to a registry over https.
        """
        site = self._site(at)
        scheme, authority, target = split_location(site.url + "/", answer.headers["Location"])
        own = authority.rpartition(":")[0] or authority
        here = site.authority.rpartition(":")[0] or site.authority
        if authority == site.authority or (own == here and scheme != site.scheme):
            return site, target, True
        if site.scheme == "https" and scheme == "http":
            raise UnreachableError(f"an upload from https to plain http ({authority}) is not followed")
        return self._transport.site(scheme, authority, sent_by=site), target, False

    def _has(self, repository: str, path: str, what: str) -> bool:
        at = origin(repository, self._hosts)
        answer = self._ask(at, "HEAD", f"/v2/{at.repository}/{path}", _ACCEPT)
        if answer.status == 404:
            return False  # even from a proxy: who gets this answer writes, and learns then what is true
        if answer.status in NO_HEAD:
            return False  # it does not speak HEAD: sending what is there already does no harm
        if answer.status != 200:
            raise refusal(answer, what=what)
        return True

    def _ask(
        self,
        at: Endpoint,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        also_from: str = "",
        manner: RequestOptions | None = None,
    ) -> Response:
        call = Request(
            method=method,
            target=target,
            limit=_SMALL,
            headers=headers,
            body=b"" if method == "POST" else None,
            actions=WRITE,
            also_from=also_from,
            manner=manner or RequestOptions(),
        )
        return self._authorizer.request(self._site(at), at, call)

    def _site(self, at: Endpoint) -> HostState:
        return self._transport.site(at.scheme, at.authority, at.settings)


class _Again:
    """One blob's upload: each attempt opens a session of its own, which no one has written to."""

    def __init__(
        self,
        uploader: Uploader,
        at: Endpoint,
        descriptor: Descriptor,
        pieces: Iterable[bytes] | Iterable[FileSegment],
    ) -> None:
        self._uploader = uploader
        self._at = at
        self._descriptor = descriptor
        self._call = Request(
            method="PUT",
            target="",
            limit=_SMALL,
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Length": str(descriptor.size),
            },
            body=pieces,
            actions=WRITE,
            answer_within=limits.COMMIT_SECONDS,
        )

    @property
    def repeatable(self) -> bool:
        """Whether the pieces can be had again."""
        return self._call.repeatable

    def send(self) -> Response:
        """Open a session and send everything."""
        where = self._uploader.open_session(self._at)
        target = where[1]
        query = f"{'&' if '?' in target else '?'}digest={self._descriptor.digest}"
        return self._uploader.send(self._at, where, replace(self._call, target=target + query))


_UNDECIDED = frozenset({401, 408, 429, 499})
"""What a login, a pause or another try may change."""
_REFUSAL_HINTS = {
    412: "a rule of the project forbids it, such as an immutable tag",
    413: "a proxy or the registry limits the size of one request: raise the limit there",
}

_OPENING = {"Content-Length": "0"}


def _refused(answer: Response, what: str) -> RegistryError:
    """Return the error for a push that was refused; bytes the registry did not get whole are its fault."""
    if answer.code in {"DIGEST_INVALID", "SIZE_INVALID"}:
        return IntegrityError(f"{answer.url} received bytes other than those sent ({answer.reason})")
    if answer.status == 404:
        # Not found would mean that the image is gone, and it is the place to put it that is missing.
        return WriteRefusedError(
            f"{answer.url} does not have this {what} to write to ({answer.reason})",
            hint="if this registry requires it, create the project or namespace first",
        )
    if answer.status in REDIRECT:
        return UnreachableError(f"a redirect that is not followed ({answer.status})")
    if 400 <= answer.status < 500 and answer.status not in _UNDECIDED:
        return WriteRefusedError(
            f"{answer.url} does not take this {what} ({answer.reason})",
            hint=_REFUSAL_HINTS.get(answer.status),
        )
    return refusal(answer, what=what)


def _manifest_refusal(answer: Response, absent: Collection[Digest], where: str) -> RegistryError:
    if answer.code in _INCOMPLETE or (absent and 400 <= answer.status < 500 and answer.status != 429):
        error = IncompleteError(
            f"{answer.url} refuses a manifest because parts of it are missing ({answer.reason})",
            missing=tuple(str(digest) for digest in absent),
            where=where,
        )
        if absent:
            error.hint = (
                "copy every platform, or configure the registry to accept indexes with missing platforms"
            )
        return error
    return _refused(answer, "repository")


def _compare(answer: Response, digest: Digest) -> None:
    """Refuse an answer that names another digest than what was pushed."""
    try:
        said = Digest.parse(answer.headers.get(DIGEST_HEADER, ""))
    except InvalidValueError:
        return
    if said.algorithm == digest.algorithm and not same_digest(said, digest):
        raise IntegrityError(f"{answer.url} stored {said} instead of {digest}")
