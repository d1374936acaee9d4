"""A small OCI registry inside the process: over memory, or over a directory in OCI image layout.

It is the demo's registry, the tests' registry, and what ``imagelock serve`` runs.  It knows neither users
nor TLS, so writing is for this machine only.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

from imagelock.errors import UsageError
from imagelock.model.hosts import is_loopback
from imagelock.service.distribution import Distribution
from imagelock.service.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from imagelock.stores.local import LocalStore

Observer: TypeAlias = "Callable[[str, str, int], None]"
"""Told method, path (without its query) and status of each answer, before the answer is sent."""

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
    ) -> None:
        if writable and not is_loopback(host):
            raise _beyond_this_machine(host)
        self.store = store
        self._api = Distribution(store, writable=writable)
        try:
            self._server = Server((host, port), self._api, observer)
        except OSError as error:
            raise UsageError(f"cannot listen: {error.strerror}", where=f"{host}:{port}") from error
        bound = str(self._server.server_address[0])
        if writable and not is_loopback(bound):
            # A name such as app.localhost can resolve to anything where the resolver ignores RFC 6761.
            self._server.server_close()
            raise _beyond_this_machine(f"{host} ({bound})")
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
        """``http://host:port``."""
        return f"http://{self.address}"

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


def _beyond_this_machine(where: str) -> UsageError:
    return UsageError(
        "a writable registry listens on this machine only",
        where=where,
        hint="use 127.0.0.1 or ::1, or serve read-only",
    )
