"""Send HTTP requests to registries: pooled connections, bounded reads, own redirects, retries per host.

urllib3 does only connections and TLS: redirects, retries and decompression are not left to
it, because each of them would change what is verified or who sees a secret.
"""

from __future__ import annotations

import base64
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import urllib3

from imagelock import __version__, limits
from imagelock.errors import IntegrityError, RegistryError, UnreachableError
from imagelock.model.hosts import HostSettings
from imagelock.registry.hosts.certs_d import with_certificates
from imagelock.registry.http.address_policy import HomeNetwork
from imagelock.registry.http.bodies import read_body
from imagelock.registry.http.connection import RequestHeaders
from imagelock.registry.http.exceptions import FOREIGN, translate
from imagelock.registry.http.locations import split_location
from imagelock.registry.http.observed import observed, shown_target
from imagelock.registry.http.pools import Connections
from imagelock.registry.http.rate_limit import Quotas
from imagelock.registry.http.responses import REDIRECT, REPEATABLE, Response, retryable, scrubbed
from imagelock.registry.http.small import exchange, is_plain, request_bytes
from imagelock.registry.http.throttle import HostThrottle, RetryableFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imagelock.registry.http.observed import Observer
    from imagelock.registry.http.pools import Pool
    from imagelock.stores.base import FileSegment

STREAMED = frozenset({200, 206})
"""Answers whose body a streamed call leaves to the caller."""
USER_AGENT = f"imagelock/{__version__}"
_TIMEOUT = urllib3.Timeout(connect=limits.CONNECT_SECONDS, read=limits.FIRST_BYTE_SECONDS)
_NEVER_AGAIN = urllib3.Retry(total=False, redirect=False)
_SECRET_CHARS = 6
"""A shorter value of a header hides nothing, and striking it out would make a riddle of any answer."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HostState:
    """One scheme, host and port, with its pool and its gate; ``url`` is safe to show.

    ``home`` is where the registry lives that this is about: the host itself, or the one that sent us here.
    """

    scheme: str
    authority: str
    settings: HostSettings
    pool: Pool
    throttle: HostThrottle
    absolute: bool
    home: HomeNetwork
    sent: bool = False

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """How to ask: ``patience`` (seconds) makes the host's budget for retries smaller for this call.

    ``fresh`` asks for a connection that nothing was read from before.
    """

    patience: float = math.inf
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request: ``target`` is path and query, exactly as they go out.

    At most ``limit`` bytes of a good answer's body are taken; with ``streamed`` it is left to the caller.
    ``body`` may be pieces: sent as they come, with the ``Content-Length`` that ``headers`` must have, and
    once more after trouble unless they are a mere iterator; stretches of files are sent by the system.  ``actions`` is what a token must allow, and
    reading ``also_from``, another repository (a mount); of the answer to a ``quiet`` call no words are shown;
    ``answer_within`` (seconds) replaces the usual deadline of the first byte that comes back.
    ``site_headers`` are for this scheme, host and port alone; what ``headers`` say counts more.
    """

    method: str
    target: str
    limit: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | Iterable[bytes] | Iterable[FileSegment] | None = field(default=None, repr=False)
    manner: RequestOptions = RequestOptions()
    streamed: bool = False
    actions: str = "pull"
    also_from: str = ""
    quiet: bool = False
    answer_within: float | None = None
    site_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def is_upload(self) -> bool:
        """Whether the body comes in pieces."""
        return self.body is not None and not isinstance(self.body, bytes)

    @property
    def repeatable(self) -> bool:
        """Whether the same bytes can be sent again."""
        return not isinstance(self.body, Iterator)


class Transport:
    """Send calls to sites, from any number of threads.

    ``jobs`` connections per host; ``retry_time`` seconds per host for retries and waiting; ``keep_quota``
    pulls of a host's quota are left alone.
    """

    def __init__(
        self,
        hosts: Mapping[str, HostSettings],
        *,
        jobs: int,
        retry_time: float,
        environ: Mapping[str, str],
        keep_quota: int | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._hosts = hosts
        self._observer = observer
        self._jobs = jobs
        self._retry_time = retry_time
        self._environ = environ
        self._closing = threading.Event()
        self._connections = Connections(jobs=jobs, environ=environ)
        self._lock = threading.Lock()
        # A lock of its own: making a site may wait for a host, and counting must not wait for that.
        self._count_lock = threading.Lock()
        self._sites: dict[tuple[str, str, HomeNetwork | None], HostState] = {}
        self._homes: dict[str, HomeNetwork] = {}
        self._schemes: dict[str, str] = {}
        self._throttles: dict[str, HostThrottle] = {}
        self.requests: dict[tuple[str, str], int] = {}
        self.quotas = Quotas(keep_quota)

    def close(self) -> None:
        """Wake every waiting thread and drop all connections."""
        self._closing.set()
        self._connections.close()

    def site(
        self,
        scheme: str | None,
        authority: str,
        settings: HostSettings | None = None,
        *,
        sent_by: HostState | None = None,
    ) -> HostState:
        """Return the site; where ``scheme`` is None the host is asked once whether it speaks TLS.

        ``settings`` are those of ``authority`` unless given.  ``sent_by`` is the site whose answer named
        this one: it may not lead to where the registry itself does not live.
        """
        known = scheme or self._schemes.get(authority)
        own = sent_by is None or (authority == sent_by.authority and not sent_by.sent)
        home = None if own or sent_by is None else sent_by.home
        site = self._sites.get((known, authority, home)) if known else None
        return site or self._new_site(
            known, authority, settings or self._hosts.get(authority, HostSettings()), home
        )

    def certificate(self, site: HostState) -> str:
        """Say what TLS a site speaks and until when its certificate is good, on a connection of its own."""
        try:
            return self._connections.certificate(site.authority, site.settings)
        except FOREIGN as error:
            wrong = translate(error, authority=site.authority)
            raise (wrong.error if isinstance(wrong, RetryableFailure) else wrong) from error

    def known_scheme(self, authority: str) -> str:
        """Return the scheme a host was found to speak; plain HTTP for one that never answered."""
        return self._schemes.get(authority, "http")

    def _new_site(
        self, scheme: str | None, authority: str, settings: HostSettings, sender: HomeNetwork | None
    ) -> HostState:
        with self._lock:
            scheme = scheme or self._schemes.get(authority)
            if scheme is None:
                scheme, sure = self._connections.probe(authority)
                if sure:
                    self._schemes[authority] = scheme
            site = self._sites.get((scheme, authority, sender))
            if site is None:
                try:
                    site = self._make_site(scheme, authority, settings, sender)
                except FOREIGN as error:
                    wrong = translate(error, authority=authority)
                    raise (wrong.error if isinstance(wrong, RetryableFailure) else wrong) from error
                self._sites[scheme, authority, sender] = site
            return site

    def _make_site(
        self, scheme: str, authority: str, settings: HostSettings, sender: HomeNetwork | None
    ) -> HostState:
        settings = with_certificates(authority, settings, self._environ)
        own = self._homes.setdefault(authority, HomeNetwork())
        pool, absolute = self._connections.pool(scheme, authority, settings, home=own, chosen_by=sender)
        throttle = self._throttles.get(authority)
        if throttle is None:
            throttle = HostThrottle(jobs=self._jobs, budget=self._retry_time, wait=self._closing.wait)
            self._throttles[authority] = throttle
        return HostState(
            scheme=scheme,
            authority=authority,
            settings=settings,
            pool=pool,
            throttle=throttle,
            absolute=absolute,
            home=own if sender is None else sender,
            sent=sender is not None,
        )

    def request(self, site: HostState, call: Request) -> Response:
        """Send the call, repeat it within the host's budget, and follow its redirects.

        Raises a :class:`RegistryError` when no answer came; any status but a redirect is an answer.
        """
        answer = self._persist(site, call)
        for hops in range(limits.REDIRECTS):
            if answer.status not in REDIRECT or "Location" not in answer.headers:
                return answer if hops == 0 else replace(answer, quiet=True)
            site, call = self._next_hop(site, call, answer.headers["Location"])
            try:
                answer = self._persist(site, call)
            except RegistryError as error:
                error.message = f"redirected to {site.url}: {error.message}"
                raise
        if answer.status in REDIRECT:
            raise UnreachableError(f"more than {limits.REDIRECTS} redirects")
        return replace(answer, quiet=True)

    def _next_hop(self, site: HostState, call: Request, location: str) -> tuple[HostState, Request]:
        """Return where a redirect leads; Authorization stays home when scheme, host or port change."""
        scheme, authority, target = split_location(site.url + call.target, location)
        if site.scheme == "https" and scheme == "http":
            raise UnreachableError(f"a redirect from https to plain http ({authority}) is not followed")
        hop = replace(call, target=target)
        if (scheme, authority) == (site.scheme, site.authority):
            return site, hop
        if call.quiet and call.body is not None:
            raise UnreachableError(f"a redirect to {authority} is not followed with a login in the body")
        headers = {key: value for key, value in call.headers.items() if key != "Authorization"}
        return self.site(scheme, authority, sent_by=site), replace(hop, headers=headers, site_headers=())

    def _persist(self, site: HostState, call: Request) -> Response:
        """Repeat one call to one site while the host's gate lets it."""
        attempt, first = 0, None
        while True:
            result = self._attempt(site, call, attempt)
            if isinstance(result, Response):
                site.throttle.succeeded()
                return result
            if not call.repeatable:
                raise result.error
            first = site.throttle.failed(result, attempt=attempt, first=first, patience=call.manner.patience)
            attempt += 1

    def _attempt(self, site: HostState, call: Request, attempt: int) -> Response | RetryableFailure:
        with site.throttle.slot(call.manner.patience):
            if not call.is_upload:
                return self._watched(site, call, attempt)
        # An upload waits for a pause of the host, but holds no slot: its pieces may come from the same
        # host, and would wait for a slot for ever.  Who copies bounds the number of uploads.
        return self._watched(site, call, attempt)

    def _watched(self, site: HostState, call: Request, attempt: int) -> Response | RetryableFailure:
        """Try once, and show what came of it to who observes."""
        if self._observer is None:
            return self._try(site, call)
        shown = f"{call.method} {site.url}{shown_target(call.target)}"
        return observed(lambda: self._try(site, call), shown, attempt, self._observer)

    def _try(self, site: HostState, call: Request) -> Response | RetryableFailure:
        self._count(site.authority, call.method)
        try:
            answer = self._exchange(site, call)
        except FOREIGN as error:
            wrong = translate(error, authority=site.authority)
            if isinstance(wrong, RetryableFailure):
                return wrong
            raise wrong from error
        return retryable(answer) if answer.status in REPEATABLE else answer

    def _exchange(self, site: HostState, call: Request) -> Response:
        """Send one request and read its answer; raise whatever breaks."""
        pool = self._fresh_pool(site) if call.manner.fresh else site.pool
        if pool.proxy is None and not call.streamed and not call.is_upload and is_plain(call.target):
            return self._exchange_small(site, call, pool)
        response = pool.urlopen(
            call.method,
            site.url + call.target if site.absolute else call.target,
            body=call.body,  # type: ignore[arg-type]  # a connection of ours sends stretches of files
            headers=self._headers(site, call),
            retries=_NEVER_AGAIN,
            redirect=False,
            assert_same_host=False,
            timeout=_timeout(call),
            preload_content=False,
            decode_content=False,
        )
        self.quotas.note(site.authority, response.headers)
        if call.streamed and response.status in STREAMED:
            return Response(
                status=response.status, headers=response.headers, body=b"", url=site.url, stream=response
            )
        try:
            body = read_body(response, has_body=call.method != "HEAD", limit=call.limit)
        except BaseException:
            response.close()
            raise
        if response.status >= 300:
            body = scrubbed(body, _secrets(call))
        return Response(
            status=response.status, headers=response.headers, body=body, url=site.url, quiet=call.quiet
        )

    def _exchange_small(self, site: HostState, call: Request, pool: Pool) -> Response:
        body = call.body if isinstance(call.body, bytes) else None
        request = request_bytes(call.method, call.target, site.authority, self._fields(call), body)
        connection = pool.borrow()
        keeps = False
        try:
            answer = exchange(
                connection.sock,
                request,
                has_body=call.method != "HEAD",
                within=call.answer_within or limits.FIRST_BYTE_SECONDS,
                limit=call.limit,
            )
            keeps = answer.keeps
        finally:
            pool.give_back(connection, keeps=keeps)
        self.quotas.note(site.authority, answer.fields)
        said = answer.body
        if answer.status >= 300:
            said = scrubbed(said[: limits.ERROR_BODY_BYTES], _secrets(call))
        elif len(said) > call.limit:
            raise IntegrityError(f"the response is larger than {call.limit} bytes")
        return Response(
            status=answer.status, headers=answer.fields, body=said, url=site.url, quiet=call.quiet
        )

    def _fresh_pool(self, site: HostState) -> Pool:
        return self._connections.pool(
            site.scheme,
            site.authority,
            site.settings,
            home=self._homes[site.authority],
            chosen_by=site.home if site.sent else None,
        )[0]

    def _headers(self, site: HostState, call: Request) -> RequestHeaders:
        # Only a redirect's target can hold what urllib3 would write differently.
        exact = None if site.absolute or "%" not in call.target else call.target
        return RequestHeaders(self._fields(call), target=exact, streamed=call.streamed)

    def _fields(self, call: Request) -> dict[str, str]:
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **call.headers}
        if call.site_headers:
            said = {name.lower() for name in call.headers}
            own = {name: value for name, value in call.site_headers if name.lower() not in said}
            headers = {**headers, **own}
        return headers

    def _count(self, authority: str, method: str) -> None:
        with self._count_lock:
            key = authority, method
            self.requests[key] = self.requests.get(key, 0) + 1


def _timeout(call: Request) -> urllib3.Timeout:
    if call.answer_within is None:
        return _TIMEOUT
    return urllib3.Timeout(connect=limits.CONNECT_SECONDS, read=call.answer_within)


def _secrets(call: Request) -> tuple[str, ...]:
    """Return what of a call a server must not repeat to the terminal: tokens, and a login in all its forms."""
    more = [word for _, value in call.site_headers for word in (value, *value.replace(",", " ").split())]
    value = call.headers.get("Authorization", "").partition(" ")[2]
    try:
        pair = base64.b64decode(value, validate=True).decode()
    except ValueError:
        pair = ""
    return value, pair, pair.partition(":")[2], *(word for word in more if len(word) >= _SECRET_CHARS)
