"""``doctor``: probe one registry, and report what it supports without any secret.

Nothing is written and no pull is spent: questions are GETs of ``/v2/`` and HEADs of manifests (OCI
distribution specification, "Endpoints").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import AccessDeniedError, ImagelockError, NotFoundError, RegistryError, UsageError
from imagelock.model.manifest import ACCEPTED_TYPES
from imagelock.model.reference import DEFAULT_DOMAIN, Reference
from imagelock.registry.auth.authorizer import Authorizer
from imagelock.registry.auth.challenge import parse_challenges
from imagelock.registry.auth.tokens import may_see
from imagelock.registry.hosts.endpoints import endpoints
from imagelock.registry.hosts.mirror_files import MirrorFiles
from imagelock.registry.http.locations import split_location
from imagelock.registry.http.transport import Request, Transport
from imagelock.registry.verify import DIGEST_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.model.hosts import HostSettings
    from imagelock.registry.auth.challenge import Challenge
    from imagelock.registry.hosts.endpoints import Endpoint
    from imagelock.registry.http.responses import Response
    from imagelock.registry.http.transport import HostState

_SMALL = limits.ERROR_BODY_BYTES
_PROBES = {DEFAULT_DOMAIN: "ratelimitpreview/test:latest"}
"""An image that a registry's own documentation names for asking about quotas."""
_NO_IMAGE = "imagelock/doctor:none"
_ACCEPT = {"Accept": ", ".join(ACCEPTED_TYPES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that was asked and what came; ``could_not_tell`` ends the command with 3."""

    what: str
    answer: str
    could_not_tell: bool = False


def subject(text: str) -> tuple[Reference, bool]:
    """Return the image to ask for, and whether it is a person's own: ``HOST`` alone gets one to probe with.

    Raises :class:`~imagelock.errors.InvalidValueError` for what is neither a host nor a reference.
    """
    host, slash, _ = text.partition("/")
    if slash:
        return Reference.parse(text), True
    domain = Reference.parse(f"{host}/x").domain
    if domain != host and domain == DEFAULT_DOMAIN and "." not in host:
        raise UsageError(f"{host!r} is not a registry host", hint="write HOST as quay.io or localhost:5000")
    return Reference.parse(f"{domain}/{_PROBES.get(domain, _NO_IMAGE)}"), domain in _PROBES


def doctor(
    image: Reference,
    hosts: Mapping[str, HostSettings],
    *,
    known: bool,
    retry_time: float,
    environ: Mapping[str, str],
) -> tuple[Row, ...]:
    """Ask everything of each place that answers for the image's host, mirrors first."""
    transport = Transport(hosts, jobs=1, retry_time=retry_time, environ=environ)
    try:
        rows: list[Row] = []
        places = endpoints(image.name, hosts, MirrorFiles(environ))
        for at in places:
            visit = _Visit(transport, Authorizer(transport, environ), at, image, known=known)
            rows += visit.rows()
        return tuple(rows)
    finally:
        transport.close()


class _Visit:
    """The questions to one place, in order; what cannot be determined stops those that depend on it."""

    def __init__(
        self, transport: Transport, authorizer: Authorizer, at: Endpoint, image: Reference, *, known: bool
    ) -> None:
        self._transport = transport
        self._authorizer = authorizer
        self._at = at
        self._image = image
        self._known = known

    def rows(self) -> Iterator[Row]:
        """Yield what was found; an error is a row and no exception."""
        at = self._at
        try:
            site = self._transport.site(at.scheme, at.authority, at.settings)
            yield Row(what="registry", answer=f"{at.host} at {site.url}{self._rules()}")
            yield from self._tls(site)
            call = Request(method="GET", target=f"{at.root}/", limit=_SMALL, site_headers=at.headers)
            answer = self._transport.request(site, call)
        except RegistryError as error:
            yield _failed("answer", error)
            return
        yield self._version(answer)
        yield from self._challenges(site, answer)
        yield from self._image_rows(site)
        quota = self._transport.quotas.known.get(at.authority)
        yield Row(what="quota", answer="not reported" if quota is None else str(quota))
        yield from (Row(what="login", answer=words) for words in self._authorizer.warnings)

    def _rules(self) -> str:
        if self._at.resolves and self._at.serves:
            return ""
        return " (tags only)" if self._at.resolves else " (content by digest only)"

    def _tls(self, site: HostState) -> Iterator[Row]:
        if site.scheme != "https":
            yield Row(what="tls", answer="none: plain HTTP")
            return
        yield Row(what="tls", answer=self._transport.certificate(site))

    def _version(self, answer: Response) -> Row:
        if answer.status in {200, 401, 403} and not answer.is_a_page:
            version = answer.headers.get("Docker-Distribution-Api-Version", "")
            version_note = f", {_plain(version)}" if version else ""
            return Row(what="api", answer=f"GET /v2/ answers {answer.status}{version_note}")
        return Row(
            what="api",
            answer=f"GET /v2/ answers {answer.status}: not an answer of a registry",
            could_not_tell=True,
        )

    def _challenges(self, site: HostState, answer: Response) -> Iterator[Row]:
        found = parse_challenges(answer.headers.getlist("WWW-Authenticate"))
        if not found:
            yield Row(what="challenge", answer="none: access without a login")
        for challenge in found:
            yield Row(what="challenge", answer=_shown(challenge))
            yield self._login(site, challenge)

    def _login(self, site: HostState, challenge: Challenge) -> Row:
        try:
            credential = self._authorizer.stored(self._at)
            if credential is None:
                return Row(what="login", answer="none stored")
            sent = challenge.scheme == "basic" or may_see(challenge.realm, site)
        except ImagelockError as error:
            return Row(what="login", answer=str(error))
        where = "sent" if sent else "not sent: the realm belongs to another domain (allow it with realms)"
        return Row(what="login", answer=f"from {credential.source}, {where}")

    def _image_rows(self, site: HostState) -> Iterator[Row]:
        tag = str(self._image.digest or self._image.tag or "latest")
        target = self._at.target(f"manifests/{tag}")
        try:
            call = Request(method="HEAD", target=target, limit=_SMALL, headers=_ACCEPT)
            answer = self._authorizer.request(site, self._at, call)
        except AccessDeniedError as error:
            # Without an image of the person's own this is the expected answer, and HEAD was understood.
            if self._known:
                yield _failed("image", error)
            else:
                yield Row(what="HEAD", answer="supported (an unknown image needs a login)")
            return
        except RegistryError as error:
            yield _failed("image", error)
            return
        yield from self._head_rows(site, answer)

    def _head_rows(self, site: HostState, answer: Response) -> Iterator[Row]:
        is_supported = answer.status not in {400, 405, 406, 415, 501}
        yield Row(what="HEAD", answer="supported" if is_supported else f"not supported ({answer.status})")
        if answer.status != 200:
            if self._known:
                missing = f"{self._image} is not there ({answer.status})"
                yield Row(what="image", answer=missing, could_not_tell=answer.status != 404)
            return
        said = answer.headers.get(DIGEST_HEADER)
        yield Row(what="image", answer=f"{self._image} is {answer.media_type or 'of unknown type'}")
        yield Row(what="digest header", answer=_plain(said) if said else "none: comparing a tag takes a GET")
        if said:
            yield self._referrers(site, _plain(said))

    def _referrers(self, site: HostState, digest: str) -> Row:
        target = self._at.target(f"referrers/{digest}")
        call = Request(method="GET", target=target, limit=limits.MANIFEST_BYTES)
        try:
            answer = self._authorizer.request(site, self._at, call)
        except NotFoundError:
            return Row(what="referrers", answer="no API: tags of the form sha256-… are used instead")
        except RegistryError as error:
            return Row(what="referrers", answer=f"could not tell: {error.message}")
        if answer.status == 200 and answer.media_type == "application/vnd.oci.image.index.v1+json":
            return Row(what="referrers", answer="the API of OCI 1.1")
        return Row(
            what="referrers", answer=f"no API ({answer.status}): tags of the form sha256-… are used instead"
        )


def _shown(challenge: Challenge) -> str:
    if challenge.scheme != "bearer":
        return _plain(challenge.scheme)
    try:
        scheme, authority, target = split_location("", challenge.realm)
        realm = f"{scheme}://{authority}{target.partition('?')[0]}"
    except RegistryError:
        realm = "that is not a web address"
    return f"bearer, realm {_plain(realm)}, service {_plain(challenge.service) or 'none'}"


def _plain(text: str) -> str:
    """Return at most a line of what a server said, fit for a terminal."""
    return "".join(each if " " <= each <= "~" else "?" for each in text[:160])


def _failed(what: str, error: RegistryError) -> Row:
    return Row(what=what, answer=f"could not tell: {error.kind}: {error.message}", could_not_tell=True)
