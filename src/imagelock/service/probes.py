"""``/healthz`` and ``/metrics`` beside the registry's own paths."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from imagelock.errors import ImagelockError
from imagelock.service.http import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagelock.service.exchange import Exchange
    from imagelock.service.http import Request
    from imagelock.stores.local import LocalStore

_PLAIN = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
_TEXT = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"}
_READS = frozenset({"GET", "HEAD"})


class Health:
    """Answers ``/healthz``: 200 while the store can be read, 503 with the reason otherwise."""

    def __init__(self, application: Callable[[Request], Response], store: LocalStore) -> None:
        self._application = application
        self._store = store

    def __call__(self, request: Request) -> Response:
        """Answer the probe, or let the application answer."""
        if request.path != "/healthz" or request.method not in _READS:
            return self._application(request)
        try:
            self._store.repositories()
        except ImagelockError:
            body = b"the store cannot be read\n"
            return Response(status=HTTPStatus.SERVICE_UNAVAILABLE, headers=_PLAIN, body=body)
        return Response(status=HTTPStatus.OK, headers=_PLAIN, body=b"ok\n")


class Measured:
    """Answers ``/metrics`` with the text that Prometheus reads."""

    def __init__(self, application: Callable[[Request], Response], text: Callable[[], bytes]) -> None:
        self._application = application
        self._text = text

    def __call__(self, request: Request) -> Response:
        """Answer the scrape, or let the application answer."""
        if request.path != "/metrics" or request.method not in _READS:
            return self._application(request)
        return Response(status=HTTPStatus.OK, headers=_TEXT, body=self._text())


class Unmeasured:
    """Stands in where the package that writes metrics is missing, and says so."""

    def __init__(self, connections: Callable[[], int], uploads: Callable[[], int]) -> None:
        del connections, uploads

    def __call__(self, exchange: Exchange) -> None:
        """Count nothing."""

    def text(self) -> bytes:
        """Return a comment that Prometheus passes over."""
        return b"# no metrics: install imagelock[serve], which brings prometheus-client\n"
