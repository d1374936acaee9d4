"""The Python interface: the same answers as the command line, as values, and nothing printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import imagelock
from imagelock import api
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

APP, WEB = "quay.io/acme/app:1", "docker.io/library/nginx:1.27"
EXAMPLE = Path(__file__).parent.parent / "examples/python/floating.py"


@pytest.fixture
def project(world: World) -> World:
    """Give a project with two images that the registry has."""
    world.push(APP)
    world.push(WEB)
    world.write("deploy/a.yaml", deployment(APP, "nginx:1.27"))
    world.write("values.yaml", "image: '{{ .Values.image }}'\n")
    return world


def test_the_package_has_the_names_of_the_interface_and_no_others() -> None:
    assert set(imagelock.__all__) == {"__version__", *api.__all__}
    assert all(getattr(imagelock, name) is getattr(api, name) for name in api.__all__)
    with pytest.raises(AttributeError, match="nothing_like_that"):
        _ = imagelock.nothing_like_that  # type: ignore[attr-defined] # this is what is tested


def test_the_command_line_starts_without_the_interface() -> None:
    code = "import sys, imagelock, imagelock.cli.main; sys.exit('imagelock.api' in sys.modules)"
    assert subprocess.run([sys.executable, "-I", "-c", code], check=False).returncode == 0


def test_a_scan_has_what_the_command_lists(project: World) -> None:
    found = imagelock.scan(project.root)
    listed = project.json("scan").document
    assert [
        (str(item.reference), item.file, item.line, item.column, item.format) for item in found.references
    ] == [
        (item["reference"], item["file"], item["line"], item["column"], item["format"])
        for item in listed["references"]
    ]
    assert [(item.text, item.file, item.line, item.reason) for item in found.skipped] == [
        (item["text"], item["file"], item["line"], item["reason"]) for item in listed["skipped"]
    ]
    assert imagelock.scan(project.root, ["values.yaml"]).references == ()


def test_lock_pin_and_check_go_the_whole_way(project: World, capsys: pytest.CaptureFixture[str]) -> None:
    root = project.root
    assert imagelock.lock(root, write=False).changes
    assert not (root / "images.lock").exists()
    assert imagelock.lock(root).exit_code() == 0
    assert imagelock.check(root).exit_code() == 1
    before = project.read("deploy/a.yaml")
    planned = imagelock.pin(root, write=False)
    assert (len(planned.changes), project.read("deploy/a.yaml")) == (2, before)
    assert imagelock.pin(root).changes == planned.changes
    assert imagelock.check(root).exit_code() == 0
    assert [image.reference for image in imagelock.read_lock(root / "images.lock").images] == [WEB, APP]
    assert capsys.readouterr() == ("", "")


def test_a_moved_tag_is_taken_by_an_upgrade_only(project: World) -> None:
    imagelock.lock(project.root)
    project.push(APP, "moved")
    assert not imagelock.lock(project.root).changes
    assert [change.reference for change in imagelock.lock(project.root, upgrade=True).changes] == [APP]


def test_resolving_gives_an_entry_or_the_reason(project: World) -> None:
    answers = imagelock.resolve(["quay.io/acme/app:1", "quay.io/acme/gone:1"], project.root)
    found, gone = answers.values()
    assert isinstance(found, imagelock.LockedImage)
    assert str(found.digest) == str(project.store.resolve_tag("quay.io/acme/app", "1"))
    assert {str(part.platform) for part in found.platforms} == {"linux/amd64", "linux/arm64/v8"}
    assert isinstance(gone, imagelock.RegistryError)


def test_offline_no_registry_is_asked(project: World) -> None:
    project.asked()
    options = imagelock.Options(offline=True)
    (answer,) = imagelock.resolve([APP], project.root, options=options).values()
    assert isinstance(answer, imagelock.RegistryError)
    assert project.asked() == []


def test_errors_are_of_one_tree(tmp_path: Path) -> None:
    for call in (
        lambda: imagelock.read_lock(tmp_path / "images.lock"),
        lambda: imagelock.scan(tmp_path / "nowhere"),
        lambda: imagelock.check(tmp_path),
        lambda: imagelock.resolve(["No Name"], tmp_path),
    ):
        with pytest.raises(imagelock.ImagelockError):
            call()


def test_the_example_lists_what_moved(project: World) -> None:
    imagelock.lock(project.root)
    command = [sys.executable, str(EXAMPLE), str(project.root)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    project.push(APP, "moved")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[0] == "quay.io/acme/app"
    assert " -> " in done.stdout
