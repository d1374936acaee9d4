"""Kubernetes DaemonSets that have every node pull the lock's images before they are needed.

One init container per image, one after another, each of which ends at once: the kubelet has pulled it then.
More than a pod can hold are shared out over several DaemonSets.  Not every image has a program that does nothing, so a static busybox is brought in by a volume.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.interchange.base import Option
from imagelock.interchange.mirrors import applied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "prepull"
summary = "Kubernetes DaemonSets that pull the lock's images to every node"
is_marked = True
options: tuple[Option, ...] = (
    Option(
        name="tool-image",
        help="An image with a statically linked /bin/busybox, by digest; it runs in every image.",
        metavar="REF",
        required=True,
    ),
    Option(name="name", help="The name of the DaemonSet.", metavar="NAME", default=("imagelock-prepull",)),
    Option(name="namespace", help="The namespace to run in.", metavar="NAME"),
    Option(name="pull-secret", help="A Secret of type kubernetes.io/dockerconfigjson.", metavar="NAME"),
)

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?", re.ASCII)
_USER = 65534
_MOST = 200
"""Init containers of one pod: its object stays below half of what the API takes, with the status of each."""
_HEX = 8
_MOUNT = {"name": "tool", "mountPath": "/imagelock-tool"}


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the DaemonSets; raise :class:`UsageError` for a name that is none, or a lock without images."""
    wanted = asked.one("name") or ""
    if not _NAME.fullmatch(wanted):
        raise UsageError(f"--name {wanted!r} is not a name", hint="use lower-case letters, digits and -")
    if not lock.images:
        raise UsageError("the lock has no images", hint="run `imagelock lock`")
    parts = _parts(_images(lock))
    objects = [
        _daemon_set(
            wanted if len(parts) == 1 else f"{wanted}-{number}",
            images,
            asked,
            {"app.kubernetes.io/instance": wanted, "app.kubernetes.io/version": f"{len(parts)}-parts"},
        )
        for number, images in enumerate(parts)
    ]
    # Through JSON, so that what two places share is written in both and no alias is needed.
    namespace = asked.one("namespace")
    where = f"-n {namespace} " if namespace else ""
    older = f"app.kubernetes.io/instance={wanted},app.kubernetes.io/version!={len(parts)}-parts"
    return applied(json.loads(json.dumps(objects)), f"daemonsets.apps {where}-l {older}")


def _daemon_set(
    called: str, images: Sequence[str], asked: ExportOptions, found_by: dict[str, str]
) -> dict[str, object]:
    namespace, secret = asked.one("namespace"), asked.one("pull-secret")
    labels = {"app.kubernetes.io/name": called}
    pod: dict[str, object] = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **({"imagePullSecrets": [{"name": secret}]} if secret else {}),
        "tolerations": [{"operator": "Exists"}],
        "initContainers": [_tool(asked), *(_pull(i, image) for i, image in enumerate(images))],
        "containers": [
            _container("done", asked.one("tool-image") or "", ["/bin/busybox", "sleep", "2147483647"])
        ],
        "volumes": [{"name": "tool", "emptyDir": {"sizeLimit": "16Mi"}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": called,
            **({"namespace": namespace} if namespace else {}),
            "labels": labels | found_by,
        },
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _parts(images: Sequence[str]) -> list[list[str]]:
    """Share the images out by their digests: another image changes the one part that it belongs to."""
    count = 1
    while True:
        parts: list[list[str]] = [[] for _ in range(count)]
        for image in images:
            parts[int(image.rpartition(":")[2][:_HEX], 16) % count].append(image)
        if max(map(len, parts)) <= _MOST:
            return parts
        count *= 2


def _images(lock: Lock) -> list[str]:
    """Return every image once, by digest alone: two tags of one digest are one pull."""
    return list(dict.fromkeys(f"{image.name}@{image.digest}" for image in lock.images))


def _tool(asked: ExportOptions) -> dict[str, object]:
    command = ["/bin/busybox", "cp", "/bin/busybox", f"{_MOUNT['mountPath']}/busybox"]
    return _container("tool", asked.one("tool-image") or "", command)


def _pull(number: int, image: str) -> dict[str, object]:
    return _container(f"pull-{number}", image, [f"{_MOUNT['mountPath']}/busybox", "true"])


def _container(called: str, image: str, command: list[str]) -> dict[str, object]:
    return {
        "name": called,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [_MOUNT],
    }
