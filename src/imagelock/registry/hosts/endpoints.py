"""List the endpoints of a repository: the mirrors of its host in order, then the host itself.

Mirrors also resolve tags unless they are configured for content only; with ``fallback = false``
the origin is never contacted (docs/concepts/registries.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imagelock.configured_regex import configured_regex
from imagelock.errors import ConfigError, InvalidValueError
from imagelock.model.destination import fill_groups
from imagelock.model.hosts import HostSettings, is_loopback
from imagelock.model.reference import DEFAULT_DOMAIN, Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imagelock.model.hosts import Mirror
    from imagelock.registry.hosts.mirror_files import MirrorEntry, MirrorFiles

DOCKER_HUB = "registry-1.docker.io"
"""The host that serves what references call docker.io."""

DEFAULT_PORTS = {"https": 443, "http": 80}
_DEFAULT_SETTINGS = HostSettings()
_SEE = "written in registries.conf or hosts.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One place to ask for one repository.

    ``scheme`` is None where the host itself has to tell (loopback and insecure hosts).  ``host`` is the
    name that answers carry: the reference's own host for the origin, ``host:port`` for a mirror.
    ``resolves`` and ``serves``: whether it is asked for tags, and for content by digest.
    ``label`` is the address that messages show, empty where the scheme is not known yet.
    ``first_counts``: of all places of the repository the first that answers speaks for the others.
    ``root`` is where the API begins, ``query`` goes with every question, and ``headers`` (which may be
    secret) go to this place and nowhere else.
    """

    scheme: str | None
    authority: str
    repository: str
    host: str
    label: str
    resolves: bool
    settings: HostSettings
    serves: bool = True
    first_counts: bool = False
    root: str = "/v2"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def credential_name(self) -> str:
        """The name that credential files know this repository by."""
        return f"{self.host}/{self.repository}"

    def target(self, what: str) -> str:
        """Return path and query that ask for something of the repository (``manifests/…``, ``blobs/…``)."""
        return f"{self.root}/{self.repository}/{what}{self.query}"


def endpoints(
    name: str, hosts: Mapping[str, HostSettings], others: MirrorFiles | None = None
) -> tuple[Endpoint, ...]:
    """Return the places to ask for the canonical ``name``, in order.

    ``others`` are other tools' files: they count where ``hosts`` say nothing of the host's mirrors.
    Raises :class:`InvalidValueError` for what is not a repository name and :class:`ConfigError` for a mirror
    that is not a URL.
    """
    reference = Reference.parse(name)
    if reference.tag is not None or reference.digest is not None:
        raise InvalidValueError("a repository name has no tag and no digest", text=name)
    settings = hosts.get(reference.domain, _DEFAULT_SETTINGS)
    if others is not None and settings.fallback and not settings.mirrors:
        places = others.places(f"{reference.domain}/{reference.path}")
        if places is not None:
            return tuple(_other(place, hosts) for place in places)
    found = [_mirror(mirror, reference, hosts) for mirror in settings.mirrors]
    if settings.fallback:
        found.append(_origin(reference, settings))
    return tuple(found)


def origin(name: str, hosts: Mapping[str, HostSettings]) -> Endpoint:
    """Return the host itself, the only place that is ever written to.

    Raises :class:`InvalidValueError` for what is not a repository name.
    """
    reference = Reference.parse(name)
    if reference.tag is not None or reference.digest is not None:
        raise InvalidValueError("a repository name has no tag and no digest", text=name)
    return _origin(reference, hosts.get(reference.domain, _DEFAULT_SETTINGS))


def alternate_names(name: str, hosts: Mapping[str, HostSettings]) -> tuple[str, ...]:
    """Return the other names that ``[registries] alternates`` gives to ``name``, in order."""
    settings = hosts.get(name.partition("/")[0], _DEFAULT_SETTINGS)
    matches = ((configured_regex(each.match).fullmatch(name), each.to) for each in settings.alternates)
    return tuple(fill_groups(to, match) for match, to in matches if match is not None)


def split_authority(authority: str) -> tuple[str, int | None]:
    """Split ``host[:port]``; an IPv6 host keeps its brackets."""
    host, colon, port = authority.rpartition(":")
    if not colon or not port.isdecimal():
        return authority, None
    return host, int(port)


def _origin(reference: Reference, settings: HostSettings) -> Endpoint:
    authority = DOCKER_HUB if reference.domain == DEFAULT_DOMAIN else reference.domain
    host, _ = split_authority(authority)
    asks_the_host = settings.insecure or is_loopback(host)
    return Endpoint(
        scheme=None if asks_the_host else "https",
        authority=authority,
        repository=reference.path,
        host=reference.domain,
        label="" if asks_the_host else f"https://{authority}",
        resolves=True,
        settings=settings,
    )


def _mirror(mirror: Mirror, reference: Reference, hosts: Mapping[str, HostSettings]) -> Endpoint:
    try:
        parts = urlsplit(mirror.url)
        parts.port  # noqa: B018  # the property raises for what is not a port
    except ValueError as error:
        raise _not_a_mirror(mirror, reference) from error
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or not plain:
        raise _not_a_mirror(mirror, reference)
    prefix = parts.path.strip("/")
    return Endpoint(
        scheme=parts.scheme,
        authority=parts.netloc,
        repository=f"{prefix}/{reference.path}" if prefix else reference.path,
        host=parts.netloc,
        label=mirror.url.rstrip("/"),
        resolves=mirror.resolve,
        settings=hosts.get(parts.netloc, _DEFAULT_SETTINGS),
    )


def _other(place: MirrorEntry, hosts: Mapping[str, HostSettings]) -> Endpoint:
    """Return a place of another tool's file; what ``hosts`` say of its TLS counts there too."""
    try:
        reference = Reference.parse(place.name)
    except InvalidValueError as error:
        raise ConfigError(f"{place.name!r} is not a repository at a registry", hint=_SEE) from error
    if reference.domain != place.name.partition("/")[0]:
        # A host without a dot or port would be taken for a path of Docker Hub.
        raise ConfigError(f"{place.name!r} does not begin with a registry's host", hint=_SEE)
    own = hosts.get(reference.domain, _DEFAULT_SETTINGS)
    settings = own if place.settings is None else replace(place.settings, ca=own.ca, realms=own.realms)
    settings = replace(settings, insecure=settings.insecure or own.insecure or place.insecure)
    at = _origin(reference, settings)
    if place.scheme is not None:
        at = replace(at, scheme=place.scheme, label=f"{place.scheme}://{at.authority}")
    return replace(
        at,
        resolves=place.resolves,
        serves=place.serves,
        first_counts=True,
        root=place.root,
        query=place.query,
        headers=place.headers,
    )


def _not_a_mirror(mirror: Mirror, reference: Reference) -> ConfigError:
    shown = mirror.url.rpartition("@")[2]
    return ConfigError(
        f"{shown!r} is not a mirror",
        where=f'[registries."{reference.domain}"] mirrors',
        hint="write https://host[:port][/prefix], without user and password",
    )
