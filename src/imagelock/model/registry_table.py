"""Read ``[registries."HOST"]`` strictly into values; drop what weakens trust unless the file is trusted.

A configuration that was merely found in a tree must not switch off verification, name token services, or send
requests for tags to hosts of its own choice (docs/concepts/trust.md); loopback is always allowed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.lazy_regex import lazy_regex
from imagelock.model.hosts import Alternate, HostSettings, Mirror, is_loopback
from imagelock.model.reference import Reference
from imagelock.model.toml_table import Table, TableError, expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
_AUTHORITY = lazy_regex(_HOST, re.ASCII)
_URL = lazy_regex(rf"(?P<scheme>https?)://{_HOST}(?P<prefix>/[A-Za-z0-9._~/-]*)?", re.ASCII)
"""A mirror's address and nothing else: text that two URL parsers could read as two hosts does not match."""
_GROUP = lazy_regex(r"\$\{?([0-9]{1,9})", re.ASCII)


def host_settings(host: str, table: Table, warnings: list[str], where: str, *, trusted: bool) -> HostSettings:
    """Read one ``[registries."HOST"]``; what an untrusted file may not say is left out and named in ``warnings``."""
    settings = HostSettings(
        mirrors=tuple(_mirrors(table)),
        fallback=table.optional("fallback", bool) is not False,
        alternates=tuple(_alternates(table, trusted=trusted)),
        ca=table.optional("ca", str),
        insecure=table.optional("insecure", bool) is True,
        realms=table.strings("realms") or (),
        cert=table.optional("cert", str),
        key=table.optional("key", str),
    )
    table.done()
    if settings.key is not None and settings.cert is None:
        raise TableError(table.key("key"), "a key needs its certificate in cert")
    return settings if trusted else _weakened(host, settings, warnings, where)


def _mirrors(table: Table) -> list[Mirror]:
    mirrors = []
    for i, value in enumerate(table.optional("mirrors", list) or []):
        path = f"{table.key('mirrors')}[{i}]"
        if isinstance(value, str):
            mirrors.append(Mirror(url=_url(path, value)))
        elif isinstance(value, dict):
            inner = Table(value, path)
            mirrors.append(
                Mirror(
                    url=_url(path, inner.required("url", str)),
                    resolve=inner.optional("resolve", bool) is not False,
                )
            )
            inner.done()
        else:
            raise TableError(path, 'expected a URL or { url = "…", resolve = false }')
    return mirrors


def _url(path: str, text: str) -> str:
    """Check a mirror's address; without a scheme it is https."""
    url = text if "://" in text else f"https://{text}"
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise TableError(path, "a configuration must not hold credentials: use a credential file")
    match = _URL.fullmatch(url)
    if match is None or not 1 <= int(match["port"] or 443) <= 65535:
        raise TableError(
            path, f"{text!r} is not the address of a registry: write https://host[:port][/prefix]"
        )
    return url.rstrip("/")


def registry_name(table: Table, host: str) -> str:
    """Check that references can name this host: a mistyped key would silently have no effect."""
    try:
        domain = Reference.parse(f"{host}/image").domain
    except InvalidValueError as error:
        raise TableError(table.path, f"{host!r} is not a registry host: {error.message}") from error
    if domain != host:
        raise TableError(
            table.path, f"{host!r} is not a registry host" + (f": write {domain}" if host else "")
        )
    return host


def _alternates(table: Table, *, trusted: bool) -> list[Alternate]:
    alternates = []
    for inner in table.tables("alternates"):
        match = inner.required("match", str)
        to = inner.required("to", str)
        groups = expression(inner.key("match"), match, trusted=trusted).groups
        for number in _GROUP.findall(to):
            if int(number) > groups:
                raise TableError(inner.key("to"), f"there is no group ${number}: the expression has {groups}")
        alternates.append(Alternate(match=match, to=to))
        inner.done()
    return alternates


def _weakened(host: str, settings: HostSettings, warnings: list[str], where: str) -> HostSettings:
    """Drop what an untrusted file may not say, and report it."""

    def refuse(what: str) -> None:
        warnings.append(f"{where}: {what} for {host} is not trusted in a file found in the tree")

    is_local = is_loopback(_host_of(host))
    mirrors = tuple(_believed_mirrors(settings.mirrors, refuse))
    alternates = tuple(item for item in settings.alternates if is_loopback(_host_of(item.to)))
    refused = (
        (len(alternates) != len(settings.alternates), "an alternate on another host"),
        (settings.insecure and not is_local, "insecure = true"),
        (bool(settings.realms), "realms"),
        (settings.cert is not None, "a client certificate"),
        (settings.ca is not None and not is_local, "a certificate authority"),
    )
    for is_refused, what in refused:
        if is_refused:
            refuse(what)
    return HostSettings(
        mirrors=mirrors,
        fallback=settings.fallback,
        alternates=alternates,
        ca=settings.ca if is_local else None,
        insecure=settings.insecure and is_local,
    )


def _believed_mirrors(mirrors: Iterable[Mirror], refuse: Callable[[str], None]) -> Iterator[Mirror]:
    """Yield what an untrusted file may say of mirrors: content from other hosts, tags from loopback only."""
    for mirror in mirrors:
        scheme, _, rest = mirror.url.partition("://")
        authority = rest.partition("/")[0]
        if is_loopback(_host_of(authority)):
            yield mirror
        elif scheme == "http":
            refuse(f"plain HTTP to {authority}")
        else:
            if mirror.resolve:
                refuse(f"resolving tags by {authority}")
            yield Mirror(url=mirror.url, resolve=False)


def _host_of(name: str) -> str:
    """Return the host that a name begins with; nothing when it is not plainly one (``$1`` may be any)."""
    match = _AUTHORITY.fullmatch(name.partition("/")[0])
    return match["host"] if match else ""
