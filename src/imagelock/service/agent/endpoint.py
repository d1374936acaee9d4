"""``/metrics``, ``/healthz`` and ``/readyz`` of the agent, over the standard library: three answers to GET."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from imagelock.service.agent.background import BackgroundServer

if TYPE_CHECKING:
    from collections.abc import Callable

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Endpoint(BackgroundServer):
    """Serves while it is entered; ``is_ready`` and ``is_alive`` are asked at each probe."""

    def __init__(
        self,
        address: tuple[str, int],
        metrics: Callable[[], bytes],
        is_ready: Callable[[], bool],
        is_alive: Callable[[], bool],
    ) -> None:
        self._answers: dict[str, Callable[[], tuple[int, bytes]]] = {
            "/metrics": lambda: (200, metrics()),
            "/readyz": lambda: (
                (200, b"ok\n") if is_ready() else (503, b"not every resource was listed yet\n")
            ),
            "/healthz": lambda: (200, b"ok\n") if is_alive() else (503, b"nothing was judged for too long\n"),
        }
        super().__init__(ThreadingHTTPServer(address, _handler(self._answers)))


def _handler(answers: dict[str, Callable[[], tuple[int, bytes]]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10
        server_version = "imagelock"
        sys_version = ""

        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            status, body = answer() if answer is not None else (404, b"/metrics, /healthz, /readyz\n")
            self.send_response(status)
            self.send_header("Content-Type", _TEXT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
            """Say nothing: probes come every few seconds."""

    return Handler
