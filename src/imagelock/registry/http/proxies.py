"""Which proxy to ask for a host: ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``.

``NO_PROXY`` is read as curl and Go do: names (with everything below them), ``.suffix`` and ``*.suffix``,
addresses, networks (``10.0.0.0/8``), each with an optional port, and ``*`` for everything.  Names are not
resolved: a network matches hosts that are written as addresses.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from imagelock.errors import ConfigError
from imagelock.lazy_regex import lazy_regex
from imagelock.model.hosts import is_loopback
from imagelock.registry.hosts.endpoints import split_authority

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMES = ("http://", "https://")
_SEPARATOR = lazy_regex(r"[,\s]+")


class Proxies:
    """The proxies of an environment; the lower-case names win."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        found = _variables(environ)
        self._bypass = tuple(filter(None, _SEPARATOR.split(found.pop("no", "").lower())))
        self._urls = {kind: url if "://" in url else f"http://{url}" for kind, url in found.items() if url}

    def find(self, scheme: str, host: str, port: int) -> str | None:
        """Return the proxy's address; None for loopback, which no proxy is asked for, and without one.

        Raises :class:`ConfigError` for a proxy of another kind, such as SOCKS.
        """
        url = self._urls.get(scheme) or self._urls.get("all")
        if url is None or is_loopback(host):
            return None
        name = host.strip("[]").lower().rstrip(".")
        if any(_matches(entry, name, port) for entry in self._bypass):
            return None
        if not url.lower().startswith(_SCHEMES):
            raise ConfigError(
                f"the proxy for {host} is neither http nor https",
                where="the environment",
                hint="set HTTPS_PROXY and HTTP_PROXY to http://host:port, or name the host in NO_PROXY",
            )
        return url


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by kind; ``HTTP_PROXY`` is not taken where a CGI client's header could set it."""
    names = sorted((name for name in environ if name.lower().endswith("_proxy")), key=str.islower)
    if "REQUEST_METHOD" in environ:
        names = [name for name in names if name != "HTTP_PROXY"]
    return {name.lower().removesuffix("_proxy"): environ[name].strip() for name in names}


def _matches(entry: str, name: str, port: int) -> bool:
    if entry == "*":
        return True
    if (network := _network(entry)) is not None:
        return _within(name, network)
    pattern, wanted = split_authority(entry)
    if wanted is not None and wanted != port:
        return False
    pattern = pattern.strip("[]").rstrip(".")
    if (network := _network(pattern)) is not None:
        return _within(name, network)
    suffix = pattern.removeprefix("*").removeprefix(".")
    return bool(suffix) and (name == suffix or name.endswith(f".{suffix}"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _within(name: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(name) in network
    except ValueError:
        return False
