"""Answer a registry's demand for authorization with the least that satisfies it.

Follows the distribution project's token authentication (GET) and its OAuth 2 form (POST with a refresh
token).  Stored credentials go only to the registry's own host or registrable domain,
or to a configured realm; an anonymous token may be asked of any https realm.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock.errors import AccessDeniedError
from imagelock.registry.auth.challenge import Challenge, parse_challenges
from imagelock.registry.auth.credentials import Credentials
from imagelock.registry.auth.tokens import Grant, Tokens, may_see

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.registry.auth.credentials import Credential
    from imagelock.registry.hosts.endpoints import Endpoint
    from imagelock.registry.http.responses import Response
    from imagelock.registry.http.transport import HostState, Request, Transport

_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class _Login:
    """The credential for one repository, and why it may not be used although there is one."""

    credential: Credential | None
    withheld: str | None = None


class Authorizer:
    """Send calls with the authorization their registry asks for; there is no ping, the first 401 starts it.

    A registry that once asked for tokens in the usual way gets one at once for its other repositories,
    so that each costs one request and one token, not two requests.  ``warnings`` collects what a person
    should know although the call succeeded.
    """

    def __init__(self, transport: Transport, environ: Mapping[str, str]) -> None:
        self._transport = transport
        self._credentials = Credentials(environ)
        self._tokens = Tokens(transport)
        self._lock = threading.Lock()
        self._grants: dict[tuple[str, str, str], Grant] = {}
        self._challenges: dict[str, Challenge] = {}
        self._anonymous: set[tuple[str, str]] = set()
        self.warnings: list[str] = []

    def request(self, site: HostState, at: Endpoint, call: Request) -> Response:
        """Send the call and authorize it if refused; any status except 401 and 403 is a response.

        Raises :class:`AccessDeniedError` when nothing settles it.
        """
        if at.headers:
            call = replace(call, site_headers=at.headers)
        grant = self._known_grant(site, at, _scope(at, call))
        answer = self._send(site, call, grant)
        if answer.status not in _REFUSED or answer.url != site.url:
            return answer
        return self._settle(site, at, call, answer, grant)

    def stored(self, at: Endpoint) -> Credential | None:
        """Return the stored login for a repository; raises as :meth:`Credentials.lookup`."""
        return self._credentials.lookup(at.credential_name)

    def _send(self, site: HostState, call: Request, grant: Grant | None) -> Response:
        if grant is not None and grant.value:
            call = replace(call, headers={**call.headers, "Authorization": grant.value})
        return self._transport.request(site, call)

    def _known_grant(self, site: HostState, at: Endpoint, wanted: str) -> Grant | None:
        """Return the authorization that worked for this repository, or most likely will."""
        grant = self._grants.get((site.url, at.repository, wanted))
        if grant is not None and grant.expires > time.monotonic():
            return grant
        challenge = self._challenges.get(site.url)
        if challenge is None:
            return None
        scope = wanted if challenge.scheme == "bearer" else ""
        try:
            return next(self._offers(site, at, replace(challenge, scope=scope), None), None)
        except AccessDeniedError:
            return None  # the registry may not even ask for a login here; if it does, that is reported

    def _settle(
        self, site: HostState, at: Endpoint, call: Request, answer: Response, refused: Grant | None
    ) -> Response:
        """Try the stored login, then an anonymous token only."""
        if answer.status == 403 and (refused is None or not refused.with_login):
            raise self._no_access(site, at, answer)
        challenge = self._challenge(site, answer)
        wanted = _scope(at, call)
        if call.also_from or challenge.scope in {"", f"repository:{at.repository}:pull"}:
            # A registry asks for what one request needs, or leaves it to us; a copy needs to write next.
            challenge = replace(challenge, scope=wanted)
        for grant in self._offers(site, at, challenge, refused, login=answer.status == 401):
            again = self._send(site, call, grant)
            if again.status not in _REFUSED or again.url != site.url:
                self._remember(site, at, challenge, grant, wanted)
                return again
            answer = again
        raise self._no_access(site, at, answer)

    def _offers(
        self,
        site: HostState,
        at: Endpoint,
        challenge: Challenge,
        refused: Grant | None,
        *,
        login: bool = True,
    ) -> Iterator[Grant]:
        """Yield authorizations that may satisfy the challenge, the most likely first."""
        credential = self._login(site, at, challenge).credential
        if credential is not None and login and (site.url, at.repository) not in self._anonymous:
            try:
                yield self._grant(site, at, challenge, credential, refused)
            except AccessDeniedError:
                if challenge.scheme != "bearer":
                    raise
        if challenge.scheme == "bearer":
            yield self._grant(site, at, challenge, None, refused)
        elif credential is not None:
            yield Grant("", time.monotonic(), with_login=False)

    def _grant(
        self,
        site: HostState,
        at: Endpoint,
        challenge: Challenge,
        credential: Credential | None,
        refused: Grant | None,
    ) -> Grant:
        if challenge.scheme == "bearer":
            return self._tokens.get(site, at, challenge, credential, refused)
        return Grant(credential.basic if credential else "", float("inf"), with_login=credential is not None)

    def _challenge(self, site: HostState, answer: Response) -> Challenge:
        """Choose a challenge to answer: tokens before passwords; a 403 has no challenge, so the known one is used."""
        offered = parse_challenges(answer.headers.getlist("WWW-Authenticate"))
        for scheme in ("bearer", "basic"):
            for challenge in offered:
                if challenge.scheme == scheme:
                    return challenge
        return self._challenges.get(site.url, Challenge(scheme="none"))

    def _remember(
        self, site: HostState, at: Endpoint, challenge: Challenge, grant: Grant, wanted: str
    ) -> None:
        login = self._login(site, at, challenge)
        key = (site.url, at.repository)
        with self._lock:
            self._grants[*key, wanted] = grant
            usual = challenge.scope == wanted
            if challenge.scheme == "basic" or (challenge.scheme == "bearer" and usual):
                self._challenges.setdefault(site.url, challenge)
            if login.credential is not None and not grant.with_login:
                self._anonymous.add(key)
                self._warn(
                    f"the login for {at.host} ({login.credential.source}) was refused: continuing anonymously"
                )

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _login(self, site: HostState, at: Endpoint, challenge: Challenge) -> _Login:
        if challenge.scheme not in {"bearer", "basic"}:
            return _Login(None)
        credential = self._credentials.lookup(at.credential_name)
        if credential is None or challenge.scheme == "basic" or may_see(challenge.realm, site):
            return _Login(credential)
        return _Login(None, withheld=challenge.realm)

    def _no_access(self, site: HostState, at: Endpoint, answer: Response) -> AccessDeniedError:
        login = self._login(site, at, self._challenge(site, answer))
        command = f"podman login {at.host}"
        if login.withheld is not None:
            hint = (
                f"the stored login is not sent to {_host_of(login.withheld)}, which is another domain; to allow it, set "
                f'realms = ["https://…"] under [registries."{at.host}"]'
            )
        elif login.credential is not None:
            hint = f"the login from {login.credential.source} is not enough; log in again: {command}"
        else:
            hint = f"no such repository, or it is private: {command}"
        return AccessDeniedError(f"access denied ({answer.reason})", hint=hint)


def _scope(at: Endpoint, call: Request) -> str:
    """Return a token's scopes as the distribution project's token specification writes them."""
    scope = f"repository:{at.repository}:{call.actions}"
    return f"{scope} repository:{call.also_from}:pull" if call.also_from else scope


def _host_of(realm: str) -> str:
    return realm.partition("://")[2].partition("/")[0].rpartition("@")[2][:120]
