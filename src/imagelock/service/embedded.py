"""A small OCI registry inside the process: over memory, or over a directory in OCI image layout.

It is the demo's registry, the tests' registry, and what ``imagelock serve`` runs.  Beyond this machine it takes
pushes only with TLS and users, and it never lets passwords travel in the clear.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from imagelock.errors import UsageError
from imagelock.model.hosts import is_loopback
from imagelock.service.access import Gate
from imagelock.service.distribution import Distribution
from imagelock.service.probes import Health, Measured
from imagelock.service.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from imagelock.service.access import KnownUsers
    from imagelock.service.exchange import AccessLog, Exchange
    from imagelock.service.http import Request, Response
    from imagelock.service.tls import Certificate
    from imagelock.stores.local import LocalStore

    Metering: TypeAlias = "Callable[[Callable[[], int], Callable[[], int]], Meter]"

Observer: TypeAlias = "Callable[[str, str, int], None]"
"""Told method, path (without its query) and status of each answer, before the answer is sent."""


class Meter(Protocol):
    """Counts what was answered, and writes the counts as text."""

    def __call__(self, exchange: Exchange) -> None:
        """Count one answer."""

    def text(self) -> bytes:
        """Return the counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a registry has that is more than one machine's.

    ``certificate`` makes it speak TLS, ``users`` lets only them in, ``log`` hears of each answer, and ``metering``
    makes what counts them, of functions that say how many connections and uploads are open.
    """

    certificate: Certificate | None = None
    users: KnownUsers | None = None
    log: AccessLog | None = None
    metering: Metering | None = None

    def refuse(self, host: str, *, writable: bool, shown: str | None = None) -> None:
        """Raise :class:`UsageError` when listening on ``host`` would let strangers write or listen in."""
        if is_loopback(host):
            return
        if writable and (self.certificate is None or self.users is None):
            raise UsageError(
                "without TLS and users a writable registry listens on this machine only",
                where=shown or host,
                hint="add --tls-cert, --tls-key and --htpasswd, use 127.0.0.1 or ::1, or serve read-only",
            )
        if self.users is not None and self.certificate is None:
            raise UsageError(
                "passwords would travel in the clear",
                where=shown or host,
                hint="add --tls-cert and --tls-key",
            )


_POLL_SECONDS = 0.02
"""How long closing may wait for the accepting thread."""


class EmbeddedRegistry:
    """A registry on ``host`` and ``port`` (0: any free one) over ``store``.

    As a context manager it answers from a thread; :meth:`run` answers in the caller's thread instead.
    Raises :class:`UsageError` when a writable registry would listen beyond this machine, or when the
    address cannot be had.
    """

    def __init__(
        self,
        store: LocalStore,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        writable: bool = True,
        observer: Observer | None = None,
        site: Site = Site(),
    ) -> None:
        site.refuse(host, writable=writable)
        self.store = store
        self._api = Distribution(store, writable=writable)
        self._scheme = "http" if site.certificate is None else "https"
        try:
            self._server = Server((host, port), self._api, observer, certificate=site.certificate)
        except OSError as error:
            raise UsageError(f"cannot listen: {error.strerror}", where=f"{host}:{port}") from error
        bound = str(self._server.server_address[0])
        try:
            # A name such as app.localhost can resolve to anything where the resolver ignores RFC 6761.
            site.refuse(bound, writable=writable, shown=f"{host} ({bound})")
        except UsageError:
            self._server.server_close()
            raise
        self._equip(site)
        self._thread: threading.Thread | None = None
        self._serving = threading.Event()

    @property
    def address(self) -> str:
        """``host:port`` as references write it."""
        host, port = self._server.server_address[:2]
        text = host.decode() if isinstance(host, (bytes, bytearray)) else host
        return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"

    @property
    def url(self) -> str:
        """``http://host:port``, or with ``https``."""
        return f"{self._scheme}://{self.address}"

    def run(self) -> None:
        """Answer requests in this thread until another one calls :meth:`close` or Ctrl-C is pressed."""
        self._serving.set()
        try:
            self._server.serve_forever(_POLL_SECONDS)
        finally:
            self._serving.clear()

    def start(self) -> None:
        """Answer requests from a thread of its own."""
        # Set here and not only by the thread: closing at once has to wait for it, and not pass it by.
        self._serving.set()
        self._thread = threading.Thread(target=self.run, name=f"registry {self.address}", daemon=True)
        self._thread.start()

    def close(self, grace: float = 0.0) -> None:
        """Stop: no new connection, the open ones are cut, unfinished uploads are thrown away.

        Answers under way get ``grace`` seconds to be finished.
        """
        if self._serving.is_set():
            self._server.shutdown()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.cut(grace)
        self._api.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _equip(self, site: Site) -> None:
        """Put what the site has around the interface: the probe outside of the gate, everything else inside."""
        application: Callable[[Request], Response] = self._api
        if site.metering is not None:
            meter = site.metering(self._server.connections, self._api.uploads.count)
            self._server.recorders.append(meter)
            application = Measured(application, meter.text)
        if site.log is not None:
            self._server.recorders.append(site.log)
        if site.users is not None:
            application = Gate(application, site.users)
        self._server.application = Health(application, self.store)
