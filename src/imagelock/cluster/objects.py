"""Decode Kubernetes objects from the API, only as far as naming their images needs.

Follows the v1, apps/v1 and batch/v1 API types; everything else of an object is skipped while decoding.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from imagelock.cluster.running import ContainerKind, Node, Owner, RunningContainer, Template, Workload
from imagelock.cluster.shapes import HISTORY, templates_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagelock.cluster.running import Observed

_T = TypeVar("_T")
_FINISHED = ("Succeeded", "Failed")


class _Struct(msgspec.Struct, rename="camel"):
    """A part of an object; unknown fields are skipped."""


class _OwnerReference(_Struct):
    kind: str
    name: str
    controller: bool | None = None


class _Metadata(_Struct):
    name: str = ""
    namespace: str | None = None
    creation_timestamp: str | None = None
    labels: dict[str, str] | None = None
    owner_references: list[_OwnerReference] | None = None


class _Container(_Struct):
    name: str = ""
    image: str | None = None


class _ImageSource(_Struct):
    reference: str | None = None


class _Volume(_Struct):
    name: str = ""
    image: _ImageSource | None = None


class _PodSpec(_Struct):
    containers: list[_Container] | None = None
    init_containers: list[_Container] | None = None
    ephemeral_containers: list[_Container] | None = None
    volumes: list[_Volume] | None = None


class _Waiting(_Struct):
    reason: str | None = None


class _State(_Struct):
    waiting: _Waiting | None = None


class _ImageVolume(_Struct):
    image_ref: str | None = None


class _VolumeStatus(_Struct):
    image: _ImageVolume | None = None


class _Mount(_Struct):
    name: str = ""
    volume_status: _VolumeStatus | None = None


class _ContainerStatus(_Struct):
    name: str = ""
    image_id: str | None = msgspec.field(default=None, name="imageID")
    state: _State | None = None
    volume_mounts: list[_Mount] | None = None


class _PodStatus(_Struct):
    phase: str | None = None
    container_statuses: list[_ContainerStatus] | None = None
    init_container_statuses: list[_ContainerStatus] | None = None
    ephemeral_container_statuses: list[_ContainerStatus] | None = None

    def statuses(self) -> Iterator[tuple[ContainerKind, _ContainerStatus]]:
        for kind, items in (
            (ContainerKind.CONTAINER, self.container_statuses),
            (ContainerKind.INIT, self.init_container_statuses),
            (ContainerKind.EPHEMERAL, self.ephemeral_container_statuses),
        ):
            for item in items or ():
                yield kind, item


class _Pod(_Struct):
    metadata: _Metadata
    spec: _PodSpec | None = None
    status: _PodStatus | None = None


class _PodTemplate(_Struct):
    spec: _PodSpec | None = None


class _WorkloadSpec(_Struct):
    replicas: int | None = None
    template: _PodTemplate | None = None


class _CronJobSpec(_Struct):
    job_template: _Nested[_WorkloadSpec] | None = None


class _Nested(_Struct, Generic[_T]):
    spec: _T | None = None


class _Workload(_Struct):
    metadata: _Metadata
    spec: _WorkloadSpec | None = None


class _CronJob(_Struct):
    metadata: _Metadata
    spec: _CronJobSpec | None = None


class _TemplateObject(_Struct):
    metadata: _Metadata
    template: _PodTemplate | None = None


class _NodeInfo(_Struct):
    operating_system: str | None = None
    architecture: str | None = None


class _NodeImage(_Struct):
    names: list[str] | None = None


class _NodeStatus(_Struct):
    node_info: _NodeInfo | None = None
    images: list[_NodeImage] | None = None


class _Node(_Struct):
    metadata: _Metadata
    status: _NodeStatus | None = None


class _Scale(_Struct):
    replicas: int | None = None


class _Custom(_Struct):
    metadata: _Metadata
    spec: _Scale | None = None


class _Head(_Struct):
    kind: str | None = None


WORKLOADS = frozenset(
    ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob")
)
"""The kinds that make pods."""

_head = msgspec.json.Decoder(_Head)
_pod = msgspec.json.Decoder(_Pod)
_workload = msgspec.json.Decoder(_Workload)
_cron_job = msgspec.json.Decoder(_CronJob)
_template_object = msgspec.json.Decoder(_TemplateObject)
_node = msgspec.json.Decoder(_Node)
_custom = msgspec.json.Decoder(_Custom)
_MARKS = (b'"image"', b'"reference"')
"""What an object with a container has; most objects of a cluster have none and are not decoded."""


def decode(data: bytes | memoryview, kind: str | None = None) -> tuple[Observed, ...]:
    """Return what one object runs or would run; nothing for kinds that run nothing.

    ``kind`` is that of typed lists, whose items do not repeat it.  Raises :class:`msgspec.DecodeError`
    (or its ValidationError with the path) for what is no such object.
    """
    kind = _head.decode(data).kind or kind
    if kind is None:
        raise msgspec.ValidationError("it has no kind")
    if kind == "Status":
        raise msgspec.ValidationError("it is an API server's error answer")
    if kind == "Pod":
        return tuple(_running(_pod.decode(data)))
    if kind == "CronJob":
        job = _cron_job.decode(data)
        nested = job.spec.job_template if job.spec else None
        spec = nested.spec if nested else None
        return (_made(job.metadata, kind, spec, replicas=0),)
    if kind in WORKLOADS:
        workload = _workload.decode(data)
        return (_made(workload.metadata, kind, workload.spec, replicas=_replicas(kind, workload.spec)),)
    if kind == "PodTemplate":
        held = _template_object.decode(data)
        return (_made(held.metadata, kind, _WorkloadSpec(template=held.template), replicas=1),)
    if kind == "Node":
        return (_observed_node(_node.decode(data)),)
    return () if kind in HISTORY else _by_shape(data, kind)


def _observed_node(node: _Node) -> Node:
    status = node.status or _NodeStatus()
    info = status.node_info or _NodeInfo()
    known = info.operating_system and info.architecture
    return Node(
        name=node.metadata.name,
        platform=f"{info.operating_system}/{info.architecture}" if known else None,
        images=tuple(name for image in status.images or () for name in image.names or ()),
    )


def _by_shape(data: bytes | memoryview, kind: str) -> tuple[Workload, ...]:
    """Return an object of a kind that is not known here as a workload, when it holds pod templates."""
    text = bytes(data)
    if not any(mark in text for mark in _MARKS):
        return ()
    templates = templates_of(msgspec.json.decode(text))
    if not templates:
        return ()
    custom = _custom.decode(text)
    replicas = custom.spec.replicas if custom.spec is not None else None
    return (
        Workload(
            namespace=custom.metadata.namespace or "default",
            me=_owner(kind, custom.metadata.name),
            owner=_controller(custom.metadata),
            replicas=1 if replicas is None else replicas,
            templates=templates,
            created=custom.metadata.creation_timestamp or "",
        ),
    )


def _replicas(kind: str, spec: _WorkloadSpec | None) -> int:
    """Return how many pods it wants; the API's default is one, a DaemonSet's count is not in its spec."""
    if kind in ("Job", "DaemonSet") or spec is None:
        return 0
    return 1 if spec.replicas is None else spec.replicas


def _made(metadata: _Metadata, kind: str, spec: _WorkloadSpec | None, *, replicas: int) -> Workload:
    template = spec.template.spec if spec and spec.template else None
    return Workload(
        namespace=metadata.namespace or "default",
        me=_owner(kind, metadata.name),
        owner=_controller(metadata),
        replicas=replicas,
        templates=tuple(
            Template(container=name, kind=place, image=image) for place, name, image in _images(template)
        ),
        created=metadata.creation_timestamp or "",
    )


def _running(pod: _Pod) -> Iterator[RunningContainer]:
    status = pod.status or _PodStatus()
    known = {(kind, item.name): item for kind, item in status.statuses()}
    mounted = _mounted(status)
    for kind, name, image in _images(pod.spec):
        item = known.get((kind, name))
        waiting = item.state.waiting if item and item.state else None
        image_id = mounted.get(name) if kind is ContainerKind.VOLUME else item.image_id if item else None
        yield RunningContainer(
            namespace=_same(pod.metadata.namespace or "default"),
            owner=_controller(pod.metadata) or _owner("Pod", pod.metadata.name),
            pod=pod.metadata.name,
            container=_same(name),
            kind=kind,
            image=_same(image),
            image_id=_same(image_id) if image_id else None,
            reason=_same((waiting.reason if waiting else None) or status.phase or "no status"),
            finished=status.phase in _FINISHED,
            created=pod.metadata.creation_timestamp or "",
        )


def _mounted(status: _PodStatus) -> dict[str, str]:
    """Return what each image volume holds, as far as the kubelet tells (Kubernetes 1.35 and later)."""
    mounts = (mount for _, item in status.statuses() for mount in item.volume_mounts or ())
    return {
        mount.name: mount.volume_status.image.image_ref
        for mount in mounts
        if mount.volume_status and mount.volume_status.image and mount.volume_status.image.image_ref
    }


def _images(spec: _PodSpec | None) -> Iterator[tuple[ContainerKind, str, str]]:
    """Yield kind, name and image of everything in a pod that has one."""
    if spec is None:
        return
    groups: tuple[tuple[ContainerKind, Sequence[_Container] | None], ...] = (
        (ContainerKind.INIT, spec.init_containers),
        (ContainerKind.CONTAINER, spec.containers),
        (ContainerKind.EPHEMERAL, spec.ephemeral_containers),
    )
    for kind, containers in groups:
        for item in containers or ():
            yield kind, item.name, item.image or ""
    for volume in spec.volumes or ():
        if volume.image is not None:
            yield ContainerKind.VOLUME, volume.name, volume.image.reference or ""


def _controller(metadata: _Metadata) -> Owner | None:
    """Return what controls an object; a Deployment's pod tells it even when no ReplicaSet was read.

    The ReplicaSet is named ``<deployment>-<pod-template-hash>`` and the pod carries the hash as a label.
    """
    for item in metadata.owner_references or ():
        if not item.controller:
            continue
        mark = "-" + (metadata.labels or {}).get("pod-template-hash", "")
        if item.kind == "ReplicaSet" and len(mark) > 1 and item.name.endswith(mark):
            return _owner("Deployment", item.name.removesuffix(mark))
        return _owner(item.kind, item.name)
    return None


@lru_cache(maxsize=65536)
def _owner(kind: str, name: str) -> Owner:
    return Owner(kind, name)


@lru_cache(maxsize=65536)
def _same(text: str) -> str:
    """Return one object for equal texts: ten thousand pods share a few hundred names."""
    return text
