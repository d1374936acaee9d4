"""``imagelock mirror`` from end to end: digests, tags, conflicts, shards, and what a killed run leaves."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.registry.client import RegistryClient
from support import peers
from support.killing import killed_at_random_times, listed
from support.world import MULTI

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import AnyRegistry
    from support.world import World

NAMES = ("docker.io/library/nginx:1.25", "quay.io/team/app:2", "quay.io/team/tool:7")


@pytest.fixture
def digests(world: World) -> dict[str, str]:
    """Give the world three images in its lock; return their digests."""
    found = {name: world.push(name) for name in NAMES}
    world.write("images.lock", "".join(f"{name}@{digest}\n" for name, digest in found.items()))
    return found


def file_lock(registry: AnyRegistry, name: str) -> str:
    """Return the digest a reference has in a registry, by skopeo where it is installed."""
    reference = f"{registry.address}/{name}"
    if peers.has("skopeo"):
        raw = peers.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{reference}")
        return f"sha256:{hashlib.sha256(raw).hexdigest()}"
    with RegistryClient() as client:
        repository, _, tag = reference.rpartition(":")
        return str(client.get_manifest(repository, tag).digest)


def test_images_keep_their_names_tags_and_digests(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry
) -> None:
    result = world.run("mirror", "--to", peer_registry.address)
    assert (result.code, result.out.count("copied")) == (0, 3)
    for name, digest in digests.items():
        assert file_lock(peer_registry, name) == digest


def test_a_second_run_has_nothing_to_do(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry
) -> None:
    world.run("mirror", "--to", peer_registry.address)
    world.asked()
    again = world.json("mirror", "--to", peer_registry.address)
    assert (again.code, again.document["summary"]["there_already"], again.document["changes"]) == (0, 3, [])
    assert not [one for one in world.asked() if "/blobs/" in one.path]
    world.json("mirror", "--to", peer_registry.address, "--no-referrers")
    assert world.asked() == []


def test_a_dry_run_tells_and_writes_nothing(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry
) -> None:
    dry = world.json("mirror", "--to", peer_registry.address, "--dry-run")
    assert (dry.code, dry.document["summary"]["to_copy"], len(dry.document["changes"])) == (0, 3, 3)
    assert world.json("mirror", "--to", peer_registry.address).document["summary"]["copied"] == 3


def test_an_entry_without_a_tag_gets_one_that_keeps_it(world: World, peer_registry: AnyRegistry) -> None:
    digest = world.push("quay.io/team/app:floating")
    world.write("images.lock", f"quay.io/team/app@{digest}\n")
    assert world.run("mirror", "--to", peer_registry.address).code == 0
    assert file_lock(peer_registry, f"quay.io/team/app:imagelock-{digest[7:19]}") == digest


def test_map_gives_other_paths(world: World, digests: dict[str, str], peer_registry: AnyRegistry) -> None:
    rule = "docker.io/library/(.*)=base/$1"
    world.run("mirror", "--to", f"{peer_registry.address}/m", "--map", rule)
    assert file_lock(peer_registry, "m/base/nginx:1.25") == digests[NAMES[0]]
    assert file_lock(peer_registry, "m/quay.io/team/app:2") == digests[NAMES[1]]


def test_a_tag_that_is_another_image_is_refused_and_the_others_are_done(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry
) -> None:
    with RegistryClient() as client:
        other = push_sample(client, f"{peer_registry.address}/quay.io/team/app", "2", sample_image("other"))
    result = world.json("mirror", "--to", peer_registry.address)
    assert (result.code, result.codes) == (1, ["IL401"])
    assert result.document["summary"] == {
        "images": 3,
        "copied": 2,
        "there_already": 0,
        "conflicts": 1,
        "failed": 0,
        "could_not_tell": 0,
        "held_back": 0,
    }
    assert file_lock(peer_registry, "quay.io/team/app:2") == str(other)
    moved = world.json("mirror", "--to", peer_registry.address, "--move", "quay.io/team/app:2")
    assert (moved.code, moved.document["summary"]["copied"]) == (0, 1)
    assert file_lock(peer_registry, "quay.io/team/app:2") == digests[NAMES[1]]


def test_an_image_that_is_gone_fails_and_the_others_are_done(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry
) -> None:
    world.write("images.lock", world.read("images.lock") + f"quay.io/team/gone:1@sha256:{7:064d}\n")
    result = world.json("mirror", "--to", peer_registry.address)
    assert (result.code, result.codes) == (1, ["IL303"])
    assert (result.document["summary"]["copied"], result.document["summary"]["failed"]) == (3, 1)


def test_a_registry_that_is_down_is_not_to_be_told(world: World, digests: dict[str, str]) -> None:
    result = world.json("mirror", "--to", f"127.0.0.1:{peers.dead_port()}", "--retry-time", "0")
    assert (result.code, set(result.codes)) == (3, {"IL302"})
    assert result.document["summary"]["could_not_tell"] == 3


def test_shards_are_disjoint_and_whole(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry
) -> None:
    done = [
        world.json("mirror", "--to", peer_registry.address, "--shard", f"{i}/3").document["changes"]
        for i in range(3)
    ]
    names = [change["reference"] for part in done for change in part]
    assert len(names) == len(set(names)) == 3
    assert world.json("mirror", "--to", peer_registry.address).document["summary"]["there_already"] == 3


def test_one_platform_alone_is_told_when_the_registry_refuses_it(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry
) -> None:
    result = world.json("mirror", "--to", peer_registry.address, "--platform", "linux/arm64")
    assert (result.code, set(result.codes)) == (1, {"IL307"})
    child = sample_image(f"{NAMES[1]} ", MULTI).children[1].digest
    assert file_lock(peer_registry, f"quay.io/team/app:imagelock-{child.short}") == str(child)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "not a registry"),
        ("--to", "localregistry"),
        ("--to", "r.example", "--shard", "3/3"),
        ("--to", "r.example", "--map", "(=x"),
        ("--to", "r.example", "--map", "docker.io/.*=one", "--map", "quay.io/.*=one"),
        ("--to", "r.example", "--move", "quay.io/team/none:1"),
        ("--to", "r.example", "--offline"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    world: World, digests: dict[str, str], arguments: tuple[str, ...]
) -> None:
    world.write("images.lock", world.read("images.lock").replace(":7@", ":2@"))
    assert world.run("mirror", *arguments).code == 2


def test_a_killed_mirror_goes_on_and_ends_the_same(
    world: World, peer_registry: AnyRegistry, tmp_path: Path
) -> None:
    images = listed(world, 5)
    command = ["mirror", "--to", peer_registry.address]
    killed_at_random_times(world, command, times=5)
    last = world.json(*command)
    assert last.code == 0
    summary = last.document["summary"]
    assert summary["copied"] + summary["there_already"] == summary["images"] == len(images)
    for name, digest in images.items():
        assert file_lock(peer_registry, name) == digest
