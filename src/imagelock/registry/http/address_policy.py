"""Classify addresses, and decide whether a server may send us there.

An address that a server chose (realm, redirect, ``Location``) must not lead to this machine, to the
link, to a cloud's metadata service or into a private network, unless the registry itself lives there.
"""

from __future__ import annotations

import enum
import ipaddress
import socket
from typing import TypeAlias

from imagelock.errors import UnreachableError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Zone(enum.Enum):
    """What part of the world an address belongs to; the value is the word for messages."""

    PUBLIC = "a public address"
    PRIVATE = "an address of a private network"
    LOOPBACK = "an address of this machine"
    LINK = "a link-local address"
    METADATA = "the address of a metadata service"
    NOWHERE = "an address that a host cannot have"


_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "192.0.0.192",
                 "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254")
)  # fmt: skip
"""Metadata and credential services of the clouds; never to be asked on a server's word."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_THIS = ipaddress.ip_network("0.0.0.0/8")
"""Linux takes 0.0.0.0 for the machine itself."""


def zone_of(address: str) -> Zone:
    """Return the zone of an address in the form that the resolver gives (a scope id is allowed)."""
    return _zone(ipaddress.ip_address(address.partition("%")[0]))


def _zone(address: Address) -> Zone:
    inner = _inner(address)
    if inner is not None:
        return _zone(inner)
    if address in _METADATA:
        return Zone.METADATA
    if address.is_loopback or address.is_unspecified or address in _THIS:
        return Zone.LOOPBACK
    if address.is_link_local:
        return Zone.LINK
    if address.is_multicast:
        return Zone.NOWHERE
    return Zone.PUBLIC if address.is_global else Zone.PRIVATE


def _inner(address: Address) -> Address | None:
    """Return the IPv4 address that an IPv6 address leads to (mapped, 6to4, NAT64)."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def literal(host: str) -> str | None:
    """Return the address that a host is written as; None for a name.

    Also the short and odd forms that a resolver takes for addresses: ``127.1``, ``0x7f000001``.
    """
    bare = host.strip("[]").partition("%")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(bare))
    except OSError:
        return None


class HomeNetwork:
    """Where a registry lives: the zone it was first reached in.

    First, because a name that later answers with another address must not open that other zone.
    """

    def __init__(self) -> None:
        self._zone: Zone | None = None

    def reached(self, address: str) -> None:
        """Take note of the address that a connection to the registry has led to."""
        if self._zone is None:
            self._zone = zone_of(address)

    def admits(self, address: str) -> bool:
        """Whether the registry may send us to this address."""
        zone = zone_of(address)
        if zone in {Zone.METADATA, Zone.NOWHERE}:
            return False
        return zone is Zone.PUBLIC or zone is self._zone


def require_allowed(host: str, address: str, home: HomeNetwork) -> None:
    """Raise :class:`UnreachableError` when a server may not send us to ``address`` of ``host``."""
    if home.admits(address):
        return
    shown = host if host.strip("[]") == address else f"{host} ({address})"
    raise UnreachableError(
        f"the registry points to {shown}, {zone_of(address).value}, but is not there itself",
        hint="if that is intended, name the other host in the configuration: as a mirror, or in realms for tokens",
    )
