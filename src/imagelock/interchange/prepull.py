"""A Kubernetes DaemonSet that has every node pull the lock's images before they are needed.

One init container per image, one after another, each of which ends at once: the kubelet has pulled it then.
Not every image has a program that does nothing, so a static busybox is brought in by a volume.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.interchange.base import Option
from imagelock.interchange.mirrors import documents

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "prepull"
summary = "a Kubernetes DaemonSet that pulls the lock's images to every node"
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
_MOUNT = {"name": "tool", "mountPath": "/imagelock-tool"}


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the DaemonSet; raise :class:`UsageError` for a name that is none, or a lock without images."""
    wanted = asked.one("name") or ""
    if not _NAME.fullmatch(wanted):
        raise UsageError(f"--name {wanted!r} is not a name", hint="use lower-case letters, digits and -")
    if not lock.images:
        raise UsageError("the lock has no images", hint="run `imagelock lock`")
    namespace, secret = asked.one("namespace"), asked.one("pull-secret")
    labels = {"app.kubernetes.io/name": wanted}
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
        "initContainers": [_tool(asked), *(_pull(i, image) for i, image in enumerate(_images(lock)))],
        "containers": [
            _container("done", asked.one("tool-image") or "", ["/bin/busybox", "sleep", "2147483647"])
        ],
        "volumes": [{"name": "tool", "emptyDir": {"sizeLimit": "16Mi"}}],
    }
    work = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": wanted, **({"namespace": namespace} if namespace else {}), "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    # Through JSON, so that what two places share is written in both and no alias is needed.
    return documents([json.loads(json.dumps(work))])


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
