"""A real API server, where ``KUBE_APISERVER`` or ``KUBECONFIG`` says one may be tried, and a namespace of its own in it.

``KUBE_APISERVER`` is an address; ``KUBE_TOKEN`` its bearer token and ``KUBE_CA`` the file of its authority, where it
needs them.  A server that is not on this machine is tried only with ``IMAGELOCK_TEST_CLUSTER=yes``: a kubeconfig in the
environment may be that of production.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from imagelock.cluster.api import Access, connect, write_object
from imagelock.errors import ClusterError, ImagelockError
from support import peers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.cluster.api import Server

NAME = "a Kubernetes API server (KUBE_APISERVER or KUBECONFIG)"
_LOCAL = ("127.0.0.1", "::1", "localhost")
_PLACES = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Pod": "/api/v1/namespaces/{}/pods",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Service": "/api/v1/namespaces/{}/services",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "ValidatingAdmissionPolicy": "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": (
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
    ),
    "ValidatingWebhookConfiguration": (
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    ),
}


class RealCluster:
    """A namespace in a real cluster; everything that is applied through it is removed with it."""

    def __init__(self, server: Server, kubeconfig: str) -> None:
        self.server = server
        self.kubeconfig = kubeconfig
        self.mark = f"imagelock-test-{secrets.token_hex(4)}"
        self._applied: list[str] = []

    def apply(self, item: dict[str, Any], *, dry_run: bool = False) -> None:
        """Apply as ``kubectl apply --server-side`` does; raise :class:`ClusterError` with the server's words."""
        path = self._path(item)
        query = "?fieldManager=imagelock-tests&force=true" + ("&dryRun=All" if dry_run else "")
        write_object(
            self.server, "PATCH", path + query, json.dumps(item).encode(), "application/apply-patch+yaml"
        )
        if not dry_run and path not in self._applied:
            self._applied.append(path)

    def refusal(self, item: dict[str, Any]) -> str | None:
        """Return why an object is refused; None when it is taken.  Nothing is kept."""
        try:
            self.apply(item, dry_run=True)
        except ClusterError as error:
            return error.message
        return None

    def remove(self) -> None:
        """Remove everything that was applied, last things first."""
        for path in reversed(self._applied):
            with contextlib.suppress(ImagelockError):
                write_object(self.server, "DELETE", f"{path}?gracePeriodSeconds=0", b"")

    def _path(self, item: dict[str, Any]) -> str:
        metadata = item["metadata"]
        place = _PLACES[item["kind"]].format(metadata.get("namespace", self.mark))
        return f"{place}/{metadata['name']}"


def why_not() -> str | None:
    """Return why no real cluster is tried; None when one is."""
    address = _address()
    if address is None:
        return "neither KUBE_APISERVER nor KUBECONFIG names an API server"
    if urlsplit(address).hostname not in _LOCAL and os.environ.get("IMAGELOCK_TEST_CLUSTER") != "yes":
        return f"{address} is not on this machine: IMAGELOCK_TEST_CLUSTER=yes allows to write into it"
    return None


def _address() -> str | None:
    given = os.environ.get("KUBE_APISERVER")
    if given:
        return given
    if not os.environ.get("KUBECONFIG"):
        return None
    with contextlib.suppress(ImagelockError), connect(Access()) as server:
        return server.address
    return None


@contextlib.contextmanager
def real_cluster(folder: Path) -> Iterator[RealCluster]:
    """Open the cluster, with a namespace that is removed in the end."""
    kubeconfig = _kubeconfig(folder)
    with connect(Access(kubeconfig=kubeconfig)) as server:
        cluster = RealCluster(server, kubeconfig)
        labels = {"imagelock-test": cluster.mark, "pod-security.kubernetes.io/enforce": "restricted"}
        cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": cluster.mark, "labels": labels}}
        )
        try:
            # A bare API server has no controller that makes it, and refuses pods without.
            cluster.apply(
                {
                    "apiVersion": "v1",
                    "kind": "ServiceAccount",
                    "metadata": {"name": "default", "namespace": cluster.mark},
                }
            )
            yield cluster
        finally:
            cluster.remove()


def missed(reason: str) -> str:
    """Note that nothing was tried on a real cluster, and return the reason."""
    peers.MISSING.add(NAME)
    return reason


def _kubeconfig(folder: Path) -> str:
    """Return a kubeconfig for the address that was given, or the one of the environment."""
    address = os.environ.get("KUBE_APISERVER")
    if not address:
        return os.environ["KUBECONFIG"]
    authority = os.environ.get("KUBE_CA")
    trust: dict[str, Any] = (
        {"certificate-authority": str(Path(authority).resolve())}
        if authority
        else {"insecure-skip-tls-verify": True}
    )
    if not authority:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "c", "cluster": {"server": address, **trust}}],
        "users": [{"name": "u", "user": {"token": os.environ.get("KUBE_TOKEN", "none")}}],
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
    }
    path = folder / "real.kubeconfig"
    path.write_text(json.dumps(config), encoding="utf-8")
    return str(path)
