"""The registry client: read and verify from the first endpoint that answers; write to the host itself.

Follows the OCI distribution specification 1.1, "Pull"; "Push" is in :mod:`imagelock.registry.upload`.  Headers
are claims; only bytes that were hashed here are returned as content.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar

from imagelock import limits
from imagelock.errors import IntegrityError, NotFoundError, RegistryError
from imagelock.model.digest import Digest
from imagelock.registry import referrers, tag_list, verify
from imagelock.registry.auth.authorizer import Authorizer
from imagelock.registry.calls import ANY, blob_call, check_target, index_call, manifest_call, where_of
from imagelock.registry.download import require_stream, verified_pieces
from imagelock.registry.failures import failure_of
from imagelock.registry.hosts.endpoints import alternate_names, endpoints, origin
from imagelock.registry.hosts.mirror_files import MirrorFiles
from imagelock.registry.http.responses import is_true_404, refusal
from imagelock.registry.http.transport import Request, RequestOptions, Transport
from imagelock.registry.tag_consensus import TagConsensus, tag_sources
from imagelock.registry.upload import NO_HEAD, WRITE, Uploader
from imagelock.stores.base import HeadResult

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from types import TracebackType

    from imagelock.model.hosts import HostSettings
    from imagelock.model.manifest import Descriptor
    from imagelock.registry.hosts.endpoints import Endpoint
    from imagelock.registry.http.observed import Observer
    from imagelock.registry.http.responses import Response
    from imagelock.registry.tag_consensus import Voice
    from imagelock.stores.base import Content, FileSegment

    _Tried: TypeAlias = list[tuple[Endpoint, RegistryError]]

T = TypeVar("T")

_LAST = RequestOptions()
_REPLACEABLE = RequestOptions(patience=limits.MIRROR_SECONDS)


class RegistryClient:
    """A Source and a Target of :mod:`imagelock.stores.base`; safe to call from many threads.

    ``hosts`` are the settings by the host that references name, already checked for trust.  ``jobs``
    connections per host, ``retry_time`` seconds per host for retries and waiting.  ``environ`` replaces the
    process environment (proxies, credential files, other tools' files).  ``keep_quota`` pulls of a host's
    quota are left alone.  With ``everyone`` a claim about a tag counts only where all sources make it (one
    HEAD each); what is read by a tag is compared in any case.  ``observer`` sees each request as it ends.
    ``requests`` counts what went out, by ``(host:port, method)``.

    Every method raises classes of :mod:`imagelock.errors` only.
    """

    def __init__(
        self,
        hosts: Mapping[str, HostSettings] | None = None,
        *,
        jobs: int = limits.JOBS,
        retry_time: float = limits.RETRY_SECONDS,
        environ: Mapping[str, str] | None = None,
        keep_quota: int | None = None,
        everyone: bool = False,
        observer: Observer | None = None,
    ) -> None:
        self._hosts = hosts or {}
        self._everyone = everyone
        self._warnings: list[str] = []
        self._agreement = TagConsensus(self._label, self._warnings.append)
        environ = os.environ if environ is None else environ
        self._transport = Transport(
            self._hosts,
            jobs=jobs,
            retry_time=retry_time,
            environ=environ,
            keep_quota=keep_quota,
            observer=observer,
        )
        self._authorizer = Authorizer(self._transport, environ)
        self._uploader = Uploader(self._transport, self._authorizer, self._hosts)
        self._others = MirrorFiles(environ)
        self._listing = Lock()
        self._endpoints: dict[str, tuple[Endpoint, ...]] = {}
        self.requests: Mapping[tuple[str, str], int] = self._transport.requests

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop all connections and wake threads that wait for a host."""
        self._transport.close()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings although the operation succeeded, such as a stored login that was refused."""
        return (*self._authorizer.warnings, *self._warnings)

    def head(self, repository: str, target: str | Digest) -> HeadResult:
        """Ask what a tag or digest is without reading it (one HEAD).

        The claim is empty where the registry does not speak HEAD, and where ``everyone`` is asked and does
        not claim the same: reading tells.  Raises :class:`NotFoundError` only when every endpoint that may
        answer gave a true 404.
        """
        check_target(target)
        at, claim, tried = self._first(repository, target, lambda at, manner: self._ask(at, target, manner))
        if self._everyone and isinstance(target, str) and claim.digest is not None:
            others = self._other_voices(repository, at, tried)
            if not self._agreement.is_claimed(others, claim.digest, lambda one: self._claimed(one, target)):
                return replace(claim, digest=None)
        return claim

    def get_manifest(self, repository: str, target: str | Digest) -> Content:
        """Read a manifest or index and prove it (one GET).

        By digest the body must hash to it; by tag our own sha256 is the digest, and a digest header that
        contradicts it is refused.  Raises :class:`IntegrityError` after one repetition; no other endpoint
        is asked then, so that nothing heals silently.  Raises :class:`DigestConflictError` when another
        source that may say what the tag means gives it another digest (one HEAD each, where there are any).
        """
        check_target(target)

        def read(at: Endpoint, manner: RequestOptions) -> Content:
            with self._transport.quotas.pulling(at.authority, lambda: self._ask(at, target, manner)):
                answer = self._request(at, manifest_call("GET", at, target, manner))
            return verify.manifest(answer, target, at.host)

        at, content, tried = self._first(repository, target, _twice(read))
        if isinstance(target, str):
            with self._named(repository, target):
                self._agreement.require(
                    at,
                    content.digest,
                    self._other_voices(repository, at, tried),
                    lambda one: self._claimed(one, target),
                    lambda one: _twice(read)(one, _REPLACEABLE).digest,
                )
        return content

    def get_blob(self, repository: str, digest: Digest, limit: int) -> bytes:
        """Read a small blob of at most ``limit`` bytes and prove it (one GET)."""

        def read(at: Endpoint, manner: RequestOptions) -> bytes:
            path = at.target(f"blobs/{digest}")
            call = Request(method="GET", target=path, limit=limit, headers=ANY, manner=manner)
            return verify.blob(self._request(at, call), digest)

        return self._first(repository, digest, _twice(read))[1]

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return every tag of a repository, as the first endpoint that may resolve tags lists them."""

        def read(at: Endpoint, manner: RequestOptions) -> tuple[str, ...]:
            def ask(target: str) -> Response:
                call = Request(
                    method="GET", target=target, limit=limits.TAG_LIST_BYTES, headers=ANY, manner=manner
                )
                return self._request(at, call)

            return tag_list.listed(ask, at)

        return self._first(repository, "*", read)[1]

    def referrers(self, repository: str, subject: Digest) -> tuple[Descriptor, ...]:
        """List what refers to a manifest ("Listing Referrers"): by the API, or by its tag where there is none."""

        def read(at: Endpoint, manner: RequestOptions) -> tuple[Descriptor, ...] | None:
            return referrers.listed(lambda target: self._request(at, index_call(target, manner)), at, subject)

        try:
            found = self._first(repository, subject, read)[1]
            if found is None:
                tag = referrers.fallback_tag(subject)
                found = referrers.children(self.get_manifest(repository, tag))
        except NotFoundError:
            return ()
        return found

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """Yield a blob's bytes; the last piece only after size and digest were proved.

        A connection that breaks is taken up again where it broke.  Bytes already yielded cannot be taken
        back, so a wrong digest is repeated by who asked and not here.
        """

        def opened(at: Endpoint, manner: RequestOptions) -> tuple[Endpoint, Response]:
            return at, require_stream(self._open_blob(at, descriptor, manner, 0), descriptor)

        _, (at, first), _ = self._first(repository, descriptor.digest, opened)
        return verified_pieces(descriptor, first, lambda start: self._open_blob(at, descriptor, _LAST, start))

    # Writing

    def has_manifest(self, repository: str, digest: Digest) -> bool:
        """Whether the host itself says that it has the manifest (one HEAD)."""
        with self._named(repository, digest):
            return self._uploader.has_manifest(repository, digest)

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the host itself says that the repository has the blob (one HEAD)."""
        with self._named(repository, digest):
            return self._uploader.has_blob(repository, digest)

    def resolve_tag(self, repository: str, tag: str) -> Digest | None:
        """Return what the host's tag points to; None for a true 404.  A HEAD that says nothing is read."""
        check_target(tag)
        at = origin(repository, self._hosts)
        with self._named(repository, tag):
            try:
                claim = self._ask(at, tag, _LAST, actions=WRITE)
                if claim.digest is not None:
                    return claim.digest
                answer = self._request(at, manifest_call("GET", at, tag, _LAST))
                return verify.manifest(answer, tag, at.host).digest
            except NotFoundError:
                return None

    def mount(self, repository: str, digest: Digest, other: str) -> bool:
        """Make a blob of another repository of the same host visible here; False when that cannot be."""
        with self._named(repository, digest):
            return self._uploader.mount(repository, digest, other)

    def put_blob(self, repository: str, descriptor: Descriptor, pieces: Iterable[bytes]) -> None:
        """Push a blob in one stream; see :meth:`imagelock.registry.upload.Uploader.put_blob`."""
        with self._named(repository, descriptor.digest):
            self._uploader.put_blob(repository, descriptor, pieces)

    def put_file(self, repository: str, descriptor: Descriptor, pieces: Iterable[FileSegment]) -> None:
        """Push a blob from its file, unhashed: for a registry that :meth:`proves_blobs`."""
        with self._named(repository, descriptor.digest):
            self._uploader.put_blob(repository, descriptor, pieces)

    def proves_blobs(self, repository: str) -> bool:
        """Whether the repository's host refuses bytes that do not have the digest they are pushed under.

        Tried once for each host, with a few bytes.
        """
        return self._uploader.proves_blobs(repository)

    def put_manifest(
        self,
        repository: str,
        content: Content,
        tag: str | None = None,
        *,
        absent: Collection[Digest] = (),
    ) -> None:
        """Push a manifest under its digest and, given one, a tag, whatever the tag was before.

        ``absent`` only makes a refusal an :class:`~imagelock.errors.IncompleteError`.
        """
        if tag is not None:
            check_target(tag)
        with self._named(repository, tag or content.digest):
            subject = self._uploader.put_manifest(repository, content, tag, absent)
            if subject is not None:
                self._list_by_tag(repository, subject, content)

    def _list_by_tag(self, repository: str, subject: Digest, content: Content) -> None:
        """Add a referrer to the tag that lists them, for a registry without the API."""
        tag, at = referrers.fallback_tag(subject), origin(repository, self._hosts)
        with self._listing:
            answer = self._request(at, manifest_call("GET", at, tag, _LAST, WRITE))
            before = () if answer.status == 404 else referrers.children(verify.manifest(answer, tag, at.host))
            index = referrers.with_referrer(before, content)
            if index is not None:
                self._uploader.put_manifest(repository, index, tag, ())

    @contextmanager
    def _named(self, repository: str, target: str | Digest) -> Iterator[None]:
        """Add to an error what was requested."""
        try:
            yield
        except RegistryError as error:
            error.where = error.where or where_of(repository, target)
            raise

    # One endpoint

    def _open_blob(
        self, at: Endpoint, descriptor: Descriptor, manner: RequestOptions, start: int
    ) -> Response:
        return self._request(at, blob_call(at, descriptor.digest, manner, start))

    def _request(self, at: Endpoint, call: Request) -> Response:
        site = self._transport.site(at.scheme, at.authority, at.settings)
        return self._authorizer.request(site, at, call)

    def _ask(
        self, at: Endpoint, target: str | Digest, manner: RequestOptions, *, actions: str = "pull"
    ) -> HeadResult:
        answer = self._request(at, manifest_call("HEAD", at, target, manner, actions))
        if answer.status == 404 and (manner is not _REPLACEABLE or not is_true_404(answer)):
            # A HEAD has no body to tell the registry's 404 from a proxy's, and some registries answer HEAD
            # with 404 for what they have: nothing is gone, and no tag is free, before a GET says so.
            # Where another endpoint is asked next, that one decides.
            answer = self._request(at, manifest_call("GET", at, target, manner))
        if answer.status in NO_HEAD:
            return HeadResult(digest=None, media_type=None, size=None, host=at.host)
        if answer.status != 200:
            raise refusal(answer, what="manifest" if isinstance(target, Digest) else "tag")
        return verify.claim(answer, at.host)

    # Any endpoint

    def _first(
        self, repository: str, target: str | Digest, read: Callable[[Endpoint, RequestOptions], T]
    ) -> tuple[Endpoint, T, _Tried]:
        """Return the first good answer of the repository's endpoints, then of its alternates.

        Also return which endpoint gave it, and which failed before.  An endpoint that another one can replace
        gets less patience.
        """
        tried: _Tried = []
        for name in (repository, *alternate_names(repository, self._hosts)):
            by_digest = isinstance(target, Digest)
            places = [at for at in self._places(name) if (at.serves if by_digest else at.resolves)]
            for at in places:
                try:
                    return at, read(at, _LAST if at is places[-1] else _REPLACEABLE), tried
                except RegistryError as error:
                    tried.append((at, error))
                    if isinstance(error, IntegrityError):
                        raise self._failure(repository, target, tried) from error
            if not all(isinstance(error, NotFoundError) for _, error in tried):
                break
        raise self._failure(repository, target, tried)

    def _other_voices(self, repository: str, first: Endpoint, tried: _Tried) -> list[Voice]:
        """Return the other sources that may resolve a tag; record those that already failed to answer."""
        for at, error in tried:
            if not isinstance(error, NotFoundError):
                self._agreement.mark_unreachable(at, error)
        asked = {(at.authority, at.repository) for at in (first, *(at for at, _ in tried))}
        names = (repository, *alternate_names(repository, self._hosts))
        return [
            source
            for source in tag_sources(self._places(name) for name in names)
            if not any((at.authority, at.repository) in asked for at in source)
        ]

    def _claimed(self, at: Endpoint, tag: str) -> Digest | None:
        return self._ask(at, tag, _REPLACEABLE).digest

    def _failure(self, repository: str, target: str | Digest, tried: _Tried) -> RegistryError:
        return failure_of(where_of(repository, target), [(self._label(at), error) for at, error in tried])

    def _label(self, at: Endpoint) -> str:
        """Return the address for messages; the scheme of a host that had none configured is known by now."""
        return at.label or f"{self._transport.known_scheme(at.authority)}://{at.authority}"

    def _places(self, name: str) -> tuple[Endpoint, ...]:
        places = self._endpoints.get(name)
        if places is None:
            places = self._endpoints[name] = endpoints(name, self._hosts, self._others)
        return places


def _twice(read: Callable[[Endpoint, RequestOptions], T]) -> Callable[[Endpoint, RequestOptions], T]:
    """Read, and if the content is wrong, read once more on a new connection."""

    def read_twice(at: Endpoint, manner: RequestOptions) -> T:
        try:
            return read(at, manner)
        except IntegrityError:
            return read(at, replace(manner, fresh=True))

    return read_twice
