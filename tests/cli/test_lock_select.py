"""``[[mirror.select]]``: tags become entries of the lock first, and what is copied is what the lock has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.service.embedded import EmbeddedRegistry
from imagelock.stores.memory import MemoryStore
from support.lying import Lying, Reply
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

NAME = "quay.io/team/app"
RULE = f'[[mirror.select]]\nname = "{NAME}"\ntags = "semver:>=1.2 <2"\n'


@pytest.fixture
def project(world: World) -> World:
    """Give a repository with some tags, and a project with a selection and one image of its own."""
    for tag in ("1.1.0", "1.2.0", "1.10.0", "2.0.0", "latest"):
        world.push(f"{NAME}:{tag}")
    world.push("docker.io/library/nginx:1.25")
    world.write("app.yaml", deployment("nginx:1.25"))
    world.configure(RULE)
    return world


def locked(world: World) -> dict[str, str | None]:
    """Return the tags of the selected repository with the source of each."""
    return {str(image.tag): image.source.origin if image.source else None for image in world.lock.named(NAME)}


def test_a_range_becomes_entries_and_a_mirror_copies_them(project: World) -> None:
    assert project.run("lock").code == 0
    origin = f"[[mirror.select]] {NAME} semver:>=1.2 <2"
    assert locked(project) == {"1.2.0": origin, "1.10.0": origin}
    assert project.lock.tagged("docker.io/library/nginx", "1.25") is not None
    with EmbeddedRegistry(MemoryStore()) as target:
        assert project.run("mirror", "--to", target.address).code == 0
        assert target.store.tags(NAME) == ("1.10.0", "1.2.0")
    assert project.run("pin").code == 0
    assert project.run("check", "--strict").code == 0


def test_a_second_lock_asks_nothing_and_changes_nothing(project: World) -> None:
    project.run("lock")
    before = project.read("images.lock")
    project.push(f"{NAME}:1.11.0")
    project.asked()
    result = project.run("lock")
    assert (result.code, project.asked(), project.read("images.lock")) == (0, [], before)
    assert project.run("lock", "--check").code == 0


@pytest.mark.parametrize("arguments", [("-U",), ("-P", NAME)])
def test_an_upgrade_selects_again(project: World, arguments: tuple[str, ...]) -> None:
    project.run("lock")
    project.push(f"{NAME}:1.11.0")
    assert project.run("lock", *arguments).code == 0
    assert set(locked(project)) == {"1.2.0", "1.10.0", "1.11.0"}


def test_what_no_longer_fits_goes_with_an_upgrade(project: World) -> None:
    project.configure(f'[[mirror.select]]\nname = "{NAME}"\ntags = "semver:1.x"\nnewest = 2\n')
    assert project.run("lock").code == 0
    assert set(locked(project)) == {"1.2.0", "1.10.0"}
    project.push(f"{NAME}:1.11.0")
    assert project.run("lock", "-U").code == 0
    assert set(locked(project)) == {"1.10.0", "1.11.0"}


def test_another_rule_selects_by_itself_and_no_rule_removes(project: World) -> None:
    project.run("lock")
    assert project.run("lock", "--check").code == 0
    project.configure(f'[[mirror.select]]\nname = "{NAME}"\ntags = "regex:latest|2.*"\n')
    assert project.run("lock", "--check").code == 1
    assert project.run("lock").code == 0
    assert set(locked(project)) == {"latest", "2.0.0"}
    project.configure()
    assert project.run("lock").code == 0
    assert locked(project) == {}
    assert project.lock.tagged("docker.io/library/nginx", "1.25") is not None


def test_a_partial_run_removes_nothing(project: World) -> None:
    project.run("lock")
    project.configure()
    assert project.run("lock", "app.yaml").code == 0
    assert set(locked(project)) == {"1.2.0", "1.10.0"}


def test_a_tag_that_a_file_names_too_has_one_entry(project: World) -> None:
    project.write("more.yaml", deployment(f"{NAME}:1.2.0", f"{NAME}:1.1.0"))
    assert project.run("lock").code == 0
    assert set(locked(project)) == {"1.2.0", "1.10.0", "1.1.0"}
    project.configure()
    assert project.run("lock").code == 0
    assert set(locked(project)) == {"1.2.0", "1.1.0"}


def test_update_moves_what_was_selected_and_keeps_it(project: World) -> None:
    project.run("lock")
    moved = project.push(f"{NAME}:1.2.0", "again")
    assert project.run("update", "-U").code == 0
    entry = project.lock.tagged(NAME, "1.2.0")
    assert entry is not None
    assert (str(entry.digest), set(locked(project))) == (moved, {"1.2.0", "1.10.0"})


def test_a_project_without_any_file_can_be_a_mirror(world: World) -> None:
    world.push(f"{NAME}:1.2.0")
    world.configure(RULE)
    assert world.run("lock").code == 0
    assert set(locked(world)) == {"1.2.0"}


def test_pages_are_followed_to_the_last(project: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagelock.service.manifests.PAGE_ENTRIES", 2)
    assert project.run("lock").code == 0
    assert set(locked(project)) == {"1.2.0", "1.10.0"}


def test_nothing_that_fits_is_reported_and_nothing_written(project: World) -> None:
    project.configure(f'[[mirror.select]]\nname = "{NAME}"\ntags = "semver:>=9"\n')
    result = project.json("lock")
    assert (result.code, result.codes) == (3, ["IL301"])
    assert not (project.root / "images.lock").exists()


def test_a_repository_that_cannot_be_listed_keeps_what_was_selected(project: World) -> None:
    project.run("lock")
    before = project.read("images.lock")
    project.configure(RULE.replace("team/app", "team/none") + RULE)
    result = project.json("lock", "-U")
    assert (result.code, result.codes, project.read("images.lock")) == (3, ["IL301"], before)


def test_offline_keeps_what_is_known_and_cannot_select(project: World) -> None:
    assert project.run("lock", "--offline").code == 3
    project.run("lock")
    assert project.run("lock", "--offline").code == 0
    assert set(locked(project)) == {"1.2.0", "1.10.0"}


@pytest.mark.parametrize(
    "body",
    [b"[]", b"no json", b'{"tags": "1.2.0"}', b'{"tags": [1]}'],
)
def test_an_answer_that_is_no_list_is_could_not_tell(world: World, body: bytes) -> None:
    with Lying() as lying:
        lying.on("GET /v2/app/tags/list", Reply(body=body))
        world.write("imagelock.toml", RULE.replace(NAME, f"{lying.address}/app"))
        result = world.json("lock")
    assert (result.code, result.codes) == (3, ["IL301"])


def test_a_list_that_goes_in_circles_ends(world: World) -> None:
    page = Reply(body=b'{"tags":["1.2.0"]}', headers=(("Link", '</v2/app/tags/list?last=x>; rel="next"'),))
    with Lying() as lying:
        lying.on("GET /v2/app/tags/list", page)
        lying.on("GET /v2/app/tags/list?last=x", page)
        world.write("imagelock.toml", RULE.replace(NAME, f"{lying.address}/app"))
        result = world.json("lock")
        assert len(lying.requests("GET")) < 10
    assert (result.code, result.codes) == (3, ["IL301"])


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (f'name = "{NAME}"', "tags, newest, or both"),
        ('tags = "semver:1"', "'name' is missing"),
        (f'name = "{NAME}:1"\nnewest = 1', "without a tag"),
        ('name = "UPPER"\nnewest = 1', "name"),
        (f'name = "{NAME}"\nnewest = 0', "at least 1"),
        (f'name = "{NAME}"\ntags = "1.*"', "semver:"),
        (f'name = "{NAME}"\ntags = "semver:newest"', "not a range"),
        (f'name = "{NAME}"\ntags = "regex:("', "regular expression"),
        (f'name = "{NAME}"\ntags = "regex:(?=a)"', "RE2"),
        (f'name = "{NAME}"\ntags = "semver:{"1 || " * 500}1"', "longer"),
        (f'name = "{NAME}"\nnewest = 1\nfoo = 1', "unknown key"),
    ],
)
def test_a_wrong_selection_is_exit_2_with_its_line(world: World, rule: str, words: str) -> None:
    world.write("imagelock.toml", f"[[mirror.select]]\n{rule}\n")
    result = world.run("lock")
    assert (result.code, words in result.err, "imagelock.toml:" in result.err) == (2, True, True), result.err
