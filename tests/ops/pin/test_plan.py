"""Places say what the lock says, and can say again what they said; not one other byte changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"
B = "quay.io/acme/base:2.0"
NAME = "quay.io/acme/app"
OTHER = "sha256:" + "0" * 64


@pytest.fixture
def locked(world: World) -> World:
    """Give a project with two locked images."""
    for reference in (A, B):
        world.push(reference)
    world.write("a.yaml", deployment(A, B))
    assert world.run("lock").code == 0
    return world


def digest(world: World, reference: str) -> str:
    """Return the digest the lock has."""
    return next(str(image.digest) for image in world.lock.images if image.reference == reference)


def test_a_tag_is_followed_by_its_digest_and_the_name_stays_as_written(locked: World) -> None:
    locked.push("redis:7")
    locked.write("a.yaml", deployment(A, "redis:7", f"'{B}'"))
    locked.run("lock")
    assert locked.run("pin").code == 0
    assert locked.read("a.yaml") == deployment(
        f"{A}@{digest(locked, A)}",
        f"redis:7@{digest(locked, 'docker.io/library/redis:7')}",
        f"'{B}@{digest(locked, B)}'",
    )


def test_pinning_twice_changes_nothing(locked: World) -> None:
    locked.run("pin")
    before = (locked.root / "a.yaml").stat()
    result = locked.json("pin")
    after = (locked.root / "a.yaml").stat()
    assert (result.code, result.document["changes"]) == (0, [])
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_pin_moves_a_tag_with_an_old_digest_to_the_locks(locked: World) -> None:
    locked.write("a.yaml", deployment(f"{A}@{OTHER}", B))
    locked.run("pin")
    assert f"{A}@{digest(locked, A)}" in locked.read("a.yaml")


def test_existing_keep_leaves_references_alone_that_have_a_digest(locked: World) -> None:
    locked.configure('[pin]\nexisting = "keep"\n')
    locked.write("a.yaml", deployment(f"{A}@{OTHER}", f"quay.io/acme/other@{OTHER}", B))
    assert locked.run("pin").code == 0
    text = locked.read("a.yaml")
    assert f"{A}@{OTHER}" in text
    assert f"{B}@{digest(locked, B)}" in text


def test_the_short_form_drops_the_tag(locked: World) -> None:
    locked.configure('[pin]\nform = "name@digest"\n')
    locked.run("pin")
    assert locked.read("a.yaml") == deployment(
        f"{NAME}@{digest(locked, A)}", f"quay.io/acme/base@{digest(locked, B)}"
    )


def test_an_untagged_name_is_pinned_without_tag_and_unpinned_to_the_bare_name(locked: World) -> None:
    locked.push("redis")
    locked.write("b.yaml", deployment("redis"))
    locked.run("lock")
    locked.run("pin")
    assert f"image: redis@{digest(locked, 'docker.io/library/redis:latest')}\n" in locked.read("b.yaml")
    locked.run("unpin")
    assert locked.read("b.yaml") == deployment("redis")


def test_unpinning_gives_the_files_back_byte_for_byte(locked: World) -> None:
    odd = deployment(A, f'"{B}"   # a comment').replace("\n", "\r\n") + "# ä\u2028# b\t\r\n"
    locked.write("a.yaml", odd)
    locked.write("Dockerfile", b"# caf\xe9\nFROM " + A.encode() + b"\n")
    before = locked.tree()
    locked.run("lock")
    lock = locked.read("images.lock").encode()
    assert locked.run("pin").code == 0
    assert locked.tree()["Dockerfile"] != before["Dockerfile"]
    assert locked.run("unpin").code == 0
    assert locked.tree() == {**before, "images.lock": lock}


def test_unpin_restores_a_digest_from_its_only_tag_and_reports_the_others(locked: World) -> None:
    locked.configure('[pin]\nform = "name@digest"\n')
    locked.run("pin")
    assert locked.run("unpin").code == 0
    assert locked.read("a.yaml") == deployment(A, B)
    text = locked.read("images.lock")
    block = text.split("\n\n")[1]
    locked.write("images.lock", text.replace(block, block + "\n\n" + block.replace('"1.0"', '"1.1"')))
    locked.write("a.yaml", deployment(f"{NAME}@{digest(locked, A)}"))
    result = locked.json("unpin")
    assert (result.code, result.codes) == (0, ["IL113"])
    assert locked.read("a.yaml") == deployment(f"{NAME}@{digest(locked, A)}")


def test_a_reference_the_lock_does_not_know_stops_every_file(locked: World) -> None:
    locked.write("b.yaml", deployment("quay.io/acme/nobody:1"))
    before = locked.tree()
    result = locked.json("pin")
    assert (result.code, result.codes, result.document["changes"]) == (1, ["IL112"], [])
    assert locked.tree() == before


def test_keep_going_pins_the_rest_and_still_exits_1(locked: World) -> None:
    locked.write("b.yaml", deployment("quay.io/acme/nobody:1"))
    assert locked.run("pin", "--keep-going").code == 1
    assert digest(locked, A) in locked.read("a.yaml")
    assert locked.read("b.yaml") == deployment("quay.io/acme/nobody:1")


def test_an_ignored_line_does_not_stop_the_run(locked: World) -> None:
    line = "quay.io/acme/nobody:1  # imagelock: ignore[IL112] built later"
    locked.write("b.yaml", deployment(line))
    assert locked.run("pin").code == 0
    assert digest(locked, A) in locked.read("a.yaml")
    assert locked.read("b.yaml") == deployment(line)


def test_an_exempt_image_is_not_pinned(locked: World) -> None:
    locked.configure('[[exempt]]\nimage = "quay.io/acme/base:*"\nreason = "on purpose"\n')
    result = locked.json("pin")
    assert (result.code, result.document["summary"]["exempt"]) == (0, 1)
    assert locked.read("a.yaml") == deployment(f"{A}@{digest(locked, A)}", B)


def test_an_untagged_name_that_fits_several_entries_is_il110(world: World) -> None:
    world.write("list.txt", f"{NAME}:1@{OTHER}\n{NAME}:2@{OTHER.replace('0', '1')}\n")
    world.write("a.yaml", deployment(NAME))
    result = world.json("pin", "--lock-file", "list.txt", "a.yaml")
    assert (result.code, result.codes) == (1, ["IL110"])
    assert world.read("a.yaml") == deployment(NAME)


def test_untagged_first_takes_the_lists_first_entry(world: World) -> None:
    one = OTHER.replace("0", "f")
    world.write("list.txt", f"{NAME}:2@{one}\n{NAME}:1@{OTHER}\n")
    world.write("a.yaml", deployment(NAME))
    assert world.run("pin", "--lock-file", "list.txt", "--untagged", "first", "a.yaml").code == 0
    assert world.read("a.yaml") == deployment(f"{NAME}@{one}")


def test_untagged_first_needs_a_list_by_its_content_not_its_name(locked: World) -> None:
    (locked.root / "images.lock").rename(locked.root / "release.lock")
    result = locked.run("pin", "--lock-file", "release.lock", "--untagged", "first")
    assert result.code == 2
    locked.write("images.lock", f"{A}@{OTHER}\n{B}@{OTHER}\n")
    assert locked.run("pin", "--untagged", "first").code == 0


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ((f"{NAME}:1", f"{NAME}:latest"), 1),
        ((f"{NAME}:1", NAME), 1),
        ((f"{NAME}:1",), 0),
    ],
    ids=["latest", "one without a tag", "the only one"],
)
def test_an_untagged_name_means_latest_then_the_tagless_then_the_only_entry(
    world: World, entries: tuple[str, ...], wanted: int
) -> None:
    digests = [f"sha256:{number}" + "0" * 63 for number in range(len(entries))]
    world.write("list.txt", "".join(f"{e}@{d}\n" for e, d in zip(entries, digests, strict=True)))
    world.write("a.yaml", deployment(NAME))
    assert world.run("pin", "--lock-file", "list.txt", "a.yaml").code == 0
    assert world.read("a.yaml") == deployment(f"{NAME}@{digests[wanted]}")


def test_a_tag_is_never_taken_for_another_that_begins_alike(world: World) -> None:
    world.write("list.txt", f"{NAME}:7.3@{OTHER}\n")
    world.write("a.yaml", deployment(f"{NAME}:7.30.0"))
    result = world.json("pin", "--lock-file", "list.txt", "a.yaml")
    assert (result.code, result.codes) == (1, ["IL112"])


def test_a_list_pins_the_same_as_the_lock_it_was_exported_from(locked: World) -> None:
    locked.write("released.txt", locked.run_plain("export", "list", "-C", str(locked.root)).out)
    locked.run("pin")
    pinned = locked.read("a.yaml")
    locked.run("unpin")
    assert locked.run("pin", "--lock-file", "released.txt", "a.yaml").code == 0
    assert locked.read("a.yaml") == pinned


def test_json_in_an_env_value_is_pinned_inside_its_text(locked: World) -> None:
    extra = f"""          env:
            - name: DEV_TOOLS
              value: '[{{"container": {{"image":
                "{B}"}}}}]'
"""
    locked.write("a.yaml", deployment(A, extra=extra))
    assert locked.run("pin").code == 0
    assert locked.read("a.yaml") == deployment(
        f"{A}@{digest(locked, A)}", extra=extra.replace(B, f"{B}@{digest(locked, B)}")
    )


def test_unpin_leaves_alone_what_the_lock_does_not_know(locked: World) -> None:
    text = deployment(f"quay.io/acme/foreign:1@{OTHER}", A)
    locked.write("a.yaml", text)
    locked.run("pin", "--keep-going")
    result = locked.json("unpin")
    assert (result.code, result.codes, locked.read("a.yaml")) == (0, ["IL113"], text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'quay.io/acme/x@sha256:1@sha256:2'}]}\n",
            "IL111",
        ),
        ("services:\n  web: [a\n", "IL114"),
    ],
)
def test_what_concerns_one_place_alone_holds_no_other_back(locked: World, text: str, code: str) -> None:
    locked.write("b.yaml", text)
    result = locked.json("pin")
    assert (result.code, result.codes) == (1, [code])
    assert f"{A}@{digest(locked, A)}" in locked.read("a.yaml")


def test_an_unreadable_file_with_images_stops_the_whole_run(locked: World) -> None:
    locked.write("b.yaml", f"kind: Pod\nspec:\n  containers:\n  - image: {A}\n  - image: {B}\n   broken: [\n")
    before = locked.tree()
    result = locked.json("pin")
    assert (result.code, result.codes, locked.tree() == before) == (1, ["IL114"], True)
    assert locked.run("pin", "--keep-going").code == 1
    assert f"{A}@{digest(locked, A)}" in locked.read("a.yaml")
