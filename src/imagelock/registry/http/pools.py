"""Connection pools: TLS settings, proxies, and detecting whether a loopback host speaks TLS."""

from __future__ import annotations

import contextlib
import ssl
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias, cast

import urllib3

from imagelock import limits
from imagelock.errors import ConfigError
from imagelock.lazy_regex import lazy_regex
from imagelock.model.hosts import is_loopback
from imagelock.registry.hosts.endpoints import DEFAULT_PORTS, split_authority
from imagelock.registry.http.address_policy import literal, require_allowed
from imagelock.registry.http.connect import connect_to
from imagelock.registry.http.connection import Connection, ConnectionTLS
from imagelock.registry.http.proxies import Proxies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.model.hosts import HostSettings
    from imagelock.registry.http.address_policy import HomeNetwork

    Pool: TypeAlias = "_Borrowing"

_USER_INFO = lazy_regex(r"//[^/@]*@")


_TLS_HANDSHAKE, _TLS_ALERT = b"\x16", b"\x15"
"""The first byte of a record (RFC 8446, section 5.1)."""


class _Borrowing(urllib3.HTTPConnectionPool):
    """A pool whose connections can be used without its ``urlopen``."""

    def borrow(self) -> Connection:
        """Take a connected connection out; it is closed or given back by who took it."""
        connection = cast("Connection", self._get_conn())  # the only kind that is made here
        if connection.sock is None:
            connection.timeout = limits.CONNECT_SECONDS
            try:
                connection.connect()
            except BaseException:
                connection.close()
                self._put_conn(None)
                raise
        return connection

    def give_back(self, connection: Connection, *, keeps: bool) -> None:
        """Put a connection back, for others to use or closed."""
        if not keeps:
            connection.close()
        self._put_conn(connection)  # type: ignore[arg-type]  # for the reason that ConnectionCls has below


class _BorrowingTLS(urllib3.HTTPSConnectionPool, _Borrowing):
    """The same over TLS."""


class Connections:
    """Make pools of ``jobs`` connections; one TLS context for all hosts with the same trust."""

    def __init__(self, *, jobs: int, environ: Mapping[str, str]) -> None:
        self._jobs = jobs
        self._proxies = Proxies(environ)
        self._lock = threading.Lock()
        self._contexts: dict[HostSettings, ssl.SSLContext] = {}
        self._managers: list[urllib3.PoolManager] = []

    def close(self) -> None:
        """Drop all connections."""
        with self._lock:
            for manager in self._managers:
                manager.clear()
            self._managers.clear()

    def pool(
        self,
        scheme: str,
        authority: str,
        settings: HostSettings,
        *,
        home: HomeNetwork,
        chosen_by: HomeNetwork | None = None,
    ) -> tuple[Pool, bool]:
        """Return a new pool, and whether its requests name the whole URL (plain HTTP by a proxy).

        Its connections tell ``home`` where the host lives; ``chosen_by`` is where a registry lives that
        sent us there.  Raises :class:`ConfigError` for a ``ca`` that cannot be read, and
        :class:`UnreachableError` for an address that a proxy must not be asked for on a server's word.
        """
        host, port = split_authority(authority)
        manager, absolute = self._manager(scheme, authority, settings)
        manager.pool_classes_by_scheme = {"http": _Borrowing, "https": _BorrowingTLS}
        with self._lock:
            self._managers.append(manager)
        if chosen_by is not None and manager.proxy is not None and (address := literal(host)) is not None:
            require_allowed(host, address, chosen_by)
        pool = manager.connection_from_host(host, port or DEFAULT_PORTS[scheme], scheme)
        assert isinstance(pool, _Borrowing)  # noqa: S101 - as the manager was told
        connection: type[Connection] = ConnectionTLS if pool.scheme == "https" else Connection
        pool.ConnectionCls = connection  # type: ignore[assignment]  # urllib3's protocol repeats its odd request()
        pool.conn_kw.update(home=home, chosen_by=chosen_by)
        return pool, absolute

    def probe(self, authority: str) -> tuple[str, bool]:
        """Ask a host whether it speaks TLS: the scheme, and whether the host answered at all.

        Sends nothing but the beginning of a TLS handshake.  Without a port 443 and 80 are tried.
        """
        host, port = split_authority(authority)
        if self._proxies.find("https", host, port or 443) is not None:
            return "https", True
        if (secure := _speaks_tls(host, port or 443)) is not None:
            return ("https" if secure else "http"), True
        if port is None and _speaks_tls(host, 80) is not None:
            return "http", True
        return ("http" if is_loopback(host) else "https"), False

    def certificate(self, authority: str, settings: HostSettings) -> str:
        """Say the version of TLS, who signed the certificate and when it ends; raises what TLS raises."""
        host, port = split_authority(authority)
        if self._proxies.find("https", host, port or 443) is not None:
            return "not checked behind a proxy"
        name = host.strip("[]")
        context = self._context(settings, authority)
        with (
            connect_to(name, port or 443, seconds=limits.CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            return _certificate_text(secure)

    def _manager(
        self, scheme: str, authority: str, settings: HostSettings
    ) -> tuple[urllib3.PoolManager, bool]:
        context = self._context(settings, authority) if scheme == "https" else None
        host, port = split_authority(authority)
        proxy = self._proxies.find(scheme, host, port or DEFAULT_PORTS[scheme])
        if proxy is None:
            return urllib3.PoolManager(num_pools=1, maxsize=self._jobs, ssl_context=context), False
        return self._proxy_manager(proxy, context), scheme == "http"

    def _proxy_manager(self, proxy: str, context: ssl.SSLContext | None) -> urllib3.ProxyManager:
        parsed = urllib3.util.parse_url(proxy)
        headers = urllib3.make_headers(proxy_basic_auth=parsed.auth) if parsed.auth else None
        return urllib3.ProxyManager(
            _USER_INFO.sub("//", proxy),
            num_pools=1,
            maxsize=self._jobs,
            proxy_headers=headers,
            ssl_context=context,
        )

    def _context(self, settings: HostSettings, authority: str) -> ssl.SSLContext:
        with self._lock:
            key = settings.tls
            context = self._contexts.get(key)
            if context is None:
                context = self._contexts[key] = _tls_context(settings, authority)
            return context


def _tls_context(settings: HostSettings, authority: str) -> ssl.SSLContext:
    """Return the system's trust, the configured authorities added to it, and the client's own certificate."""
    context = ssl.create_default_context()
    if settings.insecure:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    for file in (settings.ca, *settings.more_ca):
        if file is not None:
            with _naming_the_file(authority, "ca", file):
                context.load_verify_locations(cafile=file)
    if settings.cert is not None:
        with _naming_the_file(authority, "cert and key", settings.cert):
            # A password that is none: OpenSSL must not ask the terminal for one.
            context.load_cert_chain(settings.cert, settings.key, password="")
    return context


@contextlib.contextmanager
def _naming_the_file(authority: str, what: str, file: str) -> Iterator[None]:
    """Say which certificate or key cannot be used."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read certificates: {getattr(error, 'strerror', None) or error}".lower(),
            where=file,
            hint=f'PEM files, not encrypted: {what} under [registries."{authority}"]',
        ) from error


def _certificate_text(secure: ssl.SSLSocket) -> str:
    version = secure.version() or "unknown version"
    certificate = secure.getpeercert()
    if not certificate:
        return f"{version}, the certificate is not verified (insecure)"
    issuer = {key: value for part in certificate.get("issuer", ()) for key, value in part}  # type: ignore[str-unpack]  # the stubs know one type for all fields
    named = issuer.get("organizationName") or issuer.get("commonName") or "an unnamed authority"
    ends = certificate.get("notAfter")
    seconds = ssl.cert_time_to_seconds(ends) if isinstance(ends, str) else 0.0
    day = datetime.fromtimestamp(seconds, UTC).date().isoformat()
    return f"{version}, certificate of {named}, good until {day}"


def _speaks_tls(host: str, port: int) -> bool | None:
    """Whether something that speaks TLS listens there; None when nothing listens.

    The beginning of a handshake is followed by an empty line: a TLS server answers the handshake first, and
    an HTTP server refuses what it read so far instead of waiting for the end of a line.
    """
    try:
        plain = connect_to(host, port, seconds=limits.PROBE_SECONDS)
    except (OSError, UnicodeError):
        return None
    with plain:
        try:
            plain.sendall(_client_hello(host.strip("[]")) + b"\r\n\r\n")
            return plain.recv(1) in (_TLS_HANDSHAKE, _TLS_ALERT)
        except (OSError, ValueError):
            return False


def _client_hello(host: str) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    sent = ssl.MemoryBIO()
    handshake = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=host)
    with contextlib.suppress(ssl.SSLWantReadError):
        handshake.do_handshake()
    return sent.read()
