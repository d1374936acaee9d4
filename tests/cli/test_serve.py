"""``serve`` as its users meet it: an address, a log, an end, and nothing lost."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import push_sample, sample_image
from imagelock.model.digest import Digest
from imagelock.stores.oci_layout import LayoutStore
from support.push import push_image
from support.wire import Wire
from support.world import INTERRUPTIBLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.world import World

IMAGE = sample_image("served")


@contextlib.contextmanager
def _serving(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    serve = [sys.executable, "-m", "imagelock", "serve", *arguments, "--port", "0", "-o", "json"]
    command = [*INTERRUPTIBLE, *serve]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["summary"]["address"]
        finally:
            process.kill()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Give a layout with one image."""
    push_sample(LayoutStore(tmp_path / "layout"), "app", "1", IMAGE)
    return tmp_path / "layout"


def test_a_layout_is_read_and_not_written(layout: Path) -> None:
    with _serving(str(layout)) as (_, address), Wire(address) as wire:
        assert wire.ask("GET", "/v2/app/manifests/1").body == IMAGE.content.body
        assert wire.ask("POST", "/v2/app/blobs/uploads/", b"").status == 405
        assert wire.ask("DELETE", "/v2/app/manifests/1").status == 405


def test_a_tar_is_read_like_its_directory(layout: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "bundle.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(layout.rglob("*")):
            if path.is_file():
                archive.add(path, path.relative_to(layout).as_posix())
    with _serving(str(tmp_path / "bundle.tar")) as (_, address), Wire(address) as wire:
        assert wire.ask("GET", "/v2/app/manifests/1").body == IMAGE.content.body
        for descriptor, data in IMAGE.blobs:
            assert wire.ask("GET", f"/v2/app/blobs/{descriptor.digest}").body == data


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_when_asked(tmp_path: Path, number: int, code: int) -> None:
    with _serving("--writable", str(tmp_path / "new")) as (process, address), Wire(address) as wire:
        push_image(f"http://{address}", "app", "1", IMAGE)
        assert wire.ask("GET", "/v2/").status == 200
        process.send_signal(number)
        words = process.communicate(timeout=120)[1]
        assert process.returncode == code
    assert "Traceback" not in words
    assert f"http://{address}" in words
    assert LayoutStore(tmp_path / "new", create=False).get_manifest("app", "1").body == IMAGE.content.body


def test_requests_are_told_one_a_line_without_their_query(layout: Path) -> None:
    with _serving(str(layout), "-v") as (process, address), Wire(address) as wire:
        wire.ask("GET", "/v2/app/manifests/1?token=secret")
        wire.raw(b"GET /v2/\x85\xff\x9b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        lines = process.communicate(timeout=120)[1].splitlines()
    assert "GET /v2/app/manifests/1 200" in lines
    assert "GET '/v2/\\x85\\xff\\x9b' 404" in lines
    assert "secret" not in "".join(lines)


def test_killed_while_images_come_in_it_has_every_one_it_confirmed(tmp_path: Path) -> None:
    root, confirmed = tmp_path / "store", []
    images = [sample_image(f"killed {number}") for number in range(40)]
    for turn in range(4):
        with _serving("--writable", str(root)) as (process, address):
            for number in range(turn * 10, turn * 10 + 10):
                push_image(f"http://{address}", "app", f"v{number}", images[number])
                confirmed.append(number)
            with Wire(address) as wire:
                location = wire.ask("POST", "/v2/app/blobs/uploads/", b"").headers["location"]
                wire.ask("PATCH", location, b"half")
            process.send_signal(signal.SIGKILL)
            process.wait(120)
    store = LayoutStore(root)
    for number in confirmed:
        assert store.get_manifest("app", f"v{number}").body == images[number].content.body
        assert all(store.has_blob("app", descriptor.digest) for descriptor, _ in images[number].blobs)
    assert [path.name for path in root.rglob(".*")] == []
    assert len(confirmed) == 40


def test_what_cannot_be_served_is_exit_2(world: World) -> None:
    (world.root / "notes").mkdir()
    world.write("notes/a.txt", "mine")
    world.write("no.tar", "no tar at all")
    for arguments, words in (
        (["missing"], "not an OCI image layout"),
        (["notes"], "not an OCI image layout"),
        (["--writable", "notes"], "not empty"),
        (["no.tar"], "tar"),
        (["--writable", "new", "--host", "0.0.0.0"], "this machine only"),  # noqa: S104 - refused
        (["--writable", "new", "--host", "192.0.2.1"], "this machine only"),
    ):
        result = world.run("serve", *arguments, "--port", "0")
        assert (result.code, words in result.err) == (2, True), result.err
    assert world.read("notes/a.txt") == "mine"


def test_a_port_in_use_is_exit_2(layout: Path, world: World) -> None:
    with _serving(str(layout)) as (_, address):
        port = address.rpartition(":")[2]
        result = world.run("serve", str(layout), "--port", port)
    assert (result.code, f"127.0.0.1:{port}" in result.err) == (2, True)


def test_a_full_disk_is_a_507_and_nothing_is_lost(layout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imagelock.service.embedded import EmbeddedRegistry  # noqa: PLC0415 - in this process, to break its disk

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    data = b"too much"
    with EmbeddedRegistry(LayoutStore(layout)) as registry, Wire(registry.address) as wire:
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            reply = wire.ask("POST", f"/v2/app/blobs/uploads/?digest={Digest.of(data)}", data)
            assert (reply.status, str(layout).encode() in reply.body) == (507, False)
            reply = wire.ask("DELETE", "/v2/app/manifests/1")
            assert reply.status == 507
        assert wire.ask("GET", "/v2/app/manifests/1").body == IMAGE.content.body
        assert wire.ask("HEAD", f"/v2/app/blobs/{Digest.of(data)}").status == 404
        wire.get_blob("app", Digest.of(data), data)
