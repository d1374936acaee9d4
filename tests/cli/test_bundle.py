"""``imagelock bundle`` from end to end: create, verify, list, load, and other tools' eyes on it."""

from __future__ import annotations

import hashlib
import json
import random
import resource
import subprocess
import sys
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import sample_image
from imagelock.model.digest import Digest
from imagelock.model.manifest import FOREIGN_LAYER_TYPES, Descriptor
from imagelock.registry.client import RegistryClient
from imagelock.stores.oci_layout import LayoutStore
from support import peers
from support.killing import killed_at_random_times, listed
from support.world import MULTI

if TYPE_CHECKING:
    from conftest import AnyRegistry
    from support.world import World

NAMES = ("docker.io/library/nginx:1.25", "quay.io/team/app:2", "quay.io/team/tool:7")


@pytest.fixture
def digests(world: World) -> dict[str, str]:
    """Give the world three images in its lock; return their digests."""
    found = {name: world.push(name) for name in NAMES}
    write_lock(world, found)
    return found


def write_lock(world: World, images: dict[str, str], name: str = "images.lock") -> None:
    world.write(name, "".join(f"{one}@{digest}\n" for one, digest in images.items()))


def bundle(world: World, verb: str, *arguments: str) -> tuple[int, dict[str, object], list[str]]:
    result = world.run_plain("bundle", verb, "-C", str(world.root), "-o", "json", *arguments)
    if not result.out:
        return result.code, {}, []
    document = result.document
    return result.code, document["summary"], [one["code"] for one in document.get("findings", [])]


def sha256(world: World, name: str) -> str:
    return hashlib.sha256((world.root / name).read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["b.tar", "b"])
def test_a_bundle_carries_the_lock_to_an_empty_registry(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry, name: str
) -> None:
    assert bundle(world, "create", name)[0] == 0
    assert bundle(world, "verify", name)[0] == 0
    world.asked()
    code, summary, _ = bundle(world, "load", name, "--to", peer_registry.address)
    assert (code, summary["copied"]) == (0, 3)
    assert world.asked() == []
    with RegistryClient() as client:
        for reference, digest in digests.items():
            repository, _, tag = reference.rpartition(":")
            assert str(client.get_manifest(f"{peer_registry.address}/{repository}", tag).digest) == digest
    code, summary, _ = bundle(world, "load", name, "--to", peer_registry.address)
    assert (code, summary["there_already"]) == (0, 3)


def test_the_same_lock_gives_the_same_tar(world: World, digests: dict[str, str]) -> None:
    bundle(world, "create", "a.tar", "-j", "1")
    bundle(world, "create", "b.tar", "-j", "16")
    write_lock(world, dict(reversed(digests.items())), "other.txt")
    bundle(world, "create", "c.tar", "--lock-file", "other.txt")
    assert sha256(world, "a.tar") == sha256(world, "b.tar") == sha256(world, "c.tar")


@pytest.mark.parametrize("name", ["b.tar", "b"])
def test_making_it_again_fetches_no_blob(world: World, digests: dict[str, str], name: str) -> None:
    bundle(world, "create", name)
    world.asked()
    code, summary, _ = bundle(world, "create", name)
    assert (code, summary["there_already"]) == (0, 3)
    assert [one for one in world.asked() if "/blobs/" in one.path] == []


def test_the_list_names_images_platforms_and_what_is_left_out(world: World, digests: dict[str, str]) -> None:
    bundle(world, "create", "b.tar", "--platform", "linux/amd64")
    result = world.run_plain("bundle", "list", "-C", str(world.root), "b.tar", "-o", "json")
    found = {f"{one['name']}:{one['tag']}": one for one in result.document["images"]}
    assert {name: one["digest"] for name, one in found.items()} == digests
    assert found[NAMES[0]]["platforms"] == ["linux/amd64"]
    assert found[NAMES[0]]["left_out"] == ["linux/arm64/v8"]


@pytest.mark.parametrize("name", ["b.tar", "b"])
def test_skopeo_and_umoci_read_it(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry, name: str
) -> None:
    bundle(world, "create", name)
    if not (peers.has("skopeo") and peers.has("umoci")):
        return
    kind = "oci-archive" if name.endswith(".tar") else "oci"
    for reference, digest in digests.items():
        raw = peers.skopeo("inspect", "--raw", f"{kind}:{world.root / name}:{reference}")
        assert f"sha256:{hashlib.sha256(raw).hexdigest()}" == digest
        peers.skopeo(
            "copy",
            "--all",
            "--preserve-digests",
            "--dest-tls-verify=false",
            f"{kind}:{world.root / name}:{reference}",
            f"docker://{peer_registry.address}/{reference}",
        )
    if kind == "oci":
        tags = peers.run("umoci", "ls", "--layout", str(world.root / name)).decode().split()
        assert set(digests) <= set(tags)
        peers.run("umoci", "gc", "--layout", str(world.root / name))
        assert bundle(world, "verify", name)[0] == 0


@pytest.mark.parametrize("name", ["b.tar", "b"])
def test_one_platform_keeps_the_index_and_says_what_is_missing(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry, name: str
) -> None:
    bundle(world, "create", name, "--platform", "linux/arm64")
    code, summary, _ = bundle(world, "verify", name)
    assert (code, summary["good"], summary["children_left_out"]) == (0, 3, 3)
    code, summary, codes = bundle(world, "load", name, "--to", peer_registry.address)
    assert (code, set(codes), summary["failed"]) == (1, {"IL307"}, 3)
    target = LayoutStore(world.root / "whole")
    assert target.repositories() == ()


def test_a_platform_nobody_has_is_told(world: World, digests: dict[str, str]) -> None:
    code, summary, codes = bundle(world, "create", "b.tar", "--platform", "linux/s390x")
    assert (code, set(codes), summary["failed"]) == (1, {"IL106"}, 3)
    assert not (world.root / "b.tar").exists()


def test_since_carries_only_what_is_new(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry
) -> None:
    bundle(world, "create", "old.tar")
    write_lock(world, digests, "old.txt")
    new = {"quay.io/team/new:1": world.push_as("quay.io/team/new:1", f"{NAMES[1]} ")}
    new["quay.io/team/own:1"] = world.push("quay.io/team/own:1")
    write_lock(world, {**digests, **new})
    code, summary, _ = bundle(world, "create", "delta.tar", "--since", "old.txt")
    assert (code, summary["images"]) == (0, 2)
    code, summary, _ = bundle(world, "verify", "delta.tar")
    assert (code, summary["images_left_out"]) == (0, 3)
    blobs = {name for name in names(world, "delta.tar") if name.startswith("blobs")}
    shared = {f"blobs/sha256/{blob.digest.hex}" for blob, _ in sample_image(f"{NAMES[1]} ", MULTI).blobs}
    assert not blobs & shared

    to = ("--to", peer_registry.address)
    code, summary, codes = bundle(world, "load", "delta.tar", *to)
    assert (code, set(codes), summary["failed"]) == (1, {"IL306"}, 4)
    assert bundle(world, "load", "old.tar", *to)[0] == 0
    code, summary, _ = bundle(world, "load", "delta.tar", *to)
    assert (code, summary["copied"] + summary["there_already"]) == (0, 5)  # type: ignore[operator] # counts
    with RegistryClient() as client:
        found = client.get_manifest(f"{peer_registry.address}/quay.io/team/new", "1")
    assert str(found.digest) == new["quay.io/team/new:1"]


def names(world: World, name: str) -> list[str]:
    with tarfile.open(world.root / name) as archive:
        return archive.getnames()


def test_every_flipped_byte_is_found_by_verify_and_refused_by_load(
    world: World, digests: dict[str, str], peer_registry: AnyRegistry
) -> None:
    bundle(world, "create", "b.tar")
    good = (world.root / "b.tar").read_bytes()
    dice = random.Random(7)
    for turn in range(12):
        data = bytearray(good)
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        world.write("bad.tar", bytes(data))
        code, _, codes = bundle(world, "verify", "bad.tar")
        assert code in {1, 2}
        assert not codes or set(codes) <= {"IL305", "IL306"}
        if turn < 4:
            assert bundle(world, "load", "bad.tar", "--to", f"{peer_registry.address}/t{turn}")[0] != 0


def test_every_byte_beside_the_blobs_counts_too(world: World, digests: dict[str, str]) -> None:
    bundle(world, "create", "b.tar")
    good = (world.root / "b.tar").read_bytes()
    with tarfile.open(world.root / "b.tar") as archive:
        places = [(one.offset_data, one.size) for one in archive if one.name in {"index.json", "oci-layout"}]
    assert len(places) == 2
    for start, size in places:
        for at in range(start, start + size, max(size // 40, 1)):
            data = bytearray(good)
            data[at] ^= 1
            world.write("bad.tar", bytes(data))
            assert bundle(world, "verify", "bad.tar")[0] == 1


@pytest.mark.parametrize(
    "kind", ["link to a blob", "link beside", "wrong bytes", "wrong name", "folder behind a link"]
)
def test_verify_refuses_links_and_files_that_are_not_their_name(
    world: World, digests: dict[str, str], kind: str
) -> None:
    assert bundle(world, "create", "b")[0] == 0
    folder = world.root / "b" / "blobs" / "sha256"
    blob, _ = sample_image(f"{NAMES[2]} ", MULTI).blobs[-1]
    if kind == "link to a blob":
        (folder / blob.digest.hex).rename(world.root / "elsewhere")
        (folder / blob.digest.hex).symlink_to(world.root / "elsewhere")
    elif kind == "link beside":
        (folder / ("0" * 64)).symlink_to("/etc/hostname")
    elif kind == "folder behind a link":
        folder.rename(world.root / "elsewhere")
        folder.symlink_to(world.root / "elsewhere")
    else:
        (folder / ("0" * 64 if kind == "wrong bytes" else "notes.txt")).write_text("mine")
    code, _, codes = bundle(world, "verify", "b")
    assert code == 1
    assert "IL305" in codes


def test_a_damaged_blob_in_a_directory_is_named_and_made_good_again(
    world: World, digests: dict[str, str]
) -> None:
    bundle(world, "create", "b")
    blob, data = sample_image(f"{NAMES[2]} ", MULTI).blobs[-1]
    path = world.root / "b" / "blobs" / "sha256" / blob.digest.hex
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    result = world.run_plain("bundle", "verify", "-C", str(world.root), "b")
    assert result.code == 1
    assert f"{NAMES[2]}: the blob {blob.digest} is damaged" in result.out
    path.unlink()
    assert bundle(world, "verify", "b")[2] == ["IL306"]
    world.asked()
    bundle(world, "create", "b")
    assert len([one for one in world.asked() if one.method == "GET" and "/blobs/" in one.path]) == 1
    assert bundle(world, "verify", "b")[0] == 0


def test_a_failing_image_leaves_no_bundle(world: World, digests: dict[str, str]) -> None:
    write_lock(world, {**digests, "quay.io/team/gone:1": f"sha256:{7:064d}"})
    code, summary, codes = bundle(world, "create", "b.tar")
    assert (code, codes, summary["failed"], summary["held_back"]) == (1, ["IL303"], 1, 3)
    assert not (world.root / "b.tar").exists()
    assert bundle(world, "create", "b")[0] == 1
    assert not (world.root / "b" / "index.json").exists()


def test_a_directory_of_another_release_is_not_changed(world: World, digests: dict[str, str]) -> None:
    bundle(world, "create", "b")
    write_lock(world, {**digests, NAMES[1]: world.push(NAMES[1], "moved")})
    result = world.run_plain("bundle", "create", "-C", str(world.root), "b")
    assert result.code == 1
    assert "create the bundle in a new directory" in result.out
    assert bundle(world, "verify", "b")[0] == 0


def test_a_layout_of_another_tool_is_no_bundle(world: World) -> None:
    LayoutStore(world.root / "empty")
    assert bundle(world, "verify", "empty")[::2] == (1, ["IL306"])
    assert bundle(world, "load", "empty", "--to", "127.0.0.1:1")[0] == 2
    assert bundle(world, "verify", "nothing.tar")[0] == 2


@pytest.mark.parametrize("naming", ["full", "epiphany"])
def test_docker_archives_are_read_by_skopeo(world: World, digests: dict[str, str], naming: str) -> None:
    options = ("--archive", "docker-archive", "--naming", naming, "--platform", "linux/amd64")
    code, summary, _ = bundle(world, "create", "images", *options)
    assert (code, summary["copied"]) == (0, 3)
    files = sorted(path.name for path in (world.root / "images").iterdir())
    (world.root / "out").mkdir()
    if naming == "epiphany":
        assert files == ["app-2.tar", "nginx-1.25.tar", "tool-7.tar"]
    for name in files if peers.has("skopeo") else ():
        path = world.root / "images" / name
        config = json.loads(peers.skopeo("inspect", "--config", f"docker-archive:{path}"))
        assert config["architecture"] == "amd64"
        peers.skopeo("copy", f"docker-archive:{path}", f"dir:{world.root / 'out' / name}")
    again = bundle(world, "create", "images", *options)
    assert (again[0], again[1]["there_already"]) == (0, 3)


def test_file_names_that_collide_are_refused(world: World) -> None:
    images = {name: world.push(name) for name in ("quay.io/a/app:1", "quay.io/b/app:1")}
    write_lock(world, images)
    options = ("--archive", "docker-archive", "--platform", "linux/amd64")
    assert bundle(world, "create", "images", *options, "--naming", "epiphany")[0] == 2
    assert bundle(world, "create", "images", *options)[0] == 0


def test_an_archive_of_several_platforms_is_refused(world: World, digests: dict[str, str]) -> None:
    assert bundle(world, "create", "images", "--archive", "docker-archive")[0] == 2


@pytest.mark.parametrize("name", ["b.tar", "b"])
def test_a_killed_bundle_goes_on_and_ends_the_same(world: World, name: str) -> None:
    images = listed(world, 6)
    bundle(world, "create", f"undisturbed{name[1:]}")
    world.asked()
    killed_at_random_times(world, ["bundle", "create", str(world.root / name)], times=6)
    world.asked()
    code, summary, _ = bundle(world, "create", name)
    assert (code, summary["copied"] + summary["there_already"]) == (0, len(images))  # type: ignore[operator] # counts
    fetched = [one.path for one in world.asked() if "/blobs/" in one.path]
    assert len(fetched) == len(set(fetched))
    assert bundle(world, "verify", name)[0] == 0
    if name.endswith(".tar"):
        assert sha256(world, name) == sha256(world, "undisturbed.tar")
    else:
        assert contents(world, name) == contents(world, "undisturbed")
    assert not [
        path for path in world.root.rglob("*") if "imagelock-part" in path.name or "upload" in path.name
    ]


def contents(world: World, name: str) -> dict[str, bytes]:
    root = world.root / name
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_large_blob_does_not_fill_the_memory(world: World) -> None:
    from support.killing import _push  # noqa: PLC0415 - the one image of its kind

    blob = random.Random(3).randbytes(1_000_000) * 64
    digest = _push(world, "quay.io/team/large", (blob,))
    write_lock(world, {"quay.io/team/large:1": str(digest)})
    small = _peak(world, "--version")
    for arguments in (
        ("bundle", "create", "b.tar"),
        ("bundle", "create", "b"),
        ("bundle", "verify", "b.tar"),
    ):
        assert _peak(world, *arguments, "-C", str(world.root)) - small < 60_000


def _peak(world: World, *arguments: str) -> int:
    """Return a command's peak memory in kB; a small process starts it, whose own peak is not inherited."""
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run([sys.executable, '-m', 'imagelock', *sys.argv[1:]], check=True,"
        " stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    del world
    assert resource.RUSAGE_CHILDREN
    # A shell in between, so that this process's own memory is not the child's first.
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" "$@"', sys.executable, "-c", code, *arguments],
        capture_output=True,
        check=True,
        text=True,
    )
    return int(done.stdout)


def test_a_platform_that_is_none_is_a_usage_error(world: World) -> None:
    world.push("quay.io/acme/app:1")
    world.write("images.txt", "quay.io/acme/app:1\n")
    world.run("lock")
    assert world.run("bundle", "create", "x.tar", "--platform", "nonsense//x").code == 2


def test_an_image_of_one_other_platform_is_refused(world: World) -> None:
    digest = world.push("quay.io/team/one:1", single=True)
    write_lock(world, {"quay.io/team/one:1": digest})
    code, summary, codes = bundle(world, "create", "b.tar", "--platform", "linux/arm64")
    assert (code, codes, summary["failed"]) == (1, ["IL106"], 1)
    assert not (world.root / "b.tar").exists()
    assert bundle(world, "create", "b.tar", "--platform", "linux/amd64")[0] == 0


def with_foreign_layer(world: World) -> bytes:
    """Lock an image whose second layer stays with its vendor; return that layer."""
    image, data = sample_image("windows"), b"a vendor's layer"
    layer = {
        "mediaType": FOREIGN_LAYER_TYPES[0],
        "digest": str(Digest.of(data)),
        "size": len(data),
        "urls": ["https://vendor.example/layer"],
    }
    document = json.loads(image.content.body)
    document["layers"].append(layer)
    body = json.dumps(document).encode()
    for descriptor, blob in image.blobs:
        world.store.put_blob("quay.io/team/windows", descriptor, (blob,))
    content = replace(image.content, body=body, digest=Digest.of(body))
    world.store.put_manifest("quay.io/team/windows", content, "1")
    write_lock(world, {"quay.io/team/windows:1": str(content.digest)})
    return data


@pytest.mark.parametrize("name", ["b.tar", "b"])
def test_a_foreign_layer_is_reported_until_it_is_asked_for(
    world: World, peer_registry: AnyRegistry, name: str
) -> None:
    data = with_foreign_layer(world)
    made = world.run_plain("bundle", "create", "-C", str(world.root), name)
    assert made.code == 0
    assert "1 foreign layer stays with the vendor (16 B)" in made.err
    code, summary, _ = bundle(world, "verify", name)
    assert (code, summary["foreign_layers_left_out"]) == (0, 1)

    layer = Descriptor(media_type=FOREIGN_LAYER_TYPES[0], digest=Digest.of(data), size=len(data))
    world.store.put_blob("quay.io/team/windows", layer, (data,))
    assert bundle(world, "create", f"all-{name}", "--foreign-layers")[0] == 0
    code, summary, _ = bundle(world, "verify", f"all-{name}")
    assert (code, summary["foreign_layers_left_out"], summary["blobs_hashed"]) == (0, 0, 3)
    assert bundle(world, "load", f"all-{name}", "--to", peer_registry.address)[0] == 0
    with RegistryClient() as client:
        place = f"{peer_registry.address}/quay.io/team/windows"
        assert client.get_blob(place, layer.digest, 100) == data
