"""Get and cache bearer tokens: one request serves all threads that wait for the same scope."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from imagelock import limits
from imagelock.errors import AccessDeniedError, InvalidValueError, UnreachableError
from imagelock.lazy_regex import lazy_regex
from imagelock.model import strictjson
from imagelock.registry.hosts.endpoints import split_authority
from imagelock.registry.http.responses import refusal
from imagelock.registry.http.transport import Request
from imagelock.registry.http.web_address import split_web_address

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from imagelock.registry.auth.challenge import Challenge
    from imagelock.registry.auth.credentials import Credential
    from imagelock.registry.hosts.endpoints import Endpoint
    from imagelock.registry.http.responses import Response
    from imagelock.registry.http.transport import HostState, Transport

_TOKEN = lazy_regex(r"[\x21-\x7e]+", re.ASCII)
_CLIENT_ID = "imagelock"
_LEAST_SECONDS = 60.0
"""The lifetime of a token when its service does not give one, by the specification."""
_MOST_SECONDS = 24 * 3600.0
_MARGIN = 0.9
"""The part of its lifetime for which a token is used: clocks differ and requests queue."""
_REFUSED_SECONDS = 30.0
"""How long a refusal of the token service is remembered."""


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """The value of an Authorization header, until when (monotonic seconds), and whether a login gave it."""

    value: str = field(repr=False)
    expires: float
    with_login: bool


@dataclass(slots=True)
class _Slot:
    """One scope's token; the lock makes everyone wait for the one who asks."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    grant: Grant | None = None
    refusal: tuple[float, AccessDeniedError] | None = None


class Tokens:
    """Get bearer tokens from the services that registries name."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._slots: dict[tuple[str, str, str, Credential | None], _Slot] = {}

    def get(
        self,
        site: HostState,
        at: Endpoint,
        challenge: Challenge,
        credential: Credential | None,
        refused: Grant | None,
    ) -> Grant:
        """Return a token for the challenge that is not ``refused`` (the one the registry turned down).

        Raises :class:`AccessDeniedError` when the service gives none, or is none that may be asked.
        """
        scope = challenge.scope or f"repository:{at.repository}:pull"
        key = (challenge.realm, challenge.service, scope, credential)
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
        with slot.lock:
            if slot.grant is not None and slot.grant is not refused and slot.grant.expires > time.monotonic():
                return slot.grant
            if slot.refusal is not None and slot.refusal[0] > time.monotonic():
                raise AccessDeniedError(slot.refusal[1].message, hint=slot.refusal[1].hint)
            try:
                slot.grant = self._fetch(site, challenge, scope, credential)
            except AccessDeniedError as error:
                slot.refusal = (time.monotonic() + _REFUSED_SECONDS, error)
                raise
            return slot.grant

    def _fetch(
        self, site: HostState, challenge: Challenge, scope: str, credential: Credential | None
    ) -> Grant:
        realm = _realm(challenge.realm, site)
        settings = site.settings if realm.hostname == _hostname(site) else None
        named = any(urlsplit(each).netloc == realm.netloc for each in site.settings.realms)
        sender = None if named else site
        service = self._transport.site(realm.scheme, realm.netloc, settings, sent_by=sender)
        asked = time.monotonic()
        answer = None
        if credential is not None and credential.identity_token is not None:
            answer = self._post(service, realm, challenge, scope, credential.identity_token)
        if answer is None or 400 <= answer.status < 500:
            # Services without the OAuth 2 form take an identity token as a password.
            answer = self._get(service, realm, challenge, scope, credential)
        return _grant(answer, asked, with_login=credential is not None)

    def _get(
        self,
        service: HostState,
        realm: SplitResult,
        challenge: Challenge,
        scope: str,
        credential: Credential | None,
    ) -> Response:
        # Each scope is a parameter of its own here; the form of OAuth 2 has one list with spaces.
        fields = [("service", challenge.service), *(("scope", each) for each in scope.split())]
        query = "&".join(filter(None, (realm.query, urlencode([pair for pair in fields if pair[1]]))))
        headers = {"Accept": "application/json"}
        if credential is not None:
            headers["Authorization"] = credential.basic
        target = f"{realm.path or '/'}?{query}"
        return self._transport.request(
            service,
            Request(method="GET", target=target, limit=limits.TOKEN_BYTES, headers=headers, quiet=True),
        )

    def _post(
        self, service: HostState, realm: SplitResult, challenge: Challenge, scope: str, refresh_token: str
    ) -> Response:
        form = {
            "grant_type": "refresh_token",
            "service": challenge.service,
            "scope": scope,
            "client_id": _CLIENT_ID,
            "refresh_token": refresh_token,
        }
        target = f"{realm.path or '/'}{'?' if realm.query else ''}{realm.query}"
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        call = Request(
            method="POST",
            target=target,
            limit=limits.TOKEN_BYTES,
            headers=headers,
            body=urlencode(form).encode(),
            quiet=True,
        )
        return self._transport.request(service, call)


def may_see(realm: str, site: HostState) -> bool:
    """Whether a token service may see the stored login of the registry ``site``.

    Only the registry's own host or registrable domain, or a realm of its settings; never plain HTTP for
    a registry that speaks TLS.
    """
    parts = _realm(realm, site)
    base = f"{parts.scheme}://{parts.netloc}"
    if any(allowed.rstrip("/") in {realm, base} for allowed in site.settings.realms):
        return True
    own = _hostname(site)
    return parts.hostname is not None and (parts.hostname == own or _same_domain(parts.hostname, own))


@lru_cache(maxsize=256)
def _same_domain(one: str, other: str) -> bool:
    """Whether two host names belong to one registrable domain, by the public suffix list."""
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415  # big, and needed by few registries

    if not _is_name(one) or not _is_name(other):
        return False
    suffixes = PublicSuffixList(accept_unknown=False)
    domain = suffixes.privatesuffix(one)
    return domain is not None and domain == suffixes.privatesuffix(other)


def _is_name(host: str) -> bool:
    return ":" not in host and not host.rpartition(".")[2].isdecimal()


def _hostname(site: HostState) -> str:
    return split_authority(site.authority)[0].strip("[]").lower()


def _realm(realm: str, site: HostState) -> SplitResult:
    """Read a realm; raise :class:`AccessDeniedError` for one that must not be asked."""
    try:
        parts = split_web_address(realm)
    except ValueError as error:
        raise AccessDeniedError(f"the registry names a token service that is {error}") from error
    if parts.scheme == "http" and site.scheme == "https":
        raise AccessDeniedError(f"the registry names a token service over plain http: {parts.netloc}")
    return parts


def _grant(answer: Response, asked: float, *, with_login: bool) -> Grant:
    if answer.status in {400, 401, 403, 404}:
        raise AccessDeniedError(f"the token service {answer.url} refuses a token ({answer.reason})")
    if answer.status != 200:
        error = refusal(answer, what="token")
        error.message = f"token service {answer.url}: {error.message}"
        raise error
    token, seconds = _read_token(answer)
    life = min(max(seconds, 1.0), _MOST_SECONDS) * _MARGIN
    return Grant(f"Bearer {token}", asked + life, with_login)


def _read_token(answer: Response) -> tuple[str, float]:
    """Return the token and its life in seconds."""
    try:
        document = strictjson.loads(answer.body)
    except InvalidValueError:
        document = None
    fields = document if isinstance(document, dict) else {}
    token = fields.get("token") or fields.get("access_token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise UnreachableError(f"the token service {answer.url} answered without a token")
    seconds = fields.get("expires_in")
    usable = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds > 0
    return token, float(seconds) if usable and isinstance(seconds, (int, float)) else _LEAST_SECONDS
