"""`imagelock olm`: variables to pass on, and an entrypoint that needs nothing but them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from imagelock import files
from imagelock.model.digest import Digest
from support.bundles import CONFIG
from support.world import process

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

D1, D2 = str(Digest.of(b"one")), str(Digest.of(b"two"))
GO, JAVA = "quay.io:443/acme/deep/plugin-go", "acme/java"
DEVFILE = f"""apiVersion: 1.0.0
components:
  - type: dockerimage
    image: {GO}:1.1
  - type: dockerimage
    image: "{JAVA}" # latest
  - {{type: dockerimage, image: 'nginx:1'}}
  - type: kubernetes
    referenceContent: |
      kind: List
      items:
      - kind: Pod
        apiVersion: v1
        spec:
          containers:
          - image: >-
              {GO}:1.1
  - type: dockerimage
    image: {JAVA}@{D2}
"""
ENVIRON = {
    "RELATED_IMAGE_plugin_go_plugin_image_GEXDC___": f"{GO}@{D1}",
    "RELATED_IMAGE_java_plugin_image_": f"docker.io/{JAVA}@{D2}",
    "RELATED_IMAGE_other_other_image_GEXDC___": f"nginx@{D1}",
}
CATALOG = '[[olm.catalog]]\nlabel = "plugin_image"\nsource = "external_images.txt"\n'


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a registry's tree and the environment of its container."""
    folder = tmp_path / "html" / "v3"
    folder.mkdir(parents=True)
    (folder / "devfile.yaml").write_text(DEVFILE)
    (folder / "README.md").write_text(f"image: {GO}:1.1\n")
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "html"


def _entry(world: World, *arguments: str) -> int:
    return world.run_plain("olm", "entrypoint", "--env-match", "_plugin_image_", *arguments).code


def test_places_become_name_and_digest_and_every_other_byte_stays(world: World, tree: Path) -> None:
    assert _entry(world, str(tree)) == 0
    assert (tree / "v3/devfile.yaml").read_text() == (
        DEVFILE.replace(f"{GO}:1.1", f"{GO}@{D1}").replace(f'"{JAVA}"', f'"{JAVA}@{D2}"')
    )
    assert (tree / "v3/README.md").read_text() == f"image: {GO}:1.1\n"


def test_a_relative_folder_is_meant_from_here(
    world: World, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree.parent)
    assert _entry(world, "html") == 0
    assert D1 in (tree / "v3/devfile.yaml").read_text()


def test_what_is_left_is_counted(world: World, tree: Path) -> None:
    result = world.run_plain("olm", "entrypoint", "--env-match", "plugin_image", str(tree))
    assert "3 pinned in 1 files, 1 had a digest, 1 left without one; 2 images" in result.err


def test_a_second_start_changes_nothing(world: World, tree: Path) -> None:
    _entry(world, str(tree))
    before = (tree / "v3/devfile.yaml").stat()
    assert _entry(world, str(tree)) == 0
    assert (tree / "v3/devfile.yaml").stat().st_mtime_ns == before.st_mtime_ns


def test_it_becomes_the_command_with_arguments_and_environment(tree: Path) -> None:
    script = "import os, sys; print(sys.argv[1:], os.environ['KEPT']); raise SystemExit(7)"
    words = (
        "olm",
        "entrypoint",
        "--env-match",
        "plugin",
        str(tree),
        "--",
        sys.executable,
        "-c",
        script,
        "--",
        "-q",
    )
    running = process(*words, cwd=tree, environ={"KEPT": "yes", **ENVIRON})
    out, _ = running.communicate(timeout=120)
    assert (running.returncode, out.decode()) == (7, "['--', '-q'] yes\n")
    assert D1 in (tree / "v3/devfile.yaml").read_text()


def test_no_lock_no_configuration_and_no_registry_code_is_needed(tree: Path) -> None:
    (tree / "imagelock.toml").write_text("broken")
    (tree / "images.lock").write_text("broken")
    script = (
        "import sys; from imagelock.cli.main import run; "
        "code = run(['olm', 'entrypoint', '--env-match', 'plugin', '.']); "
        "print(code, [name for name in sys.modules if name.startswith(('imagelock.registry', 'urllib3'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tree,
        env={**os.environ, **ENVIRON},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "0 []\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--registry", "mirror:5000"), {f"mirror:5000/acme/deep/plugin-go@{D1}", f"mirror:5000/acme/java@{D2}", "mirror:5000/nginx:1"}),
        (("--organization", "o/p"), {f"quay.io:443/o/p/plugin-go@{D1}", f"o/p/java@{D2}", "o/p/nginx:1"}),
        (("--registry", "m/x", "--organization", "o"), {f"m/x/o/plugin-go@{D1}", f"m/x/o/java@{D2}", "m/x/o/nginx:1"}),
        (("--tag", "7", "--drop-digests"), {f"{GO}:7", f"{JAVA}:7", "nginx:7"}),
    ],
)  # fmt: skip
def test_overrides_replace_parts_of_names_and_keep_digests(
    world: World, tree: Path, options: tuple[str, ...], expected: set[str]
) -> None:
    assert _entry(world, *options, str(tree)) == 0
    document = yaml.safe_load((tree / "v3/devfile.yaml").read_text())
    assert {item["image"] for item in document["components"] if "image" in item} == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--tag", "7", "{tree}"), "--drop-digests allows it"),
        (("--registry", "NO SPACE", "{tree}"), "cannot be rewritten"),
        (("{tree}/nothing",), "no such directory"),
        (("{tree}", "--", "no-such-command"), "no such command"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_changed(
    world: World, tree: Path, arguments: tuple[str, ...], words: str
) -> None:
    given = [word.replace("{tree}", str(tree)) for word in arguments]
    result = world.run_plain("olm", "entrypoint", "--env-match", "plugin_image", *given)
    assert result.code == 2
    assert words in result.err
    assert (tree / "v3/devfile.yaml").read_text() == DEVFILE


def test_a_pattern_that_is_none_is_told(world: World, tree: Path) -> None:
    assert world.run_plain("olm", "entrypoint", "--env-match", "(", str(tree)).code == 2


def test_two_digests_of_one_image_are_told(world: World, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELATED_IMAGE_again_plugin_image_GEXDC___", f"{GO}@{D2}")
    assert _entry(world, str(tree)) == 2
    assert (tree / "v3/devfile.yaml").read_text() == DEVFILE


def test_a_half_writable_tree_stays_as_it_was(
    world: World, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "w").mkdir()
    (tree / "w/devfile.yaml").write_text(DEVFILE)
    create = files._created

    def refused(path: str, folder: str) -> int:
        if folder.endswith("/w"):
            raise OSError(30, "Read-only file system")
        return create(path, folder)

    monkeypatch.setattr(files, "_created", refused)
    result = world.run_plain("olm", "entrypoint", "--env-match", "plugin_image", str(tree))
    assert result.code == 2
    assert "the file system is read-only" in result.err
    assert "w/devfile.yaml" in result.err
    assert [path.read_text() for path in tree.rglob("devfile.yaml")] == [DEVFILE, DEVFILE]
    assert not list(tree.rglob("*tmp*"))


def test_an_image_that_came_with_its_digest_is_not_looked_for(
    world: World, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "RELATED_IMAGE_plugin_go_plugin_image_"
    monkeypatch.delenv("RELATED_IMAGE_plugin_go_plugin_image_GEXDC___")
    monkeypatch.setenv(f"{name}IBZWQYJSGU3DUM3B", f"{GO}@{D1}")
    result = world.run_plain("olm", "entrypoint", "--env-match", "plugin_image", str(tree))
    assert "does not name an image by tag and digest" in result.err


def test_an_environment_without_images_is_an_error_unless_it_is_allowed(world: World, tree: Path) -> None:
    arguments = ("olm", "entrypoint", "--env-match", "_no_such_label_", str(tree))
    result = world.run_plain(*arguments)
    assert result.code == 2
    assert "no variable of the environment matches" in result.err
    assert (tree / "v3/devfile.yaml").read_text() == DEVFILE
    allowed = world.run_plain(*arguments, "--allow-empty")
    assert allowed.code == 0
    assert "0 pinned in 0 files" in allowed.err


def test_variables_of_which_none_is_an_image_are_an_error(
    world: World, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELATED_IMAGE_x_odd_image_GEXDC___", f"{GO}:1.1")
    result = world.run_plain("olm", "entrypoint", "--env-match", "odd_image", str(tree))
    assert result.code == 2
    assert "1 variables match, and none names an image by tag and digest" in result.err


@pytest.fixture
def catalog(world: World) -> World:
    """Give a locked catalog of two images."""
    world.configure(CONFIG + CATALOG)
    world.write("external_images.txt", "quay.io/acme/go:1.1\nacme/java\n")
    for reference in ("quay.io/acme/go:1.1", "acme/java"):
        world.push(reference)
    assert world.run("lock").code == 0
    return world


def test_the_variables_are_printed_as_lines_yaml_and_json(catalog: World) -> None:
    go, java = (str(image.digest) for image in sorted(catalog.lock.images, key=lambda item: item.tag or ""))
    pairs = {
        "RELATED_IMAGE_go_plugin_image_GEXDC___": f"quay.io/acme/go@{go}",
        "RELATED_IMAGE_java_plugin_image_": f"acme/java@{java}",
    }
    lines = catalog.run_plain("olm", "env", "-C", str(catalog.root)).out
    assert lines == "".join(f"{name}={value}\n" for name, value in pairs.items())
    text = catalog.run_plain("olm", "env", "-C", str(catalog.root), "-o", "yaml").out
    assert yaml.safe_load(text) == [{"name": name, "value": value} for name, value in pairs.items()]
    document = catalog.run_plain("olm", "env", "-C", str(catalog.root), "-o", "json").document
    assert document["schema"] == "imagelock/olm-env/v1"
    assert [item["image"] for item in document["variables"]] == ["quay.io/acme/go:1.1", "acme/java"]


def test_a_list_becomes_variables_of_the_label_given(catalog: World) -> None:
    words = ("olm", "env", "-C", str(catalog.root), "external_images.txt", "--label", "x")
    assert catalog.run_plain(*words).out.startswith("RELATED_IMAGE_go_x_GEXDC___=quay.io/acme/go@")
    assert catalog.run_plain(*words[:-2]).code == 2
    assert catalog.run_plain("olm", "env", "-C", str(catalog.root), "--label", "none").code == 2


def test_what_is_not_locked_is_told(catalog: World) -> None:
    catalog.write("external_images.txt", "quay.io/acme/new:1\n")
    result = catalog.run_plain("olm", "env", "-C", str(catalog.root))
    assert (result.code, result.out, "IL112" in result.err) == (1, "", True)


def test_a_running_environment_is_explained(world: World) -> None:
    lines = [f"{name}={value}" for name, value in ENVIRON.items()]
    world.write("running.env", "\n".join([*lines, "PATH=/bin", f"RELATED_IMAGE_server={GO}@{D1}"]))
    out = world.run_plain("olm", "env", "--decode", "-C", str(world.root), "running.env").out
    assert f"RELATED_IMAGE_plugin_go_plugin_image_GEXDC___\t{GO}:1.1\t{D1}\n" in out
    assert f"RELATED_IMAGE_server\t{GO}@{D1}\t{D1}\tnot generated: its name has no tag\n" in out
    assert "PATH" not in out
