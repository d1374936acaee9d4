"""Floating tags in what was built: Debian packages, applications' archives, the charts inside."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
from typing import TYPE_CHECKING

import pytest

from imagelock.model.outcome import Finding
from imagelock.ops.project import Settings, open_project
from imagelock.ops.scan.collect import collect
from imagelock.ops.tags import packages
from imagelock.ops.tags.packages import packed_files
from imagelock.stores.layer_stream import zstd_module
from support import peers

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

IMAGE = "docker.io/acme/dex:master-stable-latest"
CHART = {
    "dex/Chart.yaml": "apiVersion: v2\nname: dex\nversion: 1.0.0\n",
    "dex/values.yaml": "image:\n  repository: docker.io/acme/dex\n  tag: master-stable-latest\n",
}


def tar(files: dict[str, str | bytes], mode: str = "w:gz") -> bytes:
    """Return an archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]  # the mode is a variable
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def application() -> bytes:
    """Return an application's archive: static overrides and a packaged chart."""
    return tar(
        {
            "fluxcd-manifests/dex-static-overrides.yaml": f"image: {IMAGE}\n",
            "charts/dex-1.0.0.tgz": tar(dict(CHART)),
        }
    )


def deb(files: dict[str, str | bytes], compression: str = "xz") -> bytes:
    """Return a Debian package as its format is documented."""
    data = tar(files, "w:")
    if compression == "xz":
        data = lzma.compress(data)
    elif compression == "zst":
        data = zstd_module().compress(data)
    elif compression == "gz":
        data = gzip.compress(data)
    suffix = f".{compression}" if compression else ""
    parts = (
        ("debian-binary", b"2.0\n"),
        ("control.tar", tar({"control": "Package: x\n"}, "w:")),
        (f"data.tar{suffix}", data),
    )
    out = b"!<arch>\n"
    for name, content in parts:
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        out += b"\n" * (len(content) % 2)
    return out


def found(world: World) -> dict[str, list[str]]:
    """Return what packages hold, by the path through them."""
    result: dict[str, list[str]] = {}
    for item in packed_files(collect(open_project(Settings(directory=world.root)))):
        if isinstance(item, Finding):
            result.setdefault(f"{item.code} {item.file}", []).append(item.message)
        else:
            result[item.name] = [str(place.reference) for place in item.places]
            assert not any(place.pinnable for place in item.places)
    return result


OVERRIDES = "fluxcd-manifests/dex-static-overrides.yaml"
VALUES = "charts/dex-1.0.0.tgz!dex/values.yaml"


@pytest.mark.parametrize("has_program", [True, False])
@pytest.mark.parametrize("compression", ["xz", "zst", "gz", ""])
def test_a_debian_package_is_read_through_all_archives_in_it(
    world: World, monkeypatch: pytest.MonkeyPatch, compression: str, *, has_program: bool
) -> None:
    if has_program and not peers.has("dpkg-deb"):
        pytest.skip("dpkg-deb is not installed")
    if not has_program:
        monkeypatch.setattr(packages, "find_program", lambda _: None)
    app = "usr/local/share/applications/helm/dex.tgz"
    world.write("out/dex.deb", deb({f"./{app}": application()}, compression))
    assert found(world) == {
        f"out/dex.deb!{app}!{OVERRIDES}": [IMAGE],
        f"out/dex.deb!{app}!{VALUES}": [IMAGE],
    }


def test_an_applications_archive_is_read_and_a_chart_is_left_to_the_scan(world: World) -> None:
    world.write("dex-app.tgz", application())
    world.write("charts/dex.tgz", tar(dict(CHART)))
    assert found(world) == {f"dex-app.tgz!{OVERRIDES}": [IMAGE], f"dex-app.tgz!{VALUES}": [IMAGE]}


@pytest.mark.parametrize("has_program", [True, False])
def test_what_is_no_package_is_reported_with_its_file(
    world: World, monkeypatch: pytest.MonkeyPatch, *, has_program: bool
) -> None:
    if not has_program:
        monkeypatch.setattr(packages, "find_program", lambda _: None)
    world.write("broken.deb", b"no package\n")
    assert list(found(world)) == ["IL114 broken.deb"]


def test_an_archive_that_grows_beyond_its_cap_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "PACKAGE_BYTES", 1000)
    world.write("big.tgz", tar({"values.yaml": "a: " + "x" * 5000}))
    (message,) = found(world)["IL114 big.tgz"]
    assert "when unpacked" in message


def test_names_that_lead_out_and_links_are_no_texts(world: World, tmp_path: Path) -> None:
    del tmp_path
    world.write("odd.tgz", tar({"../values.yaml": f"image: {IMAGE}\n", "/values.yaml": f"image: {IMAGE}\n"}))
    assert found(world) == {}
