"""Who decides what the lock says: new is resolved, known is kept, unused goes; each sentence of the design."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.lockfile.writer import render_lock
from imagelock.model.lock import Lock
from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"
B = "quay.io/acme/base:2.0"
OTHER = "sha256:" + "0" * 64


@pytest.fixture
def locked(world: World) -> World:
    """Give a project with two locked images in one file; the requests so far are forgotten."""
    for reference in (A, B):
        world.push(reference)
    world.write("a.yaml", deployment(A, B))
    assert world.run("lock").code == 0
    world.asked()
    return world


def digests(world: World) -> dict[str, str]:
    """Return the lock as reference to digest."""
    return {image.reference: str(image.digest) for image in world.lock.images}


def test_a_tagged_reference_gets_the_digest_its_tag_has(world: World) -> None:
    digest = world.push(A)
    world.write("a.yaml", deployment(A))
    assert world.run("lock").code == 0
    assert digests(world) == {A: digest}


def test_the_entry_tells_platforms_media_type_size_and_who_answered(locked: World) -> None:
    entry = locked.lock.images[0]
    assert [str(part.platform) for part in entry.platforms] == ["linux/amd64", "linux/arm64/v8"]
    assert entry.media_type == "application/vnd.oci.image.index.v1+json"
    assert entry.size
    assert entry.resolved_from == locked.registry.address


def test_a_second_lock_asks_nobody_and_writes_nothing(locked: World) -> None:
    before = (locked.root / "images.lock").stat()
    result = locked.run("lock")
    after = (locked.root / "images.lock").stat()
    assert result.code == 0
    assert locked.asked() == []
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_cold_lock_is_one_get_a_tag_and_one_config_for_a_single_platform(world: World) -> None:
    world.push(A)
    world.push(B, single=True)
    world.write("a.yaml", deployment(A, B, A, B))
    world.run("lock")
    asked = sorted((one.method, one.path.rpartition("/")[0]) for one in world.asked())
    assert asked == [
        ("GET", "/v2/quay.io/acme/app/manifests"),
        ("GET", "/v2/quay.io/acme/base/blobs"),
        ("GET", "/v2/quay.io/acme/base/manifests"),
    ]


def test_a_known_entry_is_kept_although_its_tag_moved(locked: World) -> None:
    before = digests(locked)
    locked.push(A, "moved")
    locked.write("b.yaml", deployment("quay.io/acme/new:3"))
    locked.push("quay.io/acme/new:3")
    assert locked.run("lock").code == 0
    assert {A: before[A], B: before[B]}.items() <= digests(locked).items()


def test_upgrade_takes_every_tag_that_moved(locked: World) -> None:
    moved = locked.push(A, "moved")
    before = digests(locked)
    assert locked.run("lock", "-U").code == 0
    assert digests(locked) == {A: moved, B: before[B]}


def test_upgrade_asks_an_unmoved_tag_by_one_head(locked: World) -> None:
    locked.run("lock", "-U")
    assert sorted(one.method for one in locked.asked()) == ["HEAD", "HEAD"]


def test_upgrading_one_image_changes_its_block_and_no_other_byte(locked: World) -> None:
    locked.push(A, "moved")
    locked.push(B, "moved")
    locked.write("b.yaml", deployment("quay.io/acme/new:3"))
    before = locked.read("images.lock").split("\n\n")
    assert locked.run("lock", "-P", A).code == 0
    after = locked.read("images.lock").split("\n\n")
    assert len(before) == len(after)
    assert [old != new for old, new in zip(before, after, strict=True)] == [False, True, False]


def test_upgrading_one_image_asks_for_nothing_else(locked: World) -> None:
    locked.push(A, "moved")
    locked.run("lock", "-P", A)
    assert {one.path.split("/manifests")[0] for one in locked.asked()} == {"/v2/quay.io/acme/app"}


def test_upgrading_one_image_is_not_stopped_by_others_that_disagree(locked: World) -> None:
    moved = locked.push(A, "moved")
    locked.write(
        "b.yaml", deployment(f"quay.io/acme/x:1@{OTHER}", f"quay.io/acme/x:1@{OTHER.replace('0', '1')}")
    )
    assert locked.run("lock", "-P", A).code == 0
    assert digests(locked)[A] == moved


def test_upgrading_an_unknown_image_is_a_usage_error(locked: World) -> None:
    assert locked.run("lock", "-P", "quay.io/acme/nobody").code == 2


@pytest.mark.parametrize("image", ["Not An Image", "quay.io/acme/app@sha256:12", ":"])
def test_upgrading_what_is_no_image_is_a_usage_error(locked: World, image: str) -> None:
    assert locked.run("lock", "-P", image).code == 2


def test_a_digest_beside_a_tag_is_adopted_once_it_is_proved(world: World) -> None:
    old = world.push(A)
    world.push(A, "moved")
    world.write("a.yaml", deployment(f"{A}@{old}"))
    assert world.run("lock").code == 0
    assert digests(world) == {A: old}
    assert [(one.method, one.path.rpartition("/")[2]) for one in world.asked()] == [("GET", old)]


def test_a_digest_that_does_not_exist_is_not_adopted(world: World) -> None:
    world.push(A)
    world.write("a.yaml", deployment(f"{A}@{OTHER}"))
    result = world.json("lock")
    assert (result.code, result.codes) == (3, ["IL301"])
    assert not (world.root / "images.lock").exists()


def test_one_place_with_a_digest_speaks_for_every_place_of_its_tag(world: World) -> None:
    old = world.push(A)
    world.push(A, "moved")
    world.write("a.yaml", deployment(A, f"{A}@{old}", A))
    world.run("lock")
    assert digests(world) == {A: old}


def test_two_digests_for_one_new_tag_are_il120_and_nothing_is_written(world: World) -> None:
    one, two = world.push(A), world.push(A, "moved")
    world.write("a.yaml", deployment(f"{A}@{one}", f"{A}@{two}"))
    result = world.json("lock")
    assert (result.code, result.codes) == (1, ["IL120"])
    assert not (world.root / "images.lock").exists()


def test_a_known_tag_keeps_the_locks_digest_whatever_a_file_carries(locked: World) -> None:
    before = digests(locked)
    moved = locked.push(A, "moved")
    locked.write("a.yaml", deployment(f"{A}@{moved}", B))
    assert locked.run("lock").code == 0
    assert digests(locked) == before


def test_adopt_takes_the_digest_the_file_carries(locked: World) -> None:
    moved = locked.push(A, "moved")
    locked.write("a.yaml", deployment(f"{A}@{moved}", B))
    assert locked.run("lock", "--adopt").code == 0
    assert digests(locked)[A] == moved


def test_a_digest_without_tag_becomes_an_entry_of_its_own_only_if_no_entry_has_it(locked: World) -> None:
    known = digests(locked)[A]
    new = locked.push("quay.io/acme/new:3")
    locked.write("b.yaml", deployment(f"quay.io/acme/app@{known}", f"quay.io/acme/new@{new}"))
    assert locked.run("lock").code == 0
    assert sorted(digests(locked)) == sorted([A, B, f"quay.io/acme/new@{new}"])


def test_a_digest_that_a_new_tag_has_as_well_is_one_entry(world: World) -> None:
    digest = world.push(A)
    world.write("a.yaml", deployment(f"quay.io/acme/app@{digest}", A))
    assert world.run("lock").code == 0
    assert digests(world) == {A: digest}


def test_a_file_that_dropped_the_tag_does_not_make_the_lock_forget_it(locked: World) -> None:
    known = digests(locked)
    locked.write("a.yaml", deployment(f"quay.io/acme/app@{known[A]}", f"quay.io/acme/base@{known[B]}"))
    before = locked.read("images.lock")
    assert locked.run("lock").code == 0
    assert locked.read("images.lock") == before
    assert locked.asked() == []


def test_an_entry_goes_when_the_whole_project_was_scanned_and_nothing_uses_it(locked: World) -> None:
    locked.write("a.yaml", deployment(A))
    result = locked.json("lock")
    assert result.code == 0
    assert [change["after"] for change in result.document["changes"]] == [None]
    assert list(digests(locked)) == [A]


def test_a_partial_run_never_removes_and_says_so(locked: World) -> None:
    locked.write("a.yaml", deployment(A))
    result = locked.run("lock", "a.yaml")
    assert result.code == 0
    assert "no entry was removed" in result.err
    assert sorted(digests(locked)) == [A, B]


def test_a_run_that_could_not_read_a_file_never_removes_and_says_so(locked: World) -> None:
    locked.write("a.yaml", deployment(A))
    locked.write("broken.yaml", "kind: Pod\nspec: {containers: [{image: quay.io/acme/base:2.0}\n")
    result = locked.run("lock")
    assert result.code == 1
    assert "no entry was removed" in result.err
    assert sorted(digests(locked)) == [A, B]


def test_the_entry_of_an_exempt_image_goes_and_is_not_resolved_again(locked: World) -> None:
    locked.configure(f'[[exempt]]\nimage = "{A}"\nreason = "on purpose"\n')
    assert locked.run("lock").code == 0
    assert list(digests(locked)) == [B]


def test_tags_are_matched_whole_and_never_as_text(world: World) -> None:
    short, long = world.push("quay.io/acme/app:7.3"), world.push("quay.io/acme/app:7.30.0")
    world.write("a.yaml", deployment("quay.io/acme/app:7.3", "quay.io/acme/app:7.30.0"))
    world.run("lock")
    assert digests(world) == {"quay.io/acme/app:7.3": short, "quay.io/acme/app:7.30.0": long}


def test_an_untagged_name_is_locked_as_latest(world: World) -> None:
    digest = world.push("redis")
    world.write("a.yaml", deployment("redis", "docker.io/library/redis:latest"))
    world.run("lock")
    assert digests(world) == {"docker.io/library/redis:latest": digest}


def test_nothing_is_written_unless_everything_was_resolved(locked: World) -> None:
    before = locked.tree()
    locked.push("quay.io/acme/new:3")
    locked.write("b.yaml", deployment("quay.io/acme/new:3", "quay.io/acme/nobody:1"))
    result = locked.run("lock")
    assert result.code == 3
    assert locked.read("images.lock") == before["images.lock"].decode()
    assert "not written" in result.err


def test_keep_going_writes_the_rest_and_still_exits_3(locked: World) -> None:
    new = locked.push("quay.io/acme/new:3")
    locked.write("b.yaml", deployment("quay.io/acme/new:3", "quay.io/acme/nobody:1"))
    assert locked.run("lock", "--keep-going").code == 3
    assert digests(locked)["quay.io/acme/new:3"] == new
    assert len(digests(locked)) == 3


def test_a_failed_image_names_its_places_what_was_tried_and_what_to_run(locked: World) -> None:
    locked.write("b.yaml", deployment("quay.io/acme/nobody:1"))
    locked.write("c.yaml", deployment("quay.io/acme/nobody:1"))
    result = locked.json("lock")
    (item,) = result.document["findings"]
    assert (item["code"], item["file"], item["line"]) == ("IL301", "b.yaml", 10)
    assert "used at c.yaml:10" in item["notes"]
    assert any(note.startswith("tried http://127.0.0.1:") for note in item["notes"])
    assert "imagelock lock" in item["hint"]


def test_a_failed_upgrade_names_the_places_too_and_keeps_the_entry(locked: World) -> None:
    before = digests(locked)
    locked.store.delete_tag("quay.io/acme/app", "1.0")
    result = locked.json("lock", "-U", "--keep-going")
    (item,) = result.document["findings"]
    assert (item["code"], item["file"], item["line"]) == ("IL301", "a.yaml", 10)
    assert digests(locked) == before


def test_the_lock_is_byte_identical_whatever_the_order_of_sources(world: World) -> None:
    names = [f"quay.io/acme/i{number}:1" for number in range(6)]
    for number, name in enumerate(names):
        world.push(name)
        world.write(f"{number}.yaml", deployment(name))
    files = [f"{number}.yaml" for number in range(6)]
    world.run("lock", *files)
    first = world.read("images.lock")
    (world.root / "images.lock").unlink()
    world.run("lock", *reversed(files))
    assert world.read("images.lock") == first
    assert render_lock(Lock(tuple(reversed(world.lock.images)))) == first


def test_a_missing_platform_is_a_warning(world: World) -> None:
    world.configure('[lock]\nplatforms = ["linux/s390x"]\n')
    world.push(A)
    world.write("a.yaml", deployment(A))
    result = world.json("lock")
    assert (result.code, result.codes) == (0, ["IL106"])
    assert world.json("lock", "--strict").code == 1


def test_configured_platforms_carry_their_config_digests_and_sizes(world: World) -> None:
    world.configure('[lock]\nplatforms = ["linux/amd64"]\n')
    world.push(A)
    world.write("a.yaml", deployment(A))
    world.run("lock")
    amd64, arm64 = world.lock.images[0].platforms
    assert amd64.config is not None
    assert amd64.size
    assert arm64.config is None


def test_full_reads_the_config_digest_of_every_platform(world: World) -> None:
    world.push(A)
    world.write("a.yaml", deployment(A))
    world.run("lock", "--full")
    assert all(part.config is not None for part in world.lock.images[0].platforms)


def test_an_image_that_cannot_be_resolved_offline_is_exit_3_and_no_lock(world: World) -> None:
    world.write("a.yaml", deployment(A))
    result = world.json("lock", "--offline")
    assert (result.code, result.codes) == (3, ["IL301"])
    assert world.asked() == []


def test_a_platform_configured_later_is_completed_by_digest_without_asking_the_tag(locked: World) -> None:
    before = digests(locked)
    locked.configure('[lock]\nplatforms = ["linux/amd64"]\n')
    assert locked.run("lock").code == 0
    assert {one.path.rpartition("/")[2][:7] for one in locked.asked()} == {"sha256:"}
    assert digests(locked) == before
    entry = locked.lock.images[0]
    assert [part.config is not None for part in entry.platforms] == [True, False]
    assert entry.resolved_from == locked.registry.address
    locked.run("lock")
    assert locked.asked() == []


def test_full_completes_every_platform_of_what_is_known(locked: World) -> None:
    assert locked.run("lock", "--full").code == 0
    assert all(part.config and part.size for image in locked.lock.images for part in image.platforms)
