"""Kubernetes objects as an API server gives them, and a lock that knows some of their images."""

from __future__ import annotations

import json
from typing import Any

from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage, PlatformImage
from imagelock.model.manifest import OCI_INDEX, OCI_MANIFEST
from imagelock.model.platform import Platform

Json = dict[str, Any]


def digest(mark: str) -> Digest:
    """Return a digest that tests can name: one for each mark."""
    return Digest.of(mark.encode())


AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")

WEB = LockedImage(
    name="docker.io/library/nginx",
    tag="1.27",
    digest=digest("web index"),
    media_type=OCI_INDEX,
    size=1,
    platforms=(
        PlatformImage(platform=AMD64, digest=digest("web amd64"), config=digest("web amd64 config")),
        PlatformImage(platform=ARM64, digest=digest("web arm64"), config=digest("web arm64 config")),
    ),
)
"""Everything is known of it."""

API = LockedImage(
    name="quay.io/acme/api",
    tag="2",
    digest=digest("api"),
    media_type=OCI_MANIFEST,
    size=1,
    platforms=(PlatformImage(platform=AMD64, digest=digest("api"), config=digest("api config")),),
)
"""One platform."""

DB = LockedImage(
    name="quay.io/acme/db",
    tag="5",
    digest=digest("db index"),
    media_type=OCI_INDEX,
    size=1,
    platforms=(PlatformImage(platform=AMD64, digest=digest("db amd64")),),
)
"""Its config digests are not recorded."""

LISTED = LockedImage(name="quay.io/acme/listed", tag="1", digest=digest("listed"))
"""From a list: nothing is known of what is inside."""

LOCK = Lock((WEB, API, DB, LISTED))


def pinned(image: LockedImage) -> str:
    """Return how pinned files name an image."""
    return image.image_id


def container(name: str, image: str, image_id: str | None = None, waiting: str | None = None) -> Json:
    """Return a container's spec and status together; :func:`pod` takes them apart."""
    return {"name": name, "image": image, "imageID": image_id, "waiting": waiting}


def pod(
    name: str,
    *containers: Json,
    namespace: str = "shop",
    owner: tuple[str, str] | None = None,
    labels: dict[str, str] | None = None,
    phase: str = "Running",
    init: tuple[Json, ...] = (),
    ephemeral: tuple[Json, ...] = (),
    volumes: tuple[tuple[str, str, str | None], ...] = (),
) -> Json:
    """Return one pod; ``volumes`` are name, reference and what the kubelet says is mounted."""
    groups = {"containers": containers, "initContainers": init, "ephemeralContainers": ephemeral}
    keys = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    statuses = {
        key: [_status(item) for item in group] for key, group in zip(keys, groups.values(), strict=True)
    }
    mounts = [
        {"name": volume, "mountPath": "/v", "volumeStatus": {"image": {"imageRef": told}}}
        for volume, _, told in volumes
        if told
    ]
    if mounts:
        statuses["containerStatuses"][0]["volumeMounts"] = mounts
    metadata: Json = {"name": name, "namespace": namespace, "labels": labels or {}}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            **{key: [_spec(item) for item in group] for key, group in groups.items() if group},
            "volumes": [
                {"name": "token", "projected": {"sources": []}},
                *({"name": volume, "image": {"reference": image}} for volume, image, _ in volumes),
            ],
        },
        "status": {"phase": phase, **statuses},
    }


def workload(
    kind: str,
    name: str,
    *images: str,
    namespace: str = "shop",
    replicas: int | None = None,
    owner: tuple[str, str] | None = None,
) -> Json:
    """Return an object that makes pods, with one container for each image."""
    template: Json = {
        "metadata": {},
        "spec": {"containers": [{"name": f"c{i}", "image": image} for i, image in enumerate(images)]},
    }
    spec: Json = {"template": template}
    if replicas is not None:
        spec["replicas"] = replicas
    if kind == "CronJob":
        spec = {"schedule": "@daily", "jobTemplate": {"spec": spec}}
    metadata: Json = {"name": name, "namespace": namespace}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    version = {"CronJob": "batch/v1", "Job": "batch/v1", "ReplicationController": "v1"}.get(kind, "apps/v1")
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def listed(*objects: Json) -> bytes:
    """Return what ``kubectl get -o json`` writes for these objects."""
    whole = {"apiVersion": "v1", "items": list(objects), "kind": "List", "metadata": {"resourceVersion": ""}}
    return json.dumps(whole, indent=4).encode()


def _spec(item: Json) -> Json:
    return {"name": item["name"], "image": item["image"]}


def _status(item: Json) -> Json:
    state = {"waiting": {"reason": item["waiting"]}} if item["waiting"] else {"running": {}}
    return {"name": item["name"], "image": item["image"], "imageID": item["imageID"] or "", "state": state}
