"""One tar as a store: read where it lies, written in any order, the same bytes every time."""

from __future__ import annotations

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from imagelock.demo.sample_image import LINUX_AMD64, LINUX_ARM64, push_sample, sample_image
from imagelock.errors import FileError, IntegrityError, UsageError
from imagelock.model.digest import Digest
from imagelock.model.manifest import Descriptor
from imagelock.stores.oci_layout import LayoutStore
from imagelock.stores.oci_tar import TarStore
from imagelock.stores.oci_tar_writer import TarWriter
from support import peers

if TYPE_CHECKING:
    from pathlib import Path

BLOBS = [bytes([i]) * (i * 700 + 1) for i in range(1, 9)]


def name_of(data: bytes) -> str:
    return f"blobs/sha256/{Digest.of(data).hex}"


def descriptor(data: bytes) -> Descriptor:
    return Descriptor(media_type="a/b", digest=Digest.of(data), size=len(data))


def write(path: Path, blobs: list[bytes], threads: int = 1) -> None:
    with TarWriter(path, {name_of(data): len(data) for data in blobs}) as tar:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda data: tar.put_blob("x", descriptor(data), (data,)), blobs))
        tar.finish()


@pytest.fixture
def layout_tar(tmp_path: Path) -> Path:
    """Give a layout as GNU tar packs it."""
    layout = LayoutStore(tmp_path / "layout")
    for seed in ("one", "two"):
        push_sample(layout, f"example.com/team/{seed}", "1.0", sample_image(seed, [LINUX_AMD64, LINUX_ARM64]))
    path = tmp_path / "layout.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(tmp_path / "layout", arcname=".")
    return path


def test_a_tar_of_a_layout_is_a_store(layout_tar: Path) -> None:
    store, image = TarStore(layout_tar), sample_image("two", [LINUX_AMD64, LINUX_ARM64])
    assert store.repositories() == ("example.com/team/one", "example.com/team/two")
    assert store.get_manifest("example.com/team/two", "1.0").digest == image.digest
    for blob, data in image.blobs:
        assert b"".join(store.open_blob("example.com/team/two", blob)) == data
        assert store.has_blob("x", blob.digest)


def test_a_tar_is_only_read(layout_tar: Path) -> None:
    with pytest.raises(UsageError):
        push_sample(TarStore(layout_tar), "example.com/a", "1", sample_image("new"))


def test_any_order_and_number_of_threads_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.tar", BLOBS)
    write(tmp_path / "b.tar", BLOBS[::-1], threads=8)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as archive:
        files = [member for member in archive if member.isfile()]
        assert [member.name for member in files] == sorted(map(name_of, BLOBS))
        assert {(one.mtime, one.uid, one.gid, one.mode) for one in files} == {(0, 0, 0, 0o644)}
        for data in BLOBS:
            stored = archive.extractfile(name_of(data))
            assert stored is not None
            assert stored.read() == data


def test_long_names_and_folders_are_read_by_tar(tmp_path: Path) -> None:
    digest = Digest.of(b"x", "sha512")
    with TarWriter(tmp_path / "a.tar", {f"blobs/sha512/{digest.hex}": 1}) as tar:
        tar.put_blob("x", Descriptor(media_type="a/b", digest=digest, size=1), (b"x",))
        tar.finish()
    (tmp_path / "out").mkdir()
    peers.run("tar", "xf", str(tmp_path / "a.tar"), "-C", str(tmp_path / "out"))
    assert (tmp_path / "out" / "blobs" / "sha512" / digest.hex).read_bytes() == b"x"


def test_a_tar_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    sizes = {name_of(data): len(data) for data in BLOBS}
    with TarWriter(tmp_path / "a.tar", sizes) as tar:
        tar.put_blob("x", descriptor(BLOBS[0]), (BLOBS[0],))
        with pytest.raises(UsageError, match="7 files were not written"):
            tar.finish()
    assert not (tmp_path / "a.tar").exists()


def test_a_broken_run_is_taken_up_by_what_its_bytes_prove(tmp_path: Path) -> None:
    sizes = {name_of(data): len(data) for data in BLOBS}
    with TarWriter(tmp_path / "a.tar", sizes) as tar:
        tar.put_blob("x", descriptor(BLOBS[0]), (BLOBS[0],))
        with pytest.raises(IntegrityError):
            tar.put_blob("x", descriptor(BLOBS[5]), (BLOBS[5][:-1],))
    with TarWriter(tmp_path / "a.tar", sizes) as tar:
        assert [tar.has_blob("x", Digest.of(data)) for data in BLOBS] == [True] + [False] * 7
        for data in BLOBS[1:]:
            tar.put_blob("x", descriptor(data), (data,))
        tar.finish()
    write(tmp_path / "b.tar", BLOBS)
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    assert {one.name for one in tmp_path.iterdir()} == {"a.tar", "b.tar"}


def test_what_another_plan_left_does_not_shine_through(tmp_path: Path) -> None:
    sizes = {name_of(data): len(data) for data in BLOBS}
    with TarWriter(tmp_path / "a.tar", sizes) as tar:
        for data in BLOBS:
            tar.put_blob("x", descriptor(data), (data,))
    write(tmp_path / "a.tar", BLOBS[3:6])
    write(tmp_path / "b.tar", BLOBS[3:6])
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_two_runs_do_not_write_one_tar(tmp_path: Path) -> None:
    with TarWriter(tmp_path / "a.tar", {"x": 1}), pytest.raises(FileError, match="another run"):
        TarWriter(tmp_path / "a.tar", {"x": 1})


def test_every_flipped_bit_of_the_frame_is_noticed(layout_tar: Path, tmp_path: Path) -> None:
    good = layout_tar.read_bytes()
    with tarfile.open(layout_tar) as archive:
        bodies = [(one.offset_data, one.offset_data + one.size) for one in archive if one.isfile()]
    frame = [at for at in range(0, len(good), 37) if not any(a <= at < b for a, b in bodies)]
    damaged = tmp_path / "damaged.tar"
    for at in frame[::3]:
        data = bytearray(good)
        data[at] ^= 4
        damaged.write_bytes(data)
        with pytest.raises((IntegrityError, FileError)):
            TarStore(damaged)


def test_a_flipped_bit_of_a_blob_is_noticed_when_it_is_read(layout_tar: Path, tmp_path: Path) -> None:
    image = sample_image("one", [LINUX_AMD64, LINUX_ARM64])
    layer, data = image.blobs[-1]
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(layout_tar.read_bytes().replace(data, data[:-1] + bytes([data[-1] ^ 1])))
    store = TarStore(damaged)
    assert not store.has_blob("x", layer.digest)
    with pytest.raises(IntegrityError):
        list(store.open_blob("x", layer))


@pytest.mark.parametrize("size", [0, 100, 511, 512, 700, 5000])
def test_a_tar_cut_short_is_refused(layout_tar: Path, tmp_path: Path, size: int) -> None:
    cut = tmp_path / "cut.tar"
    cut.write_bytes(layout_tar.read_bytes()[:size])
    with pytest.raises((IntegrityError, FileError)):
        TarStore(cut)


def test_a_giant_header_costs_no_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 1 << 34
    path = tmp_path / "giant.tar"
    with path.open("wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.truncate((1 << 34) + 2048)
    with pytest.raises(FileError, match="not an OCI image layout"):
        TarStore(path)


def test_a_tar_without_an_index_is_no_layout(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO(b""))
    with pytest.raises(FileError, match="not an OCI image layout"):
        TarStore(tmp_path / "a.tar")
