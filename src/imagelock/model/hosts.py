"""The configuration of registry hosts; trust is decided before these values are made.

A value here is already allowed: `imagelock.config_reader` drops or refuses what an untrusted file may not say.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Another place for a host's content: ``scheme://host[:port][/prefix]``.

    The repository's path is appended to the prefix.  With ``resolve`` tags are taken from it too;
    without, only content by digest.
    """

    url: str
    resolve: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternate:
    """A rewrite tried when the original has no such image: a regular expression and its replacement.

    ``match`` must match the whole canonical name; ``$1`` in ``to`` is its first group.
    """

    match: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """Settings of one registry host, by the name references use (``docker.io``, ``localhost:5000``).

    ``fallback = False``: the origin is never asked, so the mirrors' 404 is the answer.  ``ca`` is a PEM
    file that adds to the system's.  ``insecure`` allows plain HTTP and unverified TLS for this host.
    ``realms`` are token services that may see this host's stored credentials.  ``cert`` and ``key`` are the
    client's own certificate (PEM files; the key may be in the first); ``more_ca`` are authorities that other
    tools' files name.
    """

    mirrors: tuple[Mirror, ...] = ()
    fallback: bool = True
    alternates: tuple[Alternate, ...] = ()
    ca: str | None = None
    insecure: bool = False
    realms: tuple[str, ...] = ()
    cert: str | None = None
    key: str | None = None
    more_ca: tuple[str, ...] = ()

    @property
    def tls(self) -> HostSettings:
        """What matters to TLS alone, so that hosts with the same share one context."""
        return HostSettings(
            ca=self.ca, insecure=self.insecure, cert=self.cert, key=self.key, more_ca=self.more_ca
        )


def is_loopback(host: str) -> bool:
    """Whether a host (a name or an address, brackets allowed) is this machine by definition.

    RFC 6761 reserves ``localhost`` and every name below it, whatever their case.  Only the text is judged, nothing
    is looked up: spellings that resolvers accept beyond RFC 3986 (``127.1``, ``2130706433``) are not loopback here,
    because not every resolver reads them alike.
    """
    name = host.removeprefix("[").removesuffix("]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # Before Python 3.13 ``::ffff:127.0.0.1`` does not count as loopback by itself.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
