"""Build lists: images no scan can find again, taken with their source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"
B = "quay.io/acme/base:2.0"
OTHER = "sha256:" + "0" * 64


def test_a_listed_image_is_proved_and_carries_its_source(world: World) -> None:
    digest = world.push(A)
    world.write("built/app.txt", f"{A}@{digest}\n")
    assert world.run("lock", "--from", "built/*.txt").code == 0
    (entry,) = world.lock.images
    assert str(entry.digest) == digest
    assert entry.source is not None
    assert entry.source.origin == "built/app.txt"
    assert entry.platforms


def test_the_lists_of_the_configuration_count_without_being_named(world: World) -> None:
    digest = world.push(A)
    world.write("built.txt", f"{A}@{digest}\n")
    world.configure('[lock]\nfrom = ["built.txt"]\n')
    assert world.run("lock").code == 0
    world.asked()
    assert world.run("lock").code == 0
    assert world.asked() == []
    assert world.run("check", "--strict").code == 0


def test_a_list_decides_over_the_tag_and_over_the_lock(world: World) -> None:
    old = world.push(A)
    world.push(A, "moved")
    world.write("a.yaml", deployment(A))
    world.run("lock")
    world.write("built.txt", f"{A}@{old}\n")
    world.run("lock", "--from", "built.txt")
    assert [str(image.digest) for image in world.lock.images] == [old]


def test_offline_takes_name_tag_and_digest_only(world: World) -> None:
    world.write("built.txt", f"{A}@{OTHER}\n")
    assert world.run("lock", "--offline", "--from", "built.txt").code == 0
    (entry,) = world.lock.images
    assert (str(entry.digest), entry.media_type, entry.platforms) == (OTHER, None, ())
    assert world.asked() == []


def test_two_digests_for_one_tag_are_il104_naming_the_lists(world: World) -> None:
    world.write("one.txt", f"{A}@{OTHER}\n")
    world.write("two.txt", f"{A}@{OTHER.replace('0', '1')}\n")
    result = world.json("lock", "--offline", "--from", "*.txt")
    assert (result.code, result.codes) == (1, ["IL104"])
    assert [note.partition(":")[0] for note in result.document["findings"][0]["notes"]] == [
        "one.txt",
        "two.txt",
    ]
    assert not (world.root / "images.lock").exists()


def test_an_entry_of_a_list_that_was_not_read_stays(world: World) -> None:
    for reference in (A, B):
        world.write(f"{reference.rpartition('/')[2][:3]}.txt", f"{reference}@{world.push(reference)}\n")
    world.run("lock", "--from", "app.txt", "--from", "bas.txt")
    world.write("app.txt", f"{A}@{world.push(A, 'rebuilt')}\n")
    assert world.run("lock", "--from", "app.txt").code == 0
    assert [image.reference for image in world.lock.images] == [A, B]


def test_an_image_that_left_its_list_goes(world: World) -> None:
    one, two = world.push(A), world.push(B)
    world.write("built.txt", f"{A}@{one}\n{B}@{two}\n")
    world.run("lock", "--from", "built.txt")
    world.write("built.txt", f"{A}@{one}\n")
    world.run("lock", "--from", "built.txt")
    assert [image.reference for image in world.lock.images] == [A]


def test_check_sees_what_a_list_would_add(world: World) -> None:
    digest = world.push(A)
    world.write("images.lock", "version = 1\n")
    world.write("built.txt", f"{A}@{digest}\n")
    assert world.run("lock", "--check").code == 0
    assert world.json("lock", "--check", "--from", "built.txt").codes == ["IL112"]
    assert world.run("lock", "--check", "--offline", "--from", "built.txt").code == 1
    world.run("lock", "--from", "built.txt")
    assert world.run("lock", "--check", "--from", "built.txt").code == 0


@pytest.mark.parametrize(
    "text",
    [A, "not an image", f"{A}@sha256:12", "", "# only a comment\n", f"{A}@{OTHER}\n{A}@{OTHER[:-1]}1\n"],
)
def test_a_list_that_is_none_is_exit_2(world: World, text: str) -> None:
    world.write("built.txt", text)
    assert world.run("lock", "--from", "built.txt").code == 2
    assert not (world.root / "images.lock").exists()


@pytest.mark.parametrize("pattern", ["nowhere.txt", "nowhere-*.txt"])
def test_a_list_that_is_not_there_is_exit_2(world: World, pattern: str) -> None:
    assert world.run("lock", "--from", pattern).code == 2


def test_a_plain_list_is_read_and_never_written(world: World) -> None:
    text = f"# ours\n{A}@{OTHER}\n"
    world.write("list.txt", text)
    world.write("a.yaml", deployment(A))
    assert world.run("pin", "--lock-file", "list.txt").code == 0
    for command in (("lock",), ("update", "-U"), ("lock", "--keep-going", "-U")):
        result = world.run(*command, "--lock-file", "list.txt")
        assert result.code == 2
        assert "read but not written" in result.err
    assert world.read("list.txt") == text
