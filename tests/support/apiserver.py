"""A small API server on loopback: objects in pages, and whatever a test wants it to get wrong."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

PATHS = {
    "Pod": "/api/v1/pods",
    "ReplicationController": "/api/v1/replicationcontrollers",
    "Deployment": "/apis/apps/v1/deployments",
    "StatefulSet": "/apis/apps/v1/statefulsets",
    "DaemonSet": "/apis/apps/v1/daemonsets",
    "ReplicaSet": "/apis/apps/v1/replicasets",
    "Job": "/apis/batch/v1/jobs",
    "CronJob": "/apis/batch/v1/cronjobs",
    "PodTemplate": "/api/v1/podtemplates",
    "Node": "/api/v1/nodes",
    "Rollout": "/apis/argoproj.io/v1alpha1/rollouts",
}
GROUPS = {
    "apps/v1": ("deployments", "statefulsets", "daemonsets", "replicasets"),
    "batch/v1": ("jobs", "cronjobs"),
    "argoproj.io/v1alpha1": ("rollouts", "rollouts/status"),
    "discovery.k8s.io/v1": ("endpointslices",),
}
"""What discovery tells: the resources of each group's preferred version."""


@dataclass(frozen=True)
class Wrong:
    """One answer that is not the right one: a status, or a body that stops after ``cut`` bytes."""

    status: int = 200
    body: bytes = b'{"kind":"Status","status":"Failure","message":"made up"}'
    cut: int | None = None
    retry_after: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What is sent besides type and length."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


@dataclass(frozen=True)
class Written:
    """One write, as the server saw it."""

    method: str
    target: str
    kind: str | None
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class ApiServer:
    """Serves ``objects``; ``wrong`` are answers given once each, by path, before the right ones."""

    def __init__(
        self,
        *objects: dict[str, Any],
        page: int = 500,
        token: str = "secret",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.objects = objects
        self.page = page
        self.token = token
        self.wrong: dict[str, list[Wrong]] = defaultdict(list)
        self.asked: list[str] = []
        self.written: list[Written] = []
        self.singles: dict[str, bytes] = {}
        self.version = 7
        self.forgotten = 0
        self._log: list[tuple[int, str, dict[str, Any]]] = []
        self._news = threading.Condition()
        self._cut = 0
        self._is_over = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def address(self) -> str:
        """``http://127.0.0.1:port``, or https."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._news:
            self._is_over = True
            self._news.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def apply(self, item: dict[str, Any]) -> None:
        """Create or replace an object, and tell those who watch."""
        same = [one for one in self.objects if _identity(one) == _identity(item)]
        self.objects = (*(one for one in self.objects if _identity(one) != _identity(item)), item)
        self._note("MODIFIED" if same else "ADDED", item)

    def delete(self, item: dict[str, Any]) -> None:
        """Remove an object, and tell those who watch."""
        self.objects = tuple(one for one in self.objects if _identity(one) != _identity(item))
        self._note("DELETED", item)

    def bookmark(self) -> None:
        """Tell those who watch only how far the server is."""
        self._note("BOOKMARK", {"kind": "", "metadata": {}})

    def forget(self) -> None:
        """Answer 410 to whoever wants to go on from before now, and end every watch."""
        self.forgotten = self.version + 1
        self.cut()

    def cut(self) -> None:
        """End every watch, as an API server does after some minutes."""
        with self._news:
            self._cut += 1
            self._news.notify_all()

    def _note(self, kind: str, item: dict[str, Any]) -> None:
        with self._news:
            self.version += 1
            metadata = {**item["metadata"], "resourceVersion": str(self.version)}
            self._log.append((self.version, kind, {**item, "metadata": metadata}))
            self._news.notify_all()

    def changes(self, kind: str, namespace: str, version: int) -> Iterator[bytes]:
        """Yield the events of a watch from behind a version on, as they come."""
        if version < self.forgotten:
            gone = {"kind": "Status", "code": 410, "message": "too old resource version"}
            yield json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n"
            return
        begun, sent = self._cut, 0
        while True:
            with self._news:
                self._news.wait_for(partial(self._is_news, sent, begun), 30)
                is_last = self._is_over or self._cut != begun
                fresh, sent = self._log[sent:], len(self._log)
            for at, what, item in fresh:
                mine = item["kind"] == kind and namespace in ("", item["metadata"].get("namespace", ""))
                if at > version and (mine or what == "BOOKMARK"):
                    yield json.dumps({"type": what, "object": item}).encode() + b"\n"
            if is_last:
                return

    def _is_news(self, sent: int, begun: int) -> bool:
        return len(self._log) > sent or self._is_over or self._cut != begun

    def watch_of(self, target: str) -> Iterator[bytes] | None:
        """Return the events that a request asks for; None when it asks for no watch."""
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        if "watch" not in query or self.wrong[parts.path]:
            return None
        self.asked.append(target)
        kind, namespace = _asked_for(parts.path)
        return self.changes(kind or "", namespace, int(query["resourceVersion"][0]))

    def kubeconfig(self, path: Path, *, token: str | None = None) -> str:
        """Write a kubeconfig for this server and return its path."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "c", "cluster": {"server": self.address}}],
            "users": [{"name": "u", "user": {"token": token or self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
        }
        path.write_text(json.dumps(config), encoding="utf-8")
        return str(path)

    def answer(self, target: str, login: str | None) -> Wrong:
        """Return what to send: a page of a list, an error, or what a test put in its way."""
        parts = urlsplit(target)
        self.asked.append(target)
        if login != f"Bearer {self.token}":
            return Wrong(401)
        if self.wrong[parts.path]:
            return self.wrong[parts.path].pop(0)
        if parts.path in self.singles:
            return Wrong(body=self.singles[parts.path])
        if parts.path == "/apis" or parts.path.removeprefix("/apis/") in GROUPS:
            return Wrong(body=_discovery(parts.path))
        kind, namespace = _asked_for(parts.path)
        if kind is None:
            return Wrong(404)
        query = parse_qs(parts.query)
        start = int(query.get("continue", ["0"])[0])
        return Wrong(body=self._page(kind, namespace, start, int(query["limit"][0])))

    def take(self, written: Written, login: str | None) -> Wrong:
        """Keep a write, unless a test put something in its way."""
        if login != f"Bearer {self.token}":
            return Wrong(401)
        path = written.target.partition("?")[0]
        answer = self.wrong[path].pop(0) if self.wrong[path] else Wrong(201)
        if answer.status < 300:
            self.written.append(written)
        return answer

    def _page(self, kind: str, namespace: str, start: int, limit: int) -> bytes:
        fitting = [
            {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
            for item in self.objects
            if item["kind"] == kind and namespace in ("", item["metadata"].get("namespace", ""))
        ]
        end = start + min(limit, self.page)
        metadata = {"resourceVersion": str(self.version)} | (
            {"continue": str(end)} if end < len(fitting) else {}
        )
        whole = {"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": fitting[start:end]}
        return json.dumps(whole).encode()


def _asked_for(path: str) -> tuple[str | None, str]:
    """Return the kind and the namespace of a list."""
    prefix, _, rest = path.partition("/namespaces/")
    namespace, _, resource = rest.partition("/")
    path = f"{prefix}/{resource}" if rest else path
    return next((kind for kind, known in PATHS.items() if known == path), None), namespace


def _identity(item: dict[str, Any]) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def _discovery(path: str) -> bytes:
    if path == "/apis":
        groups = [
            {"name": version.partition("/")[0], "preferredVersion": {"groupVersion": version}}
            for version in GROUPS
        ]
        return json.dumps({"kind": "APIGroupList", "groups": groups}).encode()
    resources = [
        {
            "name": name,
            "kind": name.title(),
            "namespaced": True,
            "verbs": ["get"] if "/" in name else ["get", "list"],
        }
        for name in GROUPS[path.removeprefix("/apis/")]
    ]
    return json.dumps({"kind": "APIResourceList", "resources": resources}).encode()


def _send(handler: BaseHTTPRequestHandler, answer: Wrong) -> None:
    handler.send_response(answer.status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(answer.body)))
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(answer.body[: answer.cut])


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two would wait for each other's acknowledgement

        def do_GET(self) -> None:
            login = self.headers.get("authorization")
            changes = server.watch_of(self.path) if login == f"Bearer {server.token}" else None
            if changes is not None:
                self._stream(changes)
                return
            answer = server.answer(self.path, self.headers.get("authorization"))
            _send(self, answer)
            if answer.cut is not None:
                self.close_connection = True

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            body = self.rfile.read(length)
            written = Written(self.command, self.path, self.headers["content-type"], body)
            answer = server.take(written, self.headers.get("authorization"))
            _send(self, answer)

        def do_PATCH(self) -> None:
            self.do_POST()

        def do_DELETE(self) -> None:
            self.do_POST()

        def _stream(self, changes: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            with contextlib.suppress(OSError):
                for line in changes:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
            """Say nothing."""

    return Handler
