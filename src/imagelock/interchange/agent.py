"""The agent as plain Kubernetes objects: least rights, and a pod that passes the restricted Pod Security Standard.

A ConfigMap holds the lock as a plain list and is named after its hash, so that a new release is a new
object and the Deployment rolls over to it.  Follows the Kubernetes documentation, "Pod Security Standards".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from imagelock.errors import UsageError
from imagelock.interchange.base import Option
from imagelock.interchange.mirrors import applied, lock_hash
from imagelock.limits import KIB

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "agent"
summary = "the agent that watches a cluster (`cluster watch`), for kubectl apply"
is_marked = True
options: tuple[Option, ...] = (
    Option(name="image", help="An image that contains imagelock, by digest.", metavar="REF", required=True),
    Option(name="name", help="The name of all objects.", metavar="NAME", default=("imagelock-agent",)),
    Option(name="namespace", help="The namespace to run in.", metavar="NAME", default=("imagelock",)),
    Option(name="events", help="Let it write Events on workloads.", is_flag=True),
    Option(name="policy-reports", help="Let it write PolicyReports.", is_flag=True),
    Option(
        name="webhook-secret",
        help="Also serve the admission webhook, with the certificate of this Secret of type kubernetes.io/tls.",
        metavar="NAME",
    ),
    Option(
        name="notify-secret",
        help="Post changes to the address in the key `notify` of this Secret: FORMAT=URL.",
        metavar="NAME",
    ),
)

_MOST = 900 * KIB
_USER = 65534
_PORT, _WEBHOOK_PORT = 8080, 8443
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?", re.ASCII)
_RULES = [
    {
        "apiGroups": [""],
        "resources": ["pods", "podtemplates", "replicationcontrollers", "nodes"],
        "verbs": ["list", "watch"],
    },
    {
        "apiGroups": ["apps"],
        "resources": ["deployments", "statefulsets", "daemonsets", "replicasets"],
        "verbs": ["list", "watch"],
    },
    {"apiGroups": ["batch"], "resources": ["jobs", "cronjobs"], "verbs": ["list", "watch"]},
]
"""What the agent reads."""
_EVENTS = {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}
_REPORTS = {
    "apiGroups": ["wgpolicyk8s.io"],
    "resources": ["policyreports"],
    "verbs": ["create", "get", "patch", "delete"],
}
"""What it writes when it is asked to: nothing that a workload reads."""


def export(lock: Lock, asked: ExportOptions) -> str:
    """Return the objects; raise :class:`UsageError` for a lock that no ConfigMap holds."""
    me, namespace = asked.one("name") or "", asked.one("namespace") or ""
    for option, value in (("--name", me), ("--namespace", namespace)):
        if not _NAME.fullmatch(value):
            raise UsageError(f"{option} {value!r} is not a name", hint="use lower-case letters, digits and -")
    images = "".join(f"{image.image_id}\n" for image in lock.images)
    if not images:
        raise UsageError("the lock is empty, so everything in the cluster would be wrong")
    if len(images) > _MOST:
        raise UsageError("the lock is too large for a ConfigMap", hint="mount it from a volume instead")
    mark = lock_hash(images)
    held = f"{me}-{mark}"
    labels = {"app.kubernetes.io/name": "imagelock", "app.kubernetes.io/instance": me}
    inside = {"namespace": namespace, "labels": labels}
    account = {"kind": "ServiceAccount", "name": me, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": me}
    older = f"app.kubernetes.io/instance={me},app.kubernetes.io/version!={mark}"
    return applied(
        [
            _object("v1", "ServiceAccount", me, inside),
            _object(
                "rbac.authorization.k8s.io/v1", "ClusterRole", me, {"labels": labels}, rules=_rules(asked)
            ),
            _object(
                "rbac.authorization.k8s.io/v1",
                "ClusterRoleBinding",
                me,
                {"labels": labels},
                roleRef=role,
                subjects=[account],
            ),
            _object(
                "v1",
                "ConfigMap",
                held,
                {**inside, "labels": {**labels, "app.kubernetes.io/version": mark}},
                immutable=True,
                data={"images.txt": images},
            ),
            _object("networking.k8s.io/v1", "NetworkPolicy", me, inside, spec=_traffic(labels, asked)),
            _object(
                "apps/v1",
                "Deployment",
                me,
                inside,
                spec={
                    "replicas": 1,
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels, "annotations": _SCRAPED},
                        "spec": _pod(me, held, asked),
                    },
                },
            ),
        ],
        f"configmaps -n {namespace} -l {older}",
    )


_SCRAPED = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": str(_PORT),
    "prometheus.io/path": "/metrics",
}


def _object(version: str, kind: str, called: str, metadata: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": called, **metadata}, **rest}


def _rules(asked: ExportOptions) -> list[dict[str, Any]]:
    more = ((_EVENTS, "events"), (_REPORTS, "policy-reports"))
    return [*_RULES, *(rule for rule, option in more if asked.one(option) is not None)]


def _traffic(labels: dict[str, str], asked: ExportOptions) -> dict[str, Any]:
    """Let anyone in the cluster read the metrics, and the agent reach DNS and API servers."""
    ports = [_PORT, *([_WEBHOOK_PORT] if asked.one("webhook-secret") else [])]
    return {
        "podSelector": {"matchLabels": labels},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": [{"port": port, "protocol": "TCP"} for port in ports]}],
        "egress": [
            {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
            {"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]},
        ],
    }


def _pod(me: str, held: str, asked: ExportOptions) -> dict[str, Any]:
    notify, certificate = asked.one("notify-secret"), asked.one("webhook-secret")
    mounts = [
        {"name": "lock", "mountPath": "/lock", "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - of the container
    ]
    volumes: list[dict[str, Any]] = [
        {"name": "lock", "configMap": {"name": held}},
        {"name": "tmp", "emptyDir": {}},
    ]
    environment: list[dict[str, Any]] = [{"name": "HOME", "value": "/tmp"}]  # noqa: S108 - of the container, an emptyDir
    ports = [{"name": "metrics", "containerPort": _PORT}]
    arguments = ["cluster", "watch", "-o", "json", "--lock-file", "/lock/images.txt"]
    arguments += ["--listen", f"0.0.0.0:{_PORT}"]
    arguments += [f"--{flag}" for flag in ("events", "policy-reports") if asked.one(flag) is not None]
    if certificate is not None:
        arguments += ["--webhook", f"0.0.0.0:{_WEBHOOK_PORT}"]
        arguments += ["--tls-cert", "/tls/tls.crt", "--tls-key", "/tls/tls.key"]
        ports.append({"name": "webhook", "containerPort": _WEBHOOK_PORT})
        mounts.append({"name": "tls", "mountPath": "/tls", "readOnly": True})
        volumes.append({"name": "tls", "secret": {"secretName": certificate}})
    if notify is not None:
        key = {"secretKeyRef": {"name": notify, "key": "notify"}}
        environment.append({"name": "IMAGELOCK_NOTIFY", "valueFrom": key})
    probe = {"port": _PORT, "scheme": "HTTP"}
    container = {
        "name": "agent",
        "image": asked.one("image") or "",
        "args": arguments,
        "env": environment,
        "ports": ports,
        "readinessProbe": {"httpGet": {"path": "/readyz", **probe}},
        "livenessProbe": {
            "httpGet": {"path": "/healthz", **probe},
            "periodSeconds": 30,
            "failureThreshold": 5,
        },
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": mounts,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "serviceAccountName": me,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": volumes,
    }
