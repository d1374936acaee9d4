"""A small API server on loopback: objects in pages, and whatever a test wants it to get wrong."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    import ssl
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
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
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
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

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
        if parts.path == "/apis" or parts.path.removeprefix("/apis/") in GROUPS:
            return Wrong(body=_discovery(parts.path))
        prefix, _, rest = parts.path.partition("/namespaces/")
        namespace, _, resource = rest.partition("/")
        path = f"{prefix}/{resource}" if rest else parts.path
        kind = next((kind for kind, known in PATHS.items() if known == path), None)
        if kind is None:
            return Wrong(404)
        query = parse_qs(parts.query)
        start = int(query.get("continue", ["0"])[0])
        return Wrong(body=self._page(kind, namespace, start, int(query["limit"][0])))

    def _page(self, kind: str, namespace: str, start: int, limit: int) -> bytes:
        fitting = [
            {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
            for item in self.objects
            if item["kind"] == kind and namespace in ("", item["metadata"].get("namespace", ""))
        ]
        end = start + min(limit, self.page)
        metadata = {"resourceVersion": "7"} | ({"continue": str(end)} if end < len(fitting) else {})
        whole = {"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": fitting[start:end]}
        return json.dumps(whole).encode()


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


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two would wait for each other's acknowledgement

        def do_GET(self) -> None:
            answer = server.answer(self.path, self.headers.get("authorization"))
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut])
            if answer.cut is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
            """Say nothing."""

    return Handler
