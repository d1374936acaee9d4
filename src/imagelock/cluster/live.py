"""Read a live cluster: ask its API server for pods and workloads, page by page.

Configuration, TLS and login are left to the official client (extra ``cluster``): kubeconfig with all
its exec plugins, or the account of the pod that imagelock runs in.  Objects are asked for as they are
and decoded as they come, so that a large cluster costs no memory.
Follows the Kubernetes API concepts, "Retrieving large results sets in chunks".
"""

from __future__ import annotations

import http.client
import logging
import os
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec
import urllib3
import yaml

from imagelock.cluster.discovery import discover
from imagelock.cluster.dump import decoded
from imagelock.cluster.jsonstream import JsonStream
from imagelock.cluster.running import UnreadableObject
from imagelock.errors import ClusterError, ConfigError, FormatError, UsageError
from imagelock.limits import (
    CLUSTER_OBJECT_BYTES,
    CLUSTER_PAGE,
    CLUSTER_RESTARTS,
    CONNECT_SECONDS,
    ERROR_BODY_BYTES,
    IDLE_SECONDS,
    MIB,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imagelock.cluster.running import Observed

RESOURCES = (
    ("api/v1", "pods"),
    ("api/v1", "replicationcontrollers"),
    ("apis/apps/v1", "deployments"),
    ("apis/apps/v1", "statefulsets"),
    ("apis/apps/v1", "daemonsets"),
    ("apis/apps/v1", "replicasets"),
    ("apis/batch/v1", "jobs"),
    ("apis/batch/v1", "cronjobs"),
)
"""What is asked for, as group and version, and resource."""
TEMPLATES = ("api/v1", "podtemplates")
NODES = "/api/v1/nodes"


class _GoneError(ClusterError):
    """410: the server no longer has the state that the pages so far were taken from."""


class _ForbiddenError(ClusterError):
    """403: the login may not read this."""


class _NobodyError(ClusterError):
    """The server does not answer or refuses the login: any other request would end the same way."""


class _ListMetadata(msgspec.Struct, rename={"next": "continue"}):
    next: str | None = None


class _Status(msgspec.Struct):
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Which cluster, as kubectl's options of the same names say it; None is kubectl's default."""

    kubeconfig: str | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What of a cluster is read: ``namespaces`` (none: all), and kinds that are not built in.

    ``kinds`` names resources as kubectl does; ``all_kinds`` looks for pod templates in every resource.
    """

    namespaces: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    all_kinds: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """An API server that can be asked: GET a path, and get the open answer."""

    address: str
    get: Callable[[str], Any]


@contextmanager
def connect(access: Access) -> Iterator[Server]:
    """Open a cluster by kubeconfig, or from inside by the pod's account.

    Raises :class:`UsageError` when the extra is not installed, :class:`ConfigError` when the
    configuration names no cluster or cannot be read.
    """
    try:
        from kubernetes import client, config  # noqa: PLC0415 - an extra, and half a second
    except ImportError as error:
        raise UsageError(
            "reading a live cluster needs the Kubernetes client",
            hint="pip install 'imagelock[cluster]', or give dumps: kubectl get pods,deployments -A -o json",
        ) from error
    configuration = client.Configuration()
    said = _Said()
    file = access.kubeconfig or os.environ.get("KUBECONFIG") or config.KUBE_CONFIG_DEFAULT_LOCATION
    try:
        logging.getLogger().addHandler(said)
        if access.kubeconfig is None and access.context is None and _is_inside(file):
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call] # the client's
        else:
            config.load_kube_config(  # type: ignore[no-untyped-call] # the same
                config_file=file,
                context=access.context,
                client_configuration=configuration,
                persist_config=False,
            )
    except (config.ConfigException, OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(
            f"no cluster to connect to: {str(error).splitlines()[0]}",
            where=file,
            hint="name one with --kubeconfig and --context, or give dumps",
        ) from error
    finally:
        logging.getLogger().removeHandler(said)
    if said.words and not configuration.auth_settings():
        # The client only logs it, and would then ask without a login.
        raise ClusterError(
            f"the login plugin failed: {said.words[-1]}", where=file, hint="run `kubectl get pods`"
        )
    with client.ApiClient(configuration=configuration) as api:
        yield Server(configuration.host, lambda path: _get(api, path))


class _Said(logging.Handler):
    """Keeps what the client logs as errors: that is all it says of a login plugin that fails."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the first line."""
        self.words.append((record.getMessage().strip().splitlines() or ["no reason given"])[0])


def _is_inside(file: str) -> bool:
    """Whether this is a pod without a kubeconfig, where the pod's account is meant."""
    exists = any(Path(part).expanduser().is_file() for part in file.split(os.pathsep) if part)
    return not exists and "KUBERNETES_SERVICE_HOST" in os.environ


def _get(api: Any, path: str) -> Any:
    """Make one request with the client's own pool and login; the body is left to be read."""
    headers = {"Accept": "application/json", **api.default_headers}
    login = api.configuration.auth_settings().get("BearerToken")
    if login and login["value"]:
        headers[login["key"]] = login["value"]
    return api.rest_client.pool_manager.request(
        "GET",
        api.configuration.host.rstrip("/") + path,
        headers=headers,
        preload_content=False,
        redirect=False,
        retries=urllib3.Retry(total=2, connect=2, read=0, status=0, redirect=0, raise_on_status=False),
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=IDLE_SECONDS),
    )


def read_cluster(server: Server, scope: Scope) -> Iterator[Observed]:
    """Yield what a cluster runs in ``scope``; what cannot be read is yielded as unreadable.

    A list is yielded only when it is complete, so that nothing counts twice when it must begin again.  A
    server that cannot be reached, or refuses the login, is asked once and not for every resource.
    """
    try:
        yield from _lists(server, scope)
        if not scope.namespaces:
            yield from _nodes(server)
    except _NobodyError as error:
        yield UnreadableObject(what="the cluster", reason=error.message, hint=error.hint)


def _nodes(server: Server) -> Iterator[Observed]:
    """Yield the nodes; whoever may not list them knows less, and the pods are judged all the same."""
    with suppress(_ForbiddenError):
        yield from _whole_list(server, NODES)


def _resources(server: Server, scope: Scope) -> Iterator[tuple[str, str] | UnreadableObject]:
    yield from RESOURCES
    yield TEMPLATES
    if not (scope.kinds or scope.all_kinds):
        return
    try:
        yield from discover(lambda path: _read(server, path), () if scope.all_kinds else scope.kinds)
    except _NobodyError:
        raise
    except ClusterError as error:
        yield UnreadableObject(what="further kinds", reason=error.message, hint=error.hint)


def _read(server: Server, path: str) -> bytes:
    body = _Body(server, path)
    parts = []
    while piece := body.read(MIB):
        parts.append(piece)
        if sum(map(len, parts)) > CLUSTER_OBJECT_BYTES:
            raise ClusterError(f"the answer to {path} is larger than {CLUSTER_OBJECT_BYTES} bytes")
    return b"".join(parts)


def _lists(server: Server, scope: Scope) -> Iterator[Observed]:
    resources = list(_resources(server, scope))
    yield from (item for item in resources if isinstance(item, UnreadableObject))
    for namespace in scope.namespaces or (None,):
        for group, resource in (item for item in resources if not isinstance(item, UnreadableObject)):
            inside = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
            what = f"{resource} in {namespace}" if namespace else f"{resource} in all namespaces"
            try:
                yield from _whole_list(server, f"/{group}{inside}/{resource}")
            except _NobodyError:
                raise
            except ClusterError as error:
                yield UnreadableObject(what=what, reason=error.message, hint=error.hint)


def _whole_list(server: Server, path: str) -> list[Observed]:
    for _ in range(CLUSTER_RESTARTS):
        try:
            return list(_pages(server, path))
        except _GoneError:
            continue
    raise ClusterError(f"the list changes too fast to be read ({CLUSTER_RESTARTS} times 410 Gone)")


def _pages(server: Server, path: str) -> Iterator[Observed]:
    token: str | None = None
    seen: set[str] = set()
    while True:
        query = {"limit": str(CLUSTER_PAGE)} | ({"continue": token} if token else {})
        stream = JsonStream(_Body(server, f"{path}?{urlencode(query)}"))
        try:
            for piece in stream.pieces():
                yield from decoded(piece)
            token = _next_page(stream)
        except (FormatError, msgspec.DecodeError) as error:
            raise ClusterError(f"the answer {getattr(error, 'message', error)}") from error
        if not token:
            return
        if token in seen:
            raise ClusterError("the server sends the same page repeatedly")
        seen.add(token)


def _next_page(stream: JsonStream) -> str | None:
    """Return where a list that was read goes on; raise :class:`FormatError` when it was none."""
    if not stream.members.get("kind", b"").endswith(b'List"'):
        raise FormatError("is empty or not a list")
    return msgspec.json.decode(stream.members.get("metadata", b"{}"), type=_ListMetadata).next


class _Body:
    """One answer's body; the request is made at the first read, and every failure is a ClusterError."""

    def __init__(self, server: Server, path: str) -> None:
        self._server = server
        self._path = path
        self._answer: Any = None

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes."""
        try:
            if self._answer is None:
                self._answer = self._ask()
                self._check()
            data: bytes = self._answer.read(size)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise ClusterError(
                f"{self._server.address} ended the answer early: {_why(error)}", hint="try again"
            ) from error
        return data

    def _ask(self) -> Any:
        try:
            return self._server.get(self._path)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            refused = _certificate(error)
            if refused is not None:
                raise _NobodyError(
                    f"the certificate of {self._server.address} is not trusted: {refused}",
                    hint="name its authority in the kubeconfig: certificate-authority",
                ) from error
            raise _NobodyError(
                f"{self._server.address} does not answer: {_why(error)}", hint="try again when it answers"
            ) from error

    def _check(self) -> None:
        status = self._answer.status
        if status == 200:
            return
        body = self._answer.read(ERROR_BODY_BYTES)
        if status == 410:
            raise _GoneError("410 Gone")
        message = _message(body) or f"status {status}"
        if status == 401:
            raise _NobodyError(
                f"{self._server.address} refuses the login: {message}",
                hint="log in again: `kubectl get pods`",
            )
        if status == 403:
            raise _ForbiddenError(
                f"forbidden: {message}",
                hint="get the permission to list it, or name the namespaces you may read with --namespace",
            )
        if status == 404:
            raise ClusterError(f"the server does not know this resource: {message}")
        raise ClusterError(f"{self._server.address} answers {status}: {message}")


def _message(body: bytes) -> str | None:
    try:
        return msgspec.json.decode(body, type=_Status).message
    except msgspec.DecodeError:
        return None


def _certificate(error: BaseException | None) -> str | None:
    """Return why a certificate was refused, if that is what went wrong."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__
    return None


def _why(error: Exception) -> str:
    """Return the last, most telling part of what a chain of connection errors says."""
    if isinstance(error, urllib3.exceptions.MaxRetryError) and error.reason is not None:
        error = error.reason
    return str(error).rpartition(": ")[2].strip("()'\" ") or type(error).__name__
