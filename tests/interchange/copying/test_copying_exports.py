"""Exports for tools that copy: what they fetch is what the lock says, by digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from imagelock.errors import UsageError
from imagelock.interchange.base import ExportOptions
from imagelock.interchange.copying import hauler, oc_mirror, regsync, skopeo_sync, zarf
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage
from support import peers
from support.world import deployment

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from support.world import World

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")
LOCK = Lock(
    (
        LockedImage(name="docker.io/library/redis", tag="7", digest=ONE),
        LockedImage(name="quay.io/a/app", tag="1.0", digest=TWO),
        LockedImage(name="quay.io/a/app", tag="latest", digest=TWO),
        LockedImage(name="quay.io/a/bare", tag=None, digest=ONE),
    )
)
NAMED = ExportOptions(values={"name": ("shop",)})


def document(export: ModuleType, asked: ExportOptions = NAMED) -> Any:
    return yaml.safe_load(export.export(LOCK, asked))


def test_hauler_fetches_each_digest_once() -> None:
    found = document(hauler)
    assert (found["apiVersion"], found["kind"]) == ("content.hauler.cattle.io/v1", "Images")
    assert found["metadata"] == {"name": "shop"}
    assert [item["name"] for item in found["spec"]["images"]] == [
        f"docker.io/library/redis@{ONE}",
        f"quay.io/a/app@{TWO}",
        f"quay.io/a/bare@{ONE}",
    ]


def test_zarf_keeps_the_tags() -> None:
    found = document(zarf)
    assert (found["kind"], found["metadata"]) == ("ZarfPackageConfig", {"name": "shop"})
    (component,) = found["components"]
    assert component["images"] == [image.image_id for image in LOCK.images]


def test_oc_mirror_takes_every_image_as_an_additional_one() -> None:
    found = document(oc_mirror)
    assert found["apiVersion"] == "mirror.openshift.io/v2alpha1"
    assert {"name": f"quay.io/a/app@{TWO}"} in found["mirror"]["additionalImages"]


def test_regsync_copies_from_a_digest_to_the_mirrors_tag() -> None:
    asked = ExportOptions(values={"mirror": ("mirror.corp:5000/m",), "map": (r"^quay\.io/(.*)=q/$1",)})
    found = document(regsync, asked)
    assert found["version"] == 1
    assert found["sync"][0] == {
        "source": f"docker.io/library/redis@{ONE}",
        "target": "mirror.corp:5000/m/docker.io/library/redis:7",
        "type": "image",
    }
    assert found["sync"][-1]["target"] == f"mirror.corp:5000/m/q/a/bare@{ONE}"


@pytest.mark.parametrize("export", [hauler, zarf])
def test_a_name_that_kubernetes_refuses_is_refused(export: ModuleType) -> None:
    with pytest.raises(UsageError, match="No Name"):
        export.export(LOCK, ExportOptions(values={"name": ("No Name",)}))


@pytest.mark.parametrize("name", ["hauler", "zarf", "oc-mirror"])
def test_what_was_exported_is_no_source_of_the_lock(world: World, name: str) -> None:
    world.push("quay.io/acme/app:1")
    world.write("a.yaml", deployment("quay.io/acme/app:1"))
    world.run("lock")
    world.write(f"{name}.yaml", world.run_plain("export", name, "-C", str(world.root)).out)
    assert {item["file"] for item in world.json("scan").document["references"]} == {"a.yaml"}


def test_skopeo_lists_hosts_repositories_and_digests() -> None:
    assert document(skopeo_sync) == {
        "docker.io": {"images": {"library/redis": [str(ONE)]}},
        "quay.io": {"images": {"a/app": [str(TWO)], "a/bare": [str(ONE)]}},
    }


def test_skopeo_sync_copies_what_the_lock_says(world: World, tmp_path: Path) -> None:
    if not peers.has("skopeo"):
        return
    reference = f"{world.registry.address}/docker.io/acme/app"
    digest = Digest.parse(world.push("docker.io/acme/app:1"))
    lock = Lock((LockedImage(name=reference, tag="1", digest=digest),))
    listed = yaml.safe_load(skopeo_sync.export(lock, ExportOptions()))
    # The registry of the tests speaks plain HTTP, which skopeo wants to hear from the file itself.
    listed[world.registry.address]["tls-verify"] = False
    source, target = tmp_path / "sync.yaml", tmp_path / "copied"
    source.write_text(yaml.safe_dump(listed), encoding="utf-8")
    peers.skopeo("sync", "--all", "--src", "yaml", "--dest", "dir", str(source), str(target))
    (manifest,) = target.rglob("manifest.json")
    assert Digest.of(manifest.read_bytes()) == digest
