"""The agent's lock from a ConfigMap object and from an OCI artifact, against servers that speak both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from imagelock.cluster.api import Access, connect
from imagelock.errors import ClusterError, LockError, NotFoundError, UsageError
from imagelock.lockfile.writer import render_lock
from imagelock.model.digest import Digest
from imagelock.model.manifest import OCI_MANIFEST, Descriptor
from imagelock.service.agent.lock_source import lock_source
from imagelock.stores.base import Content
from imagelock.stores.memory import MemoryStore
from support.apiserver import ApiServer, Wrong
from support.kube import LOCK, WEB, pinned

if TYPE_CHECKING:
    from pathlib import Path

    from imagelock.service.agent.run import CurrentLock

PATH = "/api/v1/namespaces/imagelock/configmaps/lock"


def from_config_map(tmp_path: Path, data: dict[str, str], source: str) -> CurrentLock:
    with ApiServer() as server:
        server.singles[PATH] = json.dumps({"kind": "ConfigMap", "data": data}).encode()
        with connect(Access(kubeconfig=server.kubeconfig(tmp_path / "config"))) as api:
            return lock_source(source, api, MemoryStore())()


def test_a_config_map_holds_a_lock_or_a_list(tmp_path: Path) -> None:
    whole = from_config_map(tmp_path, {"images.lock": render_lock(LOCK)}, "configmap:imagelock/lock")
    assert whole.lock == LOCK
    data = {"a": f"{pinned(WEB)}\n", "b": "x"}
    listed = from_config_map(tmp_path, data, "configmap:imagelock/lock/a")
    assert [image.reference for image in listed.lock.images] == [WEB.reference]
    assert listed.sha256 != whole.sha256


@pytest.mark.parametrize(
    ("data", "source"),
    [
        ({}, "configmap:imagelock/lock"),
        ({"a": "x", "b": "y"}, "configmap:imagelock/lock"),
        ({"a": f"{pinned(WEB)}\n"}, "configmap:imagelock/lock/b"),
        ({"a": "\n"}, "configmap:imagelock/lock"),
    ],
)
def test_a_config_map_without_a_lock_is_an_error(tmp_path: Path, data: dict[str, str], source: str) -> None:
    with pytest.raises(LockError):
        from_config_map(tmp_path, data, source)


def test_a_config_map_that_may_not_be_read_is_an_error_with_the_reason(tmp_path: Path) -> None:
    with ApiServer() as server:
        server.wrong[PATH] += [Wrong(403)]
        with connect(Access(kubeconfig=server.kubeconfig(tmp_path / "config"))) as api:
            read = lock_source("configmap:imagelock/lock", api, MemoryStore())
            with pytest.raises(ClusterError, match="forbidden"):
                read()


@pytest.mark.parametrize(
    "text",
    ["file:x", "configmap:x", "configmap:/x", "oci:quay.io/a/lock:1", "oci:Not A Name", ""],
)
def test_what_names_no_source_is_refused(tmp_path: Path, text: str) -> None:
    with (
        ApiServer() as server,
        connect(Access(kubeconfig=server.kubeconfig(tmp_path / "config"))) as api,
        pytest.raises(UsageError),
    ):
        lock_source(text, api, MemoryStore())


def artifact(store: MemoryStore, *layers: bytes) -> Digest:
    """Push an artifact as oras makes it."""
    described = []
    for data in (b"{}", *layers):
        digest = Digest.of(data)
        kind = "application/vnd.oci.empty.v1+json" if data == b"{}" else "application/toml"
        one = Descriptor(media_type=kind, digest=digest, size=len(data))
        store.put_blob("quay.io/acme/lock", one, iter((data,)))
        described.append({"mediaType": kind, "digest": str(digest), "size": len(data)})
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": "application/vnd.imagelock.lock",
            "config": described[0],
            "layers": described[1:],
        }
    ).encode()
    content = Content(body=body, digest=Digest.of(body), media_type=OCI_MANIFEST, host="here")
    store.put_manifest("quay.io/acme/lock", content)
    return content.digest


def test_an_artifact_is_read_once_by_its_digest(tmp_path: Path) -> None:
    store = MemoryStore()
    digest = artifact(store, render_lock(LOCK).encode())
    with ApiServer() as server, connect(Access(kubeconfig=server.kubeconfig(tmp_path / "config"))) as api:
        read = lock_source(f"oci:quay.io/acme/lock@{digest}", api, store)
        first = read()
        assert first.lock == LOCK
        assert read() is first


def test_an_artifact_that_is_no_lock_or_not_there_is_an_error(tmp_path: Path) -> None:
    store = MemoryStore()
    two = artifact(store, b"a", b"b")
    with ApiServer() as server, connect(Access(kubeconfig=server.kubeconfig(tmp_path / "config"))) as api:
        with pytest.raises(LockError, match="one file"):
            lock_source(f"oci:quay.io/acme/lock@{two}", api, store)()
        with pytest.raises(NotFoundError):
            lock_source(f"oci:quay.io/acme/lock@{Digest.of(b'x')}", api, store)()
