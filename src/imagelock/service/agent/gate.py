"""A validating admission webhook over TLS: whether an object may name its images.

A request costs one look into a table for each image, however large the lock is.  Follows admission.k8s.io/v1,
"Webhook request and response".
"""

from __future__ import annotations

import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import msgspec

from imagelock.cluster.objects import decode
from imagelock.cluster.running import RunningContainer, Workload
from imagelock.errors import ConfigError
from imagelock.limits import CLUSTER_OBJECT_BYTES
from imagelock.ops.cluster.check import ExemptingJudge
from imagelock.ops.cluster.pods import Judge, State, Subject
from imagelock.service.agent.background import BackgroundServer

if TYPE_CHECKING:
    import datetime as dt
    import socket
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from imagelock.cluster.running import ContainerKind, Owner
    from imagelock.model.exemption import Exemption
    from imagelock.model.lock import Lock

_FINE = (State.LOCKED, State.EXEMPT)
_WORDS = {State.NOT_PINNED: "not pinned by digest", State.NOT_LOCKED: "not in the lock"}
_HANDSHAKE_SECONDS = 10


class _Request(msgspec.Struct, rename="camel"):
    uid: str
    operation: str = "CREATE"
    namespace: str = ""
    object: msgspec.Raw = msgspec.Raw(b"null")
    old_object: msgspec.Raw = msgspec.Raw(b"null")


class _Review(msgspec.Struct, rename="camel"):
    request: _Request
    api_version: str = "admission.k8s.io/v1"


_review = msgspec.json.Decoder(_Review)


class Gate:
    """Answers reviews by the lock as it is now; safe for many threads.

    With ``only_warns`` everything is allowed, and what would be refused is a warning to whoever applies it.
    """

    def __init__(
        self,
        exemptions: Sequence[Exemption],
        today: Callable[[], dt.date],
        *,
        only_warns: bool = False,
        count: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._exemptions = exemptions
        self._today = today
        self._only_warns = only_warns
        self._count = count
        self._judge: Judge | None = None

    def use(self, lock: Lock) -> None:
        """Judge by this lock from now on."""
        self._judge = Judge(lock)

    def answer(self, body: bytes) -> bytes:
        """Return the answer to an AdmissionReview; raise :class:`ValueError` for what is none."""
        review = _review.decode(body)
        refused = self._refused(review.request)
        allowed = not refused or self._only_warns
        self._count("allowed" if not refused else "warned" if allowed else "refused")
        response: dict[str, Any] = {"uid": review.request.uid, "allowed": allowed}
        if refused and self._only_warns:
            response["warnings"] = refused
        elif refused:
            response["status"] = {"code": 403, "reason": "Forbidden", "message": "; ".join(refused)}
        return msgspec.json.encode(
            {"apiVersion": review.api_version, "kind": "AdmissionReview", "response": response}
        )

    def _refused(self, request: _Request) -> list[str]:
        if self._judge is None:
            return ["imagelock has no lock yet"]
        if request.operation == "DELETE":
            return []
        judge = ExemptingJudge(self._judge, self._exemptions, self._today())
        # What an update only keeps is not judged again, so that old objects can be scaled and repaired.
        before = {image for image, _, _ in _images(request.old_object)}
        found: dict[str, None] = {}
        for image, kind, owners in _images(request.object):
            if not image or image in before:
                continue
            subject = Subject(image=image, kind=kind, has_status=False)
            state = judge.judge(subject, request.namespace, owners).state
            if state not in _FINE:
                found[f"{_WORDS.get(state, 'not in the lock')}: {image}"] = None
        return list(found)


def _images(data: msgspec.Raw) -> Iterator[tuple[str, ContainerKind, tuple[Owner, ...]]]:
    """Yield every image of an object, with what an exemption may know it by."""
    if bytes(data) == b"null":
        return
    for item in decode(bytes(data)):
        if isinstance(item, RunningContainer):
            yield item.image, item.kind, (item.owner,)
        elif isinstance(item, Workload):
            owners = (item.me, item.owner) if item.owner is not None else (item.me,)
            for template in item.templates:
                yield template.image, template.kind, owners


class GateServer(BackgroundServer):
    """Serves a gate over TLS while it is entered; a certificate that was replaced is read again."""

    def __init__(self, address: tuple[str, int], gate: Gate, certificate: Path, key: Path) -> None:
        super().__init__(_TlsServer(address, gate, certificate, key))


class _TlsServer(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], gate: Gate, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._read = 0.0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._refresh()
        super().__init__(address, _handler(gate))

    def _refresh(self) -> None:
        """Read the certificate when its file is another one: they last weeks, the agent may run for months."""
        certificate, key = self._files
        try:
            changed = max(path.stat().st_mtime for path in self._files)
            if changed != self._read:
                self._context.load_cert_chain(certificate, key)
                self._read = changed
        except (OSError, ssl.SSLError) as error:
            if not self._read:
                raise ConfigError(
                    f"the certificate cannot be read: {error.strerror or error}", where=str(certificate)
                ) from error

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; its handshake is left to its own thread."""
        self._refresh()
        connection, address = super().get_request()
        connection.settimeout(_HANDSHAKE_SECONDS)
        wrapped = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that end: probes and scanners do that all day."""


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60
        wbufsize = -1
        server_version = "imagelock"
        sys_version = ""

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if not length.isdecimal() or int(length) > CLUSTER_OBJECT_BYTES:
                self.close_connection = True
                self._send(413, b"an AdmissionReview of at most 16 MiB\n", "text/plain")
                return
            body = self.rfile.read(int(length))
            try:
                answer = gate.answer(body)
            except (ValueError, RecursionError):
                self._send(400, b"no AdmissionReview\n", "text/plain")
                return
            self._send(200, answer, "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
            """Say nothing: the API server keeps a record of its own."""

    return Handler
