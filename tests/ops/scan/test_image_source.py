"""Files out of images: what a container would see, out of layers that are only streamed."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from imagelock import limits
from imagelock.errors import IntegrityError, UsageError
from imagelock.model.reference import Reference
from imagelock.ops.scan.image_source import read_files, split_source
from imagelock.stores.layer_stream import TarStream, decompressed
from support.layered import PACKED, LayeredImage, tar
from support.peers import MISSING, DockerRegistry, has, run, skopeo

if TYPE_CHECKING:
    from imagelock.stores.base import Source
    from support.world import World

IMAGE = Reference.parse("quay.io/acme/registry:1")
GLOB = "var/www/html/*/external_images.txt"
A, B = "var/www/html/a/external_images.txt", "var/www/html/b/external_images.txt"


def _read(image: LayeredImage, glob: str = GLOB) -> dict[str, str]:
    files = read_files(cast("Source", image), IMAGE, glob)
    return {path: data.decode() for path, data in files}


@pytest.mark.parametrize("packing", list(PACKED))
def test_files_are_read_out_of_every_packing(packing: str) -> None:
    image = LayeredImage([tar({A: "old", B: "b"}), tar({A: "new", "other": "x" * 5000})], packing)
    assert _read(image) == {A: "new", B: "b"}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{A: "1"}, {"var/www/html/a/.wh.external_images.txt": ""}], {}),
        ([{A: "1"}, {"var/www/html/.wh.a": ""}], {}),
        ([{A: "1"}, {"var/www/html/.wh.a": "", A: "2"}], {A: "2"}),
        ([{A: "1", B: "1"}, {"var/www/html/.wh..wh..opq": "", B: "2"}], {B: "2"}),
        ([{A: "1"}, {"var/www/html/.wh.a": ""}, {A: "3"}], {A: "3"}),
        ([{A: "1"}, {"var/www/html/a": "a file now"}], {}),
        ([{"./" + A: "1"}, {"/" + B: "2"}], {A: "1", B: "2"}),
        ([{A: "1"}, {A: None}], {}),
        ([{"opt/list": "1"}, {A: "-> /opt/list"}], {A: "1"}),
        ([{A: "-> ../../../../opt/list"}, {"opt/list": "1"}], {A: "1"}),
        ([{"opt/v/external_images.txt": "1", "var/www/html/a": "-> ../../../opt/v"}], {A: "1"}),
        ([{"opt/v/external_images.txt": "1", "var/www/html": "-> /opt"}], {"var/www/html/v/external_images.txt": "1"}),
        ([{"opt/list": "1", A: "=> opt/list"}], {A: "1"}),
        ([{A: "-> /nowhere", B: "-> external_images.txt"}], {}),
        ([{A: "-> ../../../../../../../../../opt/list", "opt/list": "1"}], {A: "1"}),
        ([{"x" * 150 + "/" + "y" * 150: "1", A: "1"}], {A: "1"}),
    ],
)  # fmt: skip
def test_layers_give_what_a_container_sees(
    layers: list[dict[str, str | None]], expected: dict[str, str]
) -> None:
    assert _read(LayeredImage([tar(files) for files in layers])) == expected


def test_older_layers_are_not_asked_for_once_the_file_is_found() -> None:
    image = LayeredImage([tar({"base": "x"}), tar({A: "1"}), tar({"etc/x": ""})])
    assert _read(image, A) == {A: "1"}
    assert len(image.streamed) == 2


def test_older_layers_are_not_asked_for_below_a_folder_that_was_emptied() -> None:
    image = LayeredImage(
        [tar({"base": "x"}), tar({"var/www/html": None, "var/www/html/.wh..wh..opq": "", A: "1"})]
    )
    assert _read(image) == {A: "1"}
    assert len(image.streamed) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image://quay.io/a/b:1/etc/x", ("quay.io/a/b:1", "etc/x")),
        ("image://localhost:5000/a/b:1/etc/*/x", ("localhost:5000/a/b:1", "etc/*/x")),
        ("image://nginx:1/etc/x", ("nginx:1", "etc/x")),
        (f"image://a/b@sha256:{'0' * 64}/x", (f"a/b@sha256:{'0' * 64}", "x")),
    ],
)
def test_a_source_is_an_image_and_a_glob(text: str, expected: tuple[str, str]) -> None:
    reference, glob = split_source(text)
    assert (str(reference), glob) == expected


@pytest.mark.parametrize("text", ["image://quay.io/a/b/etc/x", "image://", "image://a/b:1", "image://a/b:1/"])
def test_what_is_no_image_with_files_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        split_source(text)


def _bomb() -> bytes:
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE
    header.size = 512 * 1024 * 1024
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed:
        packed.write(header.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(512):
            packed.write(bytes(1024 * 1024))
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"no tar at all" * 100,
        gzip.compress(b"no tar at all" * 100, mtime=0)[:-20],
        b"\x1f\x8b damaged",
        b"\x28\xb5\x2f\xfd damaged",
        tar({"a": "x" * 2000})[:1024],
    ],
)
def test_damaged_layers_are_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        list(TarStream(decompressed(iter([data]))))


@pytest.mark.parametrize(
    ("cap", "words"),
    [("IMAGE_BYTES", "layers of more than"), ("IMAGE_FILES_BYTES", "the files meant are larger")],
)
def test_an_image_has_a_budget_for_layers_and_files(
    monkeypatch: pytest.MonkeyPatch, cap: str, words: str
) -> None:
    layers = [tar({f"list{number}": "x" * 4000}) for number in range(8)]
    assert len(_read(LayeredImage(layers), "list*")) == 8
    monkeypatch.setattr(limits, cap, 20_000)
    with pytest.raises(IntegrityError, match=words):
        _read(LayeredImage(layers), "list*")


def test_a_bomb_is_refused_within_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(_bomb())
    assert path.stat().st_size < 600_000
    script = (
        "import sys; from imagelock.errors import IntegrityError; from support.memory import peak_megabytes; "
        "from imagelock.stores.layer_stream import TarStream, decompressed\n"
        "try:\n    list(TarStream(decompressed(iter([open(sys.argv[1], 'rb').read()]))))\n"
        "except IntegrityError as error:\n"
        "    print(error, peak_megabytes())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    words, _, megabytes = done.stdout.strip().rpartition(" ")
    assert words == f"a tar header of {512 * 1024 * 1024} bytes"
    assert int(megabytes) < 200


def test_the_same_files_as_umoci_from_a_real_registry(world: World, tmp_path: Path) -> None:
    if not all([has("umoci"), has("docker-registry"), has("skopeo")]):
        assert MISSING
        return
    image = LayeredImage(
        [
            tar(
                {
                    "var/www/html": None,
                    A: "quay.io/acme/a:1\n",
                    B: "quay.io/acme/b:1\n",
                    "opt/l.txt": "acme/l:1\n",
                }
            ),
            tar({"var/www/html/.wh.b": "", "var/www/html/c/external_images.txt": "-> ../../../../opt/l.txt"}),
            tar({A: "quay.io/acme/a:2\n"}),
        ]
    )
    image.write_layout(tmp_path / "layout", "1")
    run("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/layout:1", str(tmp_path / "bundle"))
    rootfs = tmp_path / "bundle" / "rootfs"
    seen = {path.relative_to(rootfs).as_posix(): path.read_text() for path in rootfs.glob(GLOB)}
    with DockerRegistry(tmp_path / "registry") as registry:
        target = f"{registry.address}/acme/registry:1"
        skopeo("copy", "--dest-tls-verify=false", f"oci:{tmp_path}/layout:1", f"docker://{target}")
        result = world.json("scan", f"image://{target}/{GLOB}")
    found: Any = {item["file"]: item["reference"] for item in result.document["references"]}
    assert found == {f"image://{target}/{path}": text.strip() for path, text in seen.items()}
    assert len(found) == 2
    assert not any(item["pinnable"] for item in result.document["references"])
