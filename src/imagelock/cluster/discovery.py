"""Ask an API server which resources it has, to look for pod templates in kinds that are not built in.

Follows the Kubernetes API's discovery endpoints: ``/apis`` for groups, ``/apis/<group>/<version>`` for the
resources of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from imagelock.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_T = TypeVar("_T")
_BUILT_IN = frozenset(("apps", "batch"))
"""Groups whose kinds with pod templates are read anyway."""
_WITHOUT_PODS = (".k8s.io", "autoscaling", "policy", "extensions")
"""Groups of Kubernetes itself whose objects hold no containers: roles, endpoints, storage, metrics, leases."""


class _Version(msgspec.Struct, rename="camel"):
    group_version: str


class _Group(msgspec.Struct, rename="camel"):
    name: str
    preferred_version: _Version


class _Groups(msgspec.Struct):
    groups: list[_Group]


class _Resource(msgspec.Struct):
    name: str
    kind: str
    namespaced: bool = True
    verbs: list[str] = msgspec.field(default_factory=list)


class _Resources(msgspec.Struct):
    resources: list[_Resource]


def discover(read: Callable[[str], bytes], wanted: Sequence[str] = ()) -> Iterator[tuple[str, str, str]]:
    """Yield group path, resource and kind of every namespaced kind that can be listed, built-in ones apart.

    ``wanted`` are resources as kubectl names them (``rollouts.argoproj.io``, or ``rollouts`` of any group);
    none means all.  Raises :class:`ClusterError` for one that the server does not have.
    """
    missing = dict.fromkeys(wanted)
    for group in _decode(read("/apis"), _Groups).groups:
        if not wanted and (group.name in _BUILT_IN or group.name.endswith(_WITHOUT_PODS)):
            continue
        path = f"apis/{group.preferred_version.group_version}"
        for resource in _decode(read(f"/{path}"), _Resources).resources:
            if "/" in resource.name or "list" not in resource.verbs or not resource.namespaced:
                continue
            names = {resource.name, f"{resource.name}.{group.name}"}
            if not wanted or names & set(wanted):
                for name in names:
                    missing.pop(name, None)
                yield path, resource.name, resource.kind
    if missing:
        raise ClusterError(
            f"the server has no resource {', '.join(missing)}",
            hint="`kubectl api-resources --verbs=list --namespaced` lists them",
        )


def _decode(data: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise ClusterError(f"the list of resources cannot be read: {error}") from error
