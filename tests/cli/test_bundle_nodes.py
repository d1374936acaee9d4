"""What a node makes of a bundle: containerd and podman import it and know each form of a name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.oci_index import CONTAINERD_NAME, REF_NAME
from imagelock.stores.oci_tar import TarStore
from support import containerd, peers

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

NAME = "docker.io/library/nginx"


def _forms(digest: str) -> list[str]:
    return [f"{NAME}:1.25", f"{NAME}@{digest}", f"{NAME}:1.25@{digest}"]


def _create(world: World) -> str:
    """Make ``b.tar`` and ``b`` of one image; return its digest."""
    digest = world.push(f"{NAME}:1.25")
    world.write("images.lock", f"{NAME}:1.25@{digest}\n")
    for name in ("b.tar", "b"):
        assert world.run_plain("bundle", "create", "-C", str(world.root), name).code == 0
    return digest


def test_the_index_has_each_form_of_a_name_and_no_name_for_the_lock(world: World) -> None:
    digest = _create(world)
    index = json.loads((world.root / "b" / "index.json").read_bytes())
    names = [one["annotations"].get(CONTAINERD_NAME) for one in index["manifests"]]
    assert [name for name in names if name] == _forms(digest)
    assert [one["annotations"].get(REF_NAME) for one in index["manifests"]] == names
    assert len(index["manifests"]) == 4  # The lock is there, without a name that others read.


if containerd.runs_here():

    def test_containerd_imports_a_bundle_and_has_the_image_by_each_name(world: World) -> None:
        digest = _create(world)
        with containerd.Containerd() as daemon:
            daemon.ctr("images", "import", "--snapshotter", "native", str(world.root / "b.tar"))
            assert sorted(daemon.ctr("images", "ls", "-q").split()) == sorted(_forms(digest))

    def test_containerd_pulls_each_form_from_serve_as_the_export_says(world: World, tmp_path: Path) -> None:
        digest = _create(world)
        with (
            containerd.Containerd() as daemon,
            EmbeddedRegistry(TarStore(world.root / "b.tar"), writable=False) as site,
        ):
            text = world.run_plain(
                "export", "containerd-hosts", "-C", str(world.root), "--mirror", f"http://{site.address}"
            ).out
            hosts = tmp_path / "certs.d" / "docker.io"
            hosts.mkdir(parents=True)
            (hosts / "hosts.toml").write_text(text)
            for form in _forms(digest)[:2]:
                daemon.ctr(
                    "images", "pull", "--snapshotter", "native", "--hosts-dir", str(hosts.parent), form
                )


if peers.has("skopeo"):

    def test_skopeo_reads_each_form_from_a_bundle(world: World) -> None:
        digest = _create(world)
        for form in _forms(digest):
            for place in (f"oci:{world.root / 'b'}", f"oci-archive:{world.root / 'b.tar'}"):
                raw = peers.skopeo("inspect", "--raw", f"{place}:{form}")
                assert raw == (world.root / "b/blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()
