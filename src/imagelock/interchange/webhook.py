"""A ValidatingWebhookConfiguration and a Service for ``imagelock cluster watch --webhook``.

For locks that are too long for a policy: the webhook looks a digest up, whatever the lock's size.
Follows admissionregistration.k8s.io/v1, and cert-manager's annotation for certificate authorities.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from imagelock.errors import UsageError
from imagelock.interchange.admission_scope import NAME, NAMESPACE, SCOPE, checked, match_constraints, selector
from imagelock.interchange.base import Option
from imagelock.interchange.mirrors import applied

if TYPE_CHECKING:
    from imagelock.interchange.base import ExportOptions
    from imagelock.model.lock import Lock

name = "webhook"
summary = "the registration of the agent's admission webhook (`cluster watch --webhook`)"
is_marked = True
options: tuple[Option, ...] = (
    *SCOPE,
    Option(
        name="failure-policy",
        help="What the API server does when the webhook does not answer: refuse, or let everything through.",
        default=("Fail",),
        choices=("Fail", "Ignore"),
    ),
    Option(name="ca-bundle", help="The certificate authority as PEM, in Base64.", metavar="BASE64"),
    Option(
        name="cert-manager",
        help="Let cert-manager fill in the authority of this Certificate.",
        metavar="NAMESPACE/NAME",
    ),
    Option(name="port", help="The port that the agent listens on.", metavar="PORT", default=("8443",)),
    Option(
        name="name",
        help="The name of the objects and of the agent.",
        metavar="NAME",
        default=("imagelock-agent",),
    ),
    Option(
        name="agent-namespace", help="The namespace of the agent.", metavar="NAME", default=("imagelock",)
    ),
)


def export(lock: Lock, asked: ExportOptions) -> str:  # noqa: ARG001 - the protocol's signature; the agent has the lock
    """Return Service and registration; raise :class:`UsageError` without a certificate authority."""
    me = checked(asked.one("name") or "", "--name", NAME)
    namespace = checked(asked.one("agent-namespace") or "", "--agent-namespace", NAMESPACE)
    port = asked.one("port") or ""
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UsageError(f"--port {port!r} is not a port")
    authority, annotations = _authority(asked)
    labels = {"app.kubernetes.io/name": "imagelock", "app.kubernetes.io/instance": me}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": me, "namespace": namespace, "labels": labels},
        "spec": {
            "selector": dict(labels),
            "ports": [{"name": "webhook", "port": 443, "targetPort": int(port)}],
        },
    }
    matched = match_constraints(selector(asked))
    webhook = {
        "name": "lock.imagelock.dev",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 5,
        "failurePolicy": asked.one("failure-policy") or "Fail",
        "matchPolicy": matched["matchPolicy"],
        "namespaceSelector": matched["namespaceSelector"],
        "rules": matched["resourceRules"],
        "clientConfig": {
            "service": {"name": me, "namespace": namespace, "path": "/", "port": 443},
            **authority,
        },
    }
    registration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": me, "labels": dict(labels), **annotations},
        "webhooks": [webhook],
    }
    return applied([service, registration])


def _authority(asked: ExportOptions) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the client configuration and the metadata say of the certificate authority."""
    bundle, certificate = asked.one("ca-bundle"), asked.one("cert-manager")
    if (bundle is None) == (certificate is None):
        raise UsageError(
            "give either --ca-bundle or --cert-manager", hint="the API server must know whom to trust"
        )
    if certificate is not None:
        if certificate.count("/") != 1:
            raise UsageError(f"--cert-manager {certificate!r} is not NAMESPACE/NAME")
        return {}, {"annotations": {"cert-manager.io/inject-ca-from": certificate}}
    try:
        decoded = base64.b64decode(bundle or "", validate=True)
    except binascii.Error as error:
        raise UsageError("--ca-bundle is not Base64", hint="base64 -w0 ca.crt") from error
    if b"-----BEGIN CERTIFICATE-----" not in decoded:
        raise UsageError("--ca-bundle is no certificate in PEM", hint="base64 -w0 ca.crt")
    return {"caBundle": bundle}, {}
