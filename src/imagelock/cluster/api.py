"""Connect to an API server with the official client, and read its answers.

Configuration, TLS and login are left to the client (extra ``cluster``): kubeconfig with all its exec
plugins, or the account of the pod that imagelock runs in.
"""

from __future__ import annotations

import http.client
import logging
import os
import ssl
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import urllib3
import yaml

from imagelock.errors import ClusterError, ConfigError, UsageError
from imagelock.limits import (
    CLUSTER_OBJECT_BYTES,
    CLUSTER_TRIES,
    CLUSTER_WAIT_SECONDS,
    CONNECT_SECONDS,
    ERROR_BODY_BYTES,
    IDLE_SECONDS,
    MIB,
    WATCH_CONNECTIONS,
    WATCH_IDLE_SECONDS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_EVENT_BYTES = 64 * 1024


class GoneError(ClusterError):
    """410: the server no longer has the state that the pages so far were taken from."""


class ForbiddenError(ClusterError):
    """403: the login may not read this."""


class NobodyError(ClusterError):
    """The server does not answer or refuses the login: any other request would end the same way."""


class _Status(msgspec.Struct):
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Which cluster, as kubectl's options of the same names say it; None is kubectl's default."""

    kubeconfig: str | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """An API server that can be asked: GET a path, and get the open answer; ``watch`` waits longer between pieces.

    ``send`` writes: method, path, body and its type; it returns the whole answer.
    """

    address: str
    get: Callable[[str], Any]
    watch: Callable[[str], Any]
    send: Callable[[str, str, bytes, str], Any]


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
    configuration.connection_pool_maxsize = WATCH_CONNECTIONS
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
        yield Server(
            configuration.host,
            lambda path: _get(api, path, IDLE_SECONDS),
            lambda path: _get(api, path, WATCH_IDLE_SECONDS),
            lambda method, path, body, kind: _send(api, method, path, body, kind),
        )


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


def _get(api: Any, path: str, seconds: float) -> Any:
    """Make one request with the client's own pool and login; the body is left to be read."""
    return api.rest_client.pool_manager.request(
        "GET",
        api.configuration.host.rstrip("/") + path,
        headers=_headers(api),
        preload_content=False,
        redirect=False,
        retries=urllib3.Retry(total=2, connect=2, read=0, status=0, redirect=0, raise_on_status=False),
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
    )


def _headers(api: Any) -> dict[str, str]:
    headers = {"Accept": "application/json", **api.default_headers}
    login = api.configuration.auth_settings().get("BearerToken")
    if login and login["value"]:
        headers[login["key"]] = login["value"]
    return headers


def _send(api: Any, method: str, path: str, body: bytes, kind: str) -> Any:
    """Write something once: whoever calls knows whether it may be written twice."""
    return api.rest_client.pool_manager.request(
        method,
        api.configuration.host.rstrip("/") + path,
        body=body,
        headers={**_headers(api), "Content-Type": kind},
        redirect=False,
        retries=False,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=IDLE_SECONDS),
    )


def write_object(server: Server, method: str, path: str, body: bytes, kind: str = "application/json") -> int:
    """Write an object; return the status where the server took it, or already had it (409).

    Raises :class:`ForbiddenError` where the login may not, and :class:`ClusterError` for everything else.
    """
    try:
        answer = server.send(method, path, body, kind)
        wait = _busy_for(answer)
        if wait is not None:
            time.sleep(wait)
            answer = server.send(method, path, body, kind)
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        raise ClusterError(f"{server.address} does not answer: {_why(error)}") from error
    status: int = answer.status
    if status < 300 or status == 409:
        return status
    message = _message(answer.data[:ERROR_BODY_BYTES]) or f"status {status}"
    if status == 403:
        raise ForbiddenError(
            f"forbidden: {message}", hint="the guide of the agent lists the rights that it needs"
        )
    raise ClusterError(f"{server.address} answers {status}: {message}")


def read_answer(server: Server, path: str) -> bytes:
    """Return a whole answer of bounded size; raises :class:`ClusterError`."""
    body = AnswerBody(server, path)
    parts = []
    while piece := body.read(MIB):
        parts.append(piece)
        if sum(map(len, parts)) > CLUSTER_OBJECT_BYTES:
            raise ClusterError(f"the answer to {path} is larger than {CLUSTER_OBJECT_BYTES} bytes")
    return b"".join(parts)


class AnswerBody:
    """One answer's body; the request is made at the first read, and every failure is a ClusterError."""

    def __init__(self, server: Server, path: str, *, is_watch: bool = False) -> None:
        self._server = server
        self._path = path
        self._get = server.watch if is_watch else server.get
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

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of an answer that goes on, as they come; ends where the server ends it."""
        rest = b""
        while piece := self._some():
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
            if len(rest) > CLUSTER_OBJECT_BYTES:
                raise ClusterError(f"one event is larger than {CLUSTER_OBJECT_BYTES} bytes")

    def close(self) -> None:
        """Give the connection up; what was not read is lost."""
        if self._answer is not None:
            self._answer.close()

    def interrupt(self) -> None:
        """End a read that is under way, from another thread: closing would wait for it."""
        if self._answer is not None:
            with suppress(OSError, ValueError, RuntimeError):
                self._answer.shutdown()

    def _some(self) -> bytes:
        """Return what has come by now, at least a byte unless the answer has ended."""
        if self._answer is None:
            return self.read(1)
        try:
            data: bytes = self._answer.read1(_EVENT_BYTES)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            raise ClusterError(f"{self._server.address} ended the answer early: {_why(error)}") from error
        return data

    def _ask(self) -> Any:
        """Make the request, again while the server is too busy and says when to come back."""
        for _ in range(CLUSTER_TRIES - 1):
            answer = self._once()
            wait = _busy_for(answer)
            if wait is None:
                return answer
            answer.close()
            time.sleep(wait)
        return self._once()

    def _once(self) -> Any:
        try:
            return self._get(self._path)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            refused = _certificate(error)
            if refused is not None:
                raise NobodyError(
                    f"the certificate of {self._server.address} is not trusted: {refused}",
                    hint="name its authority in the kubeconfig: certificate-authority",
                ) from error
            raise NobodyError(
                f"{self._server.address} does not answer: {_why(error)}", hint="try again when it answers"
            ) from error

    def _check(self) -> None:
        status = self._answer.status
        if status == 200:
            return
        body = self._answer.read(ERROR_BODY_BYTES)
        if status == 410:
            raise GoneError("410 Gone")
        message = _message(body) or f"status {status}"
        if status == 401:
            raise NobodyError(
                f"{self._server.address} refuses the login: {message}",
                hint="log in again: `kubectl get pods`",
            )
        if status == 403:
            raise ForbiddenError(
                f"forbidden: {message}",
                hint="get the permission to list it, or name the namespaces you may read with --namespace",
            )
        if status == 404:
            raise ClusterError(f"the server does not know this resource: {message}")
        raise ClusterError(f"{self._server.address} answers {status}: {message}")


def _busy_for(answer: Any) -> float | None:
    """Return the seconds to wait for a server that is too busy (429), at most those that are worth it."""
    if answer.status != 429:
        return None
    said = answer.headers.get("retry-after", "")
    return min(float(said), CLUSTER_WAIT_SECONDS) if said.isdecimal() else 1.0


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
