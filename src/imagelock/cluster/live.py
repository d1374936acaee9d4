"""Read a live cluster: ask its API server for pods and workloads, page by page.

Configuration, TLS and login are left to the official client (extra ``cluster``): kubeconfig with all
its exec plugins, or the account of the pod that imagelock runs in.  Objects are asked for as they are
and decoded as they come, so that a large cluster costs no memory.
Follows the Kubernetes API concepts, "Retrieving large results sets in chunks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import msgspec

from imagelock.cluster.discovery import discover
from imagelock.cluster.dump import decoded
from imagelock.cluster.jsonstream import JsonStream
from imagelock.cluster.running import UnreadableObject
from imagelock.errors import ClusterError, FormatError
from imagelock.limits import (
    CLUSTER_PAGE,
    CLUSTER_RESTARTS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.cluster.api import Server
    from imagelock.cluster.running import Observed
from imagelock.cluster.api import AnswerBody, ForbiddenError, GoneError, NobodyError, read_answer

RESOURCES = (
    ("api/v1", "pods", "Pod"),
    ("api/v1", "replicationcontrollers", "ReplicationController"),
    ("apis/apps/v1", "deployments", "Deployment"),
    ("apis/apps/v1", "statefulsets", "StatefulSet"),
    ("apis/apps/v1", "daemonsets", "DaemonSet"),
    ("apis/apps/v1", "replicasets", "ReplicaSet"),
    ("apis/batch/v1", "jobs", "Job"),
    ("apis/batch/v1", "cronjobs", "CronJob"),
    ("api/v1", "podtemplates", "PodTemplate"),
)
"""What is asked for: group and version, resource, kind."""
NODES = "/api/v1/nodes"


class _ListMetadata(msgspec.Struct, rename={"next": "continue"}):
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What of a cluster is read: ``namespaces`` (none: all), and kinds that are not built in.

    ``kinds`` names resources as kubectl does; ``all_kinds`` looks for pod templates in every resource.
    """

    namespaces: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    all_kinds: bool = False


def read_cluster(server: Server, scope: Scope) -> Iterator[Observed]:
    """Yield what a cluster runs in ``scope``; what cannot be read is yielded as unreadable.

    A list is yielded only when it is complete, so that nothing counts twice when it must begin again.  A
    server that cannot be reached, or refuses the login, is asked once and not for every resource.
    """
    try:
        yield from _lists(server, scope)
    except NobodyError as error:
        yield UnreadableObject(what="the cluster", reason=error.message, hint=error.hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPath:
    """One list of the API server: its path, the kind of its items, and what people call it."""

    path: str
    kind: str
    what: str
    is_optional: bool = False


def list_paths(server: Server, scope: Scope) -> Iterator[ListPath | UnreadableObject]:
    """Yield every list of a scope, and what keeps its further kinds from being known."""
    resources = list(_resources(server, scope))
    yield from (item for item in resources if isinstance(item, UnreadableObject))
    for namespace in scope.namespaces or (None,):
        for item in resources:
            if not isinstance(item, UnreadableObject):
                group, resource, kind = item
                inside = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
                where = f"in {namespace}" if namespace else "in all namespaces"
                yield ListPath(path=f"/{group}{inside}/{resource}", kind=kind, what=f"{resource} {where}")
    if not scope.namespaces:
        # Whoever may not list nodes knows less, and the pods are judged all the same.
        yield ListPath(path=NODES, kind="Node", what="nodes", is_optional=True)


def _resources(server: Server, scope: Scope) -> Iterator[tuple[str, str, str] | UnreadableObject]:
    yield from RESOURCES
    if not (scope.kinds or scope.all_kinds):
        return
    try:
        yield from discover(lambda path: read_answer(server, path), () if scope.all_kinds else scope.kinds)
    except NobodyError:
        raise
    except ClusterError as error:
        yield UnreadableObject(what="further kinds", reason=error.message, hint=error.hint)


def _lists(server: Server, scope: Scope) -> Iterator[Observed]:
    for item in list_paths(server, scope):
        if isinstance(item, UnreadableObject):
            yield item
            continue
        try:
            yield from _whole_list(server, item.path)
        except NobodyError:
            raise
        except ClusterError as error:
            if not (item.is_optional and isinstance(error, ForbiddenError)):
                yield UnreadableObject(what=item.what, reason=error.message, hint=error.hint)


def _whole_list(server: Server, path: str) -> list[Observed]:
    for _ in range(CLUSTER_RESTARTS):
        try:
            return list(_pages(server, path))
        except GoneError:
            continue
    raise ClusterError(f"the list changes too fast to be read ({CLUSTER_RESTARTS} times 410 Gone)")


def _pages(server: Server, path: str) -> Iterator[Observed]:
    token: str | None = None
    seen: set[str] = set()
    while True:
        query = {"limit": str(CLUSTER_PAGE)} | ({"continue": token} if token else {})
        stream = JsonStream(AnswerBody(server, f"{path}?{urlencode(query)}"))
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
