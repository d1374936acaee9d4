"""The OCI layout on disk: other tools read it, crashes leave nothing, damage is never served."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.errors import FileError, IncompleteError, IntegrityError, NotFoundError, UsageError
from imagelock.limits import PIECE_BYTES
from imagelock.model.digest import Digest
from imagelock.model.manifest import Descriptor
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.oci_layout import LayoutStore
from support import peers
from support.wire import Wire

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = sample_image("layout", [LINUX_AMD64, LINUX_ARM64])
LARGE = os.urandom(4 * PIECE_BYTES)
BLOB = Descriptor(media_type="application/octet-stream", digest=Digest.of(LARGE), size=len(LARGE))


def _file(root: Path, digest: Digest) -> Path:
    return root / "blobs" / digest.algorithm / digest.hex


def _flip(path: Path, offset: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def _strays(root: Path) -> list[str]:
    return [path.name for path in root.rglob(".*")]


def _names(root: Path) -> list[str]:
    index = json.loads((root / "index.json").read_bytes())
    return [one["annotations"]["org.opencontainers.image.ref.name"] for one in index["manifests"]]


# The directory.


def test_a_new_store_is_a_layout_and_nothing_else(tmp_path: Path) -> None:
    LayoutStore(tmp_path / "new" / "one")
    root = tmp_path / "new" / "one"
    assert sorted(path.name for path in root.iterdir()) == ["blobs", "index.json", "oci-layout"]
    assert json.loads((root / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}


def test_records_are_sorted_names_with_tags_and_digests_only_for_the_untagged(tmp_path: Path) -> None:
    store = LayoutStore(tmp_path)
    push_sample(store, "z", "2", IMAGE)
    push_sample(store, "a/b", "1", IMAGE)
    push_sample(store, "z", None, sample_image("bare"))
    assert _names(tmp_path) == ["a/b:1", "z:2", f"z@{sample_image('bare').digest}"]


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    for name, order in (("one", (0, 1, 2)), ("two", (2, 0, 1))):
        store = LayoutStore(tmp_path / name)
        for number in order:
            push_sample(store, f"app{number}", "1", IMAGE)
    assert (tmp_path / "one" / "index.json").read_bytes() == (tmp_path / "two" / "index.json").read_bytes()


def test_a_store_opened_again_has_everything(tmp_path: Path) -> None:
    push_sample(LayoutStore(tmp_path), "app", "1", IMAGE)
    store = LayoutStore(tmp_path, create=False)
    assert store.get_manifest("app", "1").body == IMAGE.content.body
    assert store.get_manifest("app", IMAGE.children[1].digest).body == IMAGE.children[1].body


def test_what_is_no_layout_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileError, match="not empty"):
        LayoutStore(tmp_path)
    with pytest.raises(FileError, match="no oci-layout file"):
        LayoutStore(tmp_path, create=False)
    with pytest.raises(FileError, match="no oci-layout file"):
        LayoutStore(tmp_path / "missing", create=False)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("marker", ['{"imageLayoutVersion":"2.0.0"}', "{}", "[]", "<html>"])
def test_another_version_is_refused(tmp_path: Path, marker: str) -> None:
    LayoutStore(tmp_path)
    (tmp_path / "oci-layout").write_text(marker)
    with pytest.raises(FileError):
        LayoutStore(tmp_path)


@pytest.mark.parametrize("index", ["", "[]", '{"schemaVersion":2}', '{"schemaVersion":2,"manifests":[{}]}'])
def test_a_damaged_index_is_an_error_that_names_the_file(tmp_path: Path, index: str) -> None:
    LayoutStore(tmp_path)
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(FileError, match=r"index\.json"):
        LayoutStore(tmp_path)


def test_a_layout_that_cannot_be_written_can_be_read(tmp_path: Path) -> None:
    push_sample(LayoutStore(tmp_path), "app", "1", IMAGE)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert LayoutStore(tmp_path, create=False).get_manifest("app", "1").digest == IMAGE.digest
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_records_of_other_tools_are_kept_and_what_they_need_is_not_deleted(tmp_path: Path) -> None:
    store = LayoutStore(tmp_path)
    push_sample(store, "app", "1", IMAGE)
    path = tmp_path / "index.json"
    index = json.loads(path.read_bytes())
    theirs = index["manifests"][0] | {"annotations": {"org.opencontainers.image.ref.name": "latest"}, "x": 1}
    path.write_text(json.dumps(index | {"manifests": [theirs]}))
    assert store.repositories() == ()
    with pytest.raises(UsageError):
        store.delete_blob("app", IMAGE.blobs[0][0].digest)
    push_sample(store, "b", "1", sample_image("b"))
    assert json.loads(path.read_bytes())["manifests"][0] == theirs


# Damage.


def test_a_flipped_byte_in_a_manifest_is_not_served(tmp_path: Path) -> None:
    store = LayoutStore(tmp_path)
    push_sample(store, "app", "1", IMAGE)
    _flip(_file(tmp_path, IMAGE.digest))
    with pytest.raises(IntegrityError, match="damaged"):
        store.get_manifest("app", "1")
    assert not store.has_manifest("app", IMAGE.digest)
    with EmbeddedRegistry(store) as registry, Wire(registry.address) as wire:
        for method in ("GET", "HEAD"):
            reply = wire.ask(method, "/v2/app/manifests/1")
            assert (reply.status, "docker-content-digest" in reply.headers) == (500, False)
            assert str(tmp_path).encode() not in reply.body


def test_a_flipped_byte_in_a_small_blob_is_a_500(tmp_path: Path) -> None:
    store = LayoutStore(tmp_path)
    push_sample(store, "app", "1", IMAGE)
    digest = IMAGE.blobs[0][0].digest
    _flip(_file(tmp_path, digest))
    with EmbeddedRegistry(store) as registry, Wire(registry.address) as wire:
        assert wire.ask("GET", f"/v2/app/blobs/{digest}").status == 500


@pytest.mark.parametrize("offset", [0, -1])
def test_a_damaged_large_blob_is_cut_before_its_end(tmp_path: Path, offset: int) -> None:
    store = LayoutStore(tmp_path)
    store.put_blob("app", BLOB, iter((LARGE,)))
    _flip(_file(tmp_path, BLOB.digest), offset)
    with EmbeddedRegistry(store) as registry, Wire(registry.address) as wire:
        wire.ask("POST", "/v2/app/blobs/uploads/")  # The repository has to be one that someone writes to.
        request = f"GET /v2/app/blobs/{BLOB.digest} HTTP/1.1\r\nHost: x\r\n\r\n"
        head, _, body = wire.raw(request.encode()).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(LARGE)}".encode() in head
    assert len(body) <= len(LARGE) - PIECE_BYTES


def test_a_damaged_blob_has_no_ranges_no_head_and_makes_an_image_incomplete(tmp_path: Path) -> None:
    store = LayoutStore(tmp_path)
    image = sample_image("damage")
    push_sample(store, "app", "1", image)
    digest = image.blobs[1][0].digest
    _flip(_file(tmp_path, digest), 20)
    assert not store.has_blob("app", digest)
    with pytest.raises(NotFoundError):
        store.stream_range("app", digest, 0, 5)
    with pytest.raises(IncompleteError):
        store.put_manifest("app", image.content, "2")
    with EmbeddedRegistry(store) as registry, Wire(registry.address) as wire:
        assert wire.ask("HEAD", f"/v2/app/blobs/{digest}").status == 404


def test_storing_a_damaged_blob_again_heals_it(tmp_path: Path) -> None:
    store = LayoutStore(tmp_path)
    push_sample(store, "app", "1", IMAGE)
    for path in (tmp_path / "blobs" / "sha256").iterdir():
        _flip(path)
    push_sample(store, "app", "1", IMAGE)
    assert all(store.has_blob("app", descriptor.digest) for descriptor, _ in IMAGE.blobs)
    assert store.get_manifest("app", "1").body == IMAGE.content.body


def test_a_file_cut_short_is_not_served(tmp_path: Path) -> None:
    store = LayoutStore(tmp_path)
    store.put_blob("app", BLOB, iter((LARGE,)))
    os.truncate(_file(tmp_path, BLOB.digest), 100)
    with pytest.raises(IntegrityError):
        list(store.open_blob("app", BLOB))
    with pytest.raises(IntegrityError):
        store.get_blob("app", BLOB.digest, len(LARGE))


def test_a_digest_cannot_lead_out_of_the_directory(tmp_path: Path) -> None:
    with EmbeddedRegistry(LayoutStore(tmp_path / "in")) as registry, Wire(registry.address) as wire:
        for path in (
            "sha256:../../../oci-layout",
            "sha256:%2e%2e%2f%2e%2e%2foci-layout",
            "..:..%2foci-layout",
        ):
            assert wire.ask("GET", f"/v2/app/blobs/{path}").status in {400, 404}


# Crashes and other processes.

_UPLOADER = """
import http.client, sys
from imagelock.model.digest import Digest
from imagelock.stores.oci_layout import LayoutStore
from imagelock.service.embedded import EmbeddedRegistry
from imagelock.demo.sample_image import push_sample, sample_image
store = LayoutStore(sys.argv[1])
push_sample(store, "app", "finished", sample_image("finished"))
with EmbeddedRegistry(store) as registry:
    for _ in range(3):
        client = http.client.HTTPConnection(registry.address)
        client.request("POST", "/v2/app/blobs/uploads/")
        location = client.getresponse().headers["Location"]
        client = http.client.HTTPConnection(registry.address)
        client.request("PATCH", location, b"x" * 300_000)
        client.getresponse().read()
    part = store.create()
    part.write(b"y" * 1000)
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_leaves_nothing_visible_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    root = tmp_path / "layout"
    with subprocess.Popen(
        [sys.executable, "-c", _UPLOADER, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (root / ".index.json-dead").write_text("half")
        assert len(_strays(root)) == 5
        other = LayoutStore(root)  # Cleans what is dead, and not what is in use.
        assert len(_strays(root)) == 4
        process.send_signal(signal.SIGKILL)
    assert other.tags("app") == ("finished",)
    assert len(list((root / "blobs" / "sha256").iterdir())) == 3
    store = LayoutStore(root)
    assert _strays(root) == []
    assert store.get_manifest("app", "finished").digest == sample_image("finished").digest


_PUSHER = """
import sys
from imagelock.stores.oci_layout import LayoutStore
from imagelock.demo.sample_image import push_sample, sample_image
store, worker = LayoutStore(sys.argv[1]), int(sys.argv[2])
for number in range(6):
    push_sample(store, f"app{worker % 2}", f"w{worker}-{number}", sample_image(f"{worker} {number}"))
"""


def test_processes_that_write_at_the_same_time_lose_no_update(tmp_path: Path) -> None:
    seen = LayoutStore(tmp_path)
    workers = [subprocess.Popen([sys.executable, "-c", _PUSHER, str(tmp_path), str(n)]) for n in range(4)]
    assert [worker.wait(120) for worker in workers] == [0, 0, 0, 0]
    found = [(name, tag) for name in seen.repositories() for tag in seen.tags(name)]
    assert len(found) == 24
    for name, tag in found:
        seed = tag[1:].replace("-", " ")
        assert seen.get_manifest(name, tag).digest == sample_image(seed).digest
    assert _strays(tmp_path) == []


def test_a_reader_never_sees_half_a_change(tmp_path: Path) -> None:
    store, images = LayoutStore(tmp_path), [sample_image(f"half {number}") for number in range(2)]
    for image in images:
        push_sample(store, "app", "1", image)
    stop = threading.Event()

    def move() -> None:
        while not stop.is_set():
            for image in images:
                store.put_manifest("app", image.content, "1")

    mover = threading.Thread(target=move)
    mover.start()
    try:
        reader = LayoutStore(tmp_path, create=False)
        for _ in range(300):
            assert reader.get_manifest("app", "1").digest in {image.digest for image in images}
    finally:
        stop.set()
        mover.join()


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_write_that_fails_changes_nothing_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    store = LayoutStore(tmp_path)
    push_sample(store, "app", "1", IMAGE)
    before = (tmp_path / "index.json").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        if call == "write":
            patch.setattr("imagelock.stores.oci_layout._Sink.append", full)
        elif call == "fsync":
            patch.setattr("os.fsync", full)
        else:
            patch.setattr("pathlib.Path.replace", full)
        with pytest.raises((FileError, OSError), match="No space left"):
            push_sample(store, "app", "2", sample_image("full"))
    assert (tmp_path / "index.json").read_bytes() == before
    assert _strays(tmp_path) == []
    assert store.tags("app") == ("1",)


# Other tools.

if peers.has("skopeo"):

    def test_skopeo_reads_and_writes_the_directory(tmp_path: Path) -> None:
        store = LayoutStore(tmp_path)
        push_sample(store, "team/app", "1.0", IMAGE)
        raw = peers.skopeo("inspect", "--raw", f"oci:{tmp_path}:team/app:1.0")
        assert raw == IMAGE.content.body
        peers.skopeo("copy", "--all", f"oci:{tmp_path}:team/app:1.0", f"oci:{tmp_path}:copy/app:2.0")
        peers.skopeo("copy", f"oci:{tmp_path}:team/app:1.0", f"oci:{tmp_path}:latest")
        assert store.repositories() == ("copy/app", "team/app")
        assert store.get_manifest("copy/app", "2.0").digest == IMAGE.digest
        for child in IMAGE.children:
            assert store.get_manifest("copy/app", child.digest).body == child.body


if peers.has("umoci"):

    def test_umoci_reads_the_directory(tmp_path: Path) -> None:
        store = LayoutStore(tmp_path)
        push_sample(store, "team/app", "1.0", sample_image("umoci"))
        push_sample(store, "other", "latest", IMAGE)
        listed = peers.run("umoci", "list", "--layout", str(tmp_path)).decode().split()
        assert sorted(listed) == ["other:latest", "team/app:1.0"]
        assert b"sample umoci" in peers.run("umoci", "stat", "--image", f"{tmp_path}:team/app:1.0")
        peers.run("umoci", "gc", "--layout", str(tmp_path))
        assert store.get_manifest("other", "latest").body == IMAGE.content.body
