"""Links and paths that lead out of the project: nothing there is written, and no word of it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.report.all import REPORTS
from support.helm import provide_helm
from support.peers import MISSING
from support.world import deployment

if TYPE_CHECKING:
    from pathlib import Path

    from support.world import World

A = "quay.io/acme/app:1.0"
SECRET = "quay.io/acme/token-5f2b:not-for-logs"
LINE = "token-5f2b-not-for-logs"


@pytest.fixture
def outside(world: World) -> Path:
    """Give a folder beside the project, which is not ours."""
    world.push(A)
    world.write("a.yaml", deployment(A))
    assert world.run("lock").code == 0
    folder = world.root.parent / "outside"
    folder.mkdir()
    (folder / "list.txt").write_text(f"{LINE}\n{SECRET}\n")
    (folder / "pod.yaml").write_text(deployment(SECRET))
    return folder


def _link(world: World, name: str, target: Path) -> None:
    (world.root / name).parent.mkdir(parents=True, exist_ok=True)
    (world.root / name).symlink_to(target)


@pytest.mark.parametrize("name", ["image_references/x", "images.txt", "external_images", "sub/pod.yaml"])
@pytest.mark.parametrize("command", ["scan", "check", "pin", "lock"])
def test_no_word_of_a_file_outside_is_printed_or_reported(
    world: World, outside: Path, name: str, command: str
) -> None:
    _link(world, name, outside / ("pod.yaml" if name.endswith("yaml") else "list.txt"))
    reports = [part for kind in REPORTS for part in ("--report", f"{kind}={kind}.report")]
    for result in (world.run(command, *reports), world.run(command, "-o", "json"), world.run(command, name)):
        assert "token-5f2b" not in result.out + result.err
    for kind in REPORTS:
        if (world.root / f"{kind}.report").exists():
            assert "token-5f2b" not in world.read(f"{kind}.report")
    assert "token-5f2b" not in world.read("images.lock")


def test_what_a_link_leads_to_is_reported_and_followed_on_request(world: World, outside: Path) -> None:
    _link(world, "sub/pod.yaml", outside / "pod.yaml")
    result = world.run("scan")
    assert result.code == 1
    assert "sub/pod.yaml" in result.out
    assert "--trust-config" in result.out
    assert SECRET in world.run("scan", "--trust-config").out


def test_a_link_to_a_file_without_images_is_nothing_to_report(world: World, outside: Path) -> None:
    (outside / "notes.txt").write_text("nothing here\n")
    _link(world, "notes.txt", outside / "notes.txt")
    assert world.run("scan").code == 0


def test_a_link_within_the_project_is_followed(world: World, outside: Path) -> None:
    _link(world, "sub/b.yaml", world.root / "a.yaml")
    assert "sub/b.yaml" in world.run("scan").out


def test_the_lock_is_neither_written_nor_read_through_a_link(world: World, outside: Path) -> None:
    data = world.read("images.lock")
    (world.root / "images.lock").unlink()
    (outside / "images.lock").write_text(data)
    _link(world, "images.lock", outside / "images.lock")
    for command in (("lock", "-U"), ("update", "-U"), ("check",), ("pin",)):
        refused = world.run(*command)
        assert refused.code == 2, command
        assert "leads out of the project" in refused.err
    assert world.run("check", "--trust-config").code == 1
    assert world.run("lock", "-U", "--trust-config").code == 2
    assert (outside / "images.lock").read_text() == data
    assert sorted(path.name for path in outside.iterdir()) == ["images.lock", "list.txt", "pod.yaml"]


@pytest.mark.parametrize(
    "command",
    [
        ("pin", "--output-dir", "out"),
        ("check", "--report", "json=out/a.yaml"),
        ("record", f"{A}@sha256:{'0' * 64}", "--output-dir", "out"),
    ],
)
def test_nothing_is_written_through_a_link_to_a_folder(
    world: World, outside: Path, command: tuple[str, ...]
) -> None:
    target = outside / "written"
    target.mkdir()
    if command[0] == "pin":
        _link(world, "out/a.yaml", target / "a.yaml")
    else:
        _link(world, "out", target)
    refused = world.run(*command)
    assert refused.code == 2
    assert "leads out of the project" in refused.err
    assert list(target.iterdir()) == []


def test_init_writes_through_no_link(world: World, outside: Path) -> None:
    (outside / "attributes").write_text("* text\n")
    _link(world, ".gitattributes", outside / "attributes")
    assert world.run("init").code == 2
    assert (outside / "attributes").read_text() == "* text\n"


@pytest.mark.parametrize(
    "setting",
    [
        '[scan]\nsources = ["../outside"]',
        '[scan]\nsources = ["{outside}"]',
        '[lock]\nfrom = ["../outside/list.txt"]',
        '[lock]\nfrom = ["{outside}"]',
        '[lock]\nfrom = ["linked.txt"]',
        '[lock]\nfrom = ["/proc"]',
        '[build]\nimages = ["../outside/list.txt"]\nreferences = ["image_references/*"]',
        '[build]\nreferences = ["../outside/*"]',
        '[olm]\nrelated-images = true\n[[olm.catalog]]\nlabel = "x"\nsource = "../outside/list.txt"',
    ],
)
def test_a_configuration_found_in_the_tree_names_nothing_outside_it(
    world: World, outside: Path, setting: str
) -> None:
    world.configure(setting.format(outside=outside))
    world.write("image_references/a.txt", f"{A}@sha256:{'0' * 64}\n")
    _link(world, "linked.txt", outside / "list.txt")
    result = world.run("lock")
    assert result.code == 2
    assert "internal error" not in result.err
    assert "token-5f2b" not in result.out + result.err


def test_a_file_behind_a_link_in_a_chart_is_not_rendered(
    world: World, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not provide_helm(monkeypatch):
        assert MISSING
        return
    (outside / "secret.txt").write_text(SECRET)
    world.write("chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n")
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n  - name: c\n    image: "
    world.write("chart/templates/pod.yaml", f'{pod}{{{{ .Files.Get "secret.txt" }}}}\n')
    _link(world, "chart/secret.txt", outside / "secret.txt")
    result = world.run("check", "--render")
    assert "IL124" in result.out
    assert "chart/secret.txt" in result.out
    assert "token-5f2b" not in result.out + result.err


def test_a_configuration_behind_a_link_is_for_trusting_runs(world: World, outside: Path) -> None:
    (world.root / "imagelock.toml").rename(outside / "imagelock.toml")
    _link(world, "imagelock.toml", outside / "imagelock.toml")
    refused = world.run("check")
    assert refused.code == 2
    assert "--trust-config" in refused.err
    assert world.run("check", "--trust-config").code == 1
