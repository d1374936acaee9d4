"""A Kubernetes Indexed Job that runs ``imagelock mirror``, each pod one shard, the lock in a ConfigMap.

Both are named after the lock's hash, so that another release does not collide with what cannot be changed.
The Kubernetes documentation, "Indexed Job for Parallel Processing": every pod has its number in
``JOB_COMPLETION_INDEX``.  The lock goes in as a plain list, which is all that mirroring needs.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from imagelock.errors import UsageError
from imagelock.interchange.base import Option
from imagelock.interchange.mirrors import MAP, MIRROR, applied, lock_hash, registry
from imagelock.limits import KIB

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "mirror-job"
summary = "a Kubernetes Indexed Job that mirrors the lock in shards"
is_marked = True
options: tuple[Option, ...] = (
    MIRROR,
    MAP,
    Option(name="shards", help="Number of pods that share the work.", metavar="N", default=("4",)),
    Option(name="image", help="An image that contains imagelock, by digest.", metavar="REF", required=True),
    Option(name="name", help="The name of the Job.", metavar="NAME", default=("imagelock-mirror",)),
    Option(name="namespace", help="The namespace to run in.", metavar="NAME"),
    Option(name="login-secret", help="A Secret of type kubernetes.io/dockerconfigjson.", metavar="NAME"),
)

_MOST = 900 * KIB
_USER = 65534
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?", re.ASCII)
"""With a hash and the pod's number it is still a label of DNS, as an Indexed Job's hostnames are."""


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return ConfigMap and Job; raise :class:`UsageError` for a lock that no ConfigMap holds."""
    job, shards = asked.one("name") or "", asked.one("shards") or ""
    if not _NAME.fullmatch(job):
        raise UsageError(f"--name {job!r} is not a name", hint="use lower-case letters, digits and -")
    if not shards.isdecimal() or not 0 < int(shards) <= 1000:
        raise UsageError(f"--shards {shards!r} is not a number from 1 to 1000")
    images = "".join(f"{image.image_id}\n" for image in lock.images)
    if len(images) > _MOST:
        raise UsageError(
            "the lock is too large for a ConfigMap",
            hint="run `imagelock mirror --shard` outside of the cluster",
        )
    namespace = asked.one("namespace")
    # Neither a Job nor an immutable ConfigMap can be changed: another lock, or other options, are other objects.
    mark = lock_hash(images, _pod("", int(shards), asked))
    called = f"{job}-{mark}"
    labels = {"app.kubernetes.io/instance": job, "app.kubernetes.io/version": mark}
    metadata = {"name": called, **({"namespace": namespace} if namespace else {}), "labels": labels}
    data = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "immutable": True,
        "data": {"images.txt": images},
    }
    work = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": dict(metadata),
        "spec": {
            "completionMode": "Indexed",
            "completions": int(shards),
            "parallelism": int(shards),
            "backoffLimit": 3 * int(shards),
            "template": {"spec": _pod(called, int(shards), asked)},
        },
    }
    where = f"-n {namespace} " if namespace else ""
    older = f"app.kubernetes.io/instance={job},app.kubernetes.io/version!={mark}"
    return applied(json.loads(json.dumps([data, work])), f"jobs.batch,configmaps {where}-l {older}")


def _pod(job: str, shards: int, asked: ExportOptions) -> dict[str, object]:
    """Return the pod's specification; the job may do nothing but read two files and talk."""
    secret = asked.one("login-secret")
    to = registry(asked)
    arguments = ["mirror", "--to", to.registry, "--lock-file", "/lock/images.txt"]
    arguments += ["--shard", f"$(JOB_COMPLETION_INDEX)/{shards}"]
    for rule in asked.all(MAP.name):
        # Kubernetes takes $(NAME) for a variable; $1 and ${1} are left alone.
        arguments += ["--map", rule.replace("$(", "$$(")]
    mounts = [{"name": "lock", "mountPath": "/lock", "readOnly": True}]
    volumes: list[dict[str, object]] = [{"name": "lock", "configMap": {"name": job}}]
    environment = [{"name": "HOME", "value": "/"}]
    if secret:
        mounts.append({"name": "login", "mountPath": "/login", "readOnly": True})
        item = {"key": ".dockerconfigjson", "path": "config.json"}
        volumes.append({"name": "login", "secret": {"secretName": secret, "items": [item]}})
        environment.append({"name": "REGISTRY_AUTH_FILE", "value": "/login/config.json"})
    container = {
        "name": "mirror",
        "image": asked.one("image"),
        "args": arguments,
        "env": environment,
        "volumeMounts": mounts,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }
