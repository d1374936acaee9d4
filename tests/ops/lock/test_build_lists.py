"""What a pipeline builds against what its jobs recorded; partial pipelines keep what they did not rebuild."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

EXTERNAL = "quay.io/vendor/db:16"
API = "quay.io/acme/api"
WEB = "quay.io/acme/web"
SIX_LINES = """\
[lock]
from = ["external_images"]
[build]
images = ["eurodat-images"]
references = ["image_references/*"]
"""


@pytest.fixture
def pipeline(world: World) -> World:
    """Give a project with one external image and two repositories that its pipeline builds."""
    world.configure(SIX_LINES)
    world.write("external_images", f"# ours\r\n\r\n{EXTERNAL}@{world.push(EXTERNAL)}\r\n")
    world.write("eurodat-images", f"{API}\n\n# the front\n{WEB}\n")
    return world


def built(world: World, name: str, tag: str, seed: str = "") -> str:
    """Push an image and record it, as its build job does."""
    digest = world.push(f"{name}:{tag}", seed)
    assert world.run("record", f"{name}:{tag}@{digest}").code == 0
    return digest


def locked(world: World) -> dict[str, str]:
    """Return the lock as references and digests."""
    return {image.reference: str(image.digest) for image in world.lock.images}


def test_the_union_is_locked_with_its_sources(pipeline: World) -> None:
    api, web = built(pipeline, API, "1"), built(pipeline, WEB, "1")
    assert pipeline.run("lock").code == 0
    assert locked(pipeline)[f"{API}:1"] == api
    assert locked(pipeline)[f"{WEB}:1"] == web
    sources = [image.source.origin for image in pipeline.lock.images if image.source]
    assert [origin.split("/")[0] for origin in sources] == [
        "image_references",
        "image_references",
        "external_images",
    ]


def test_named_lists_give_the_same_lock_in_any_order(pipeline: World) -> None:
    built(pipeline, API, "1")
    built(pipeline, WEB, "1")
    lists = ["external_images", "image_references/*"]
    locks = set()
    for order in (lists, lists[::-1]):
        (pipeline.root / "images.lock").unlink(missing_ok=True)
        assert pipeline.run("lock", *(part for name in order for part in ("--from", name))).code == 0
        locks.add(pipeline.read("images.lock"))
    (pipeline.root / "images.lock").unlink()
    assert pipeline.run("lock").code == 0
    assert locks == {pipeline.read("images.lock")}


def test_the_order_of_lines_and_files_is_not_seen_in_the_lock(pipeline: World) -> None:
    lines = [f"quay.io/acme/many{number}:1@sha256:{number:064x}\n" for number in range(12)]
    locks = set()
    for seed in range(3):
        random.Random(seed).shuffle(lines)
        pipeline.write("external_images", "".join(lines))
        assert pipeline.run("lock", "--offline", "--from", "external_images").code == 0
        locks.add(pipeline.read("images.lock"))
    assert len(locks) == 1


def test_a_partial_pipeline_keeps_what_it_did_not_rebuild_and_says_so(pipeline: World) -> None:
    web = [built(pipeline, WEB, "1"), built(pipeline, API, "1")][0]
    pipeline.run("lock")
    for path in (pipeline.root / "image_references").iterdir():
        path.unlink()
    api = built(pipeline, API, "1", "rebuilt")
    result = pipeline.run("lock")
    assert (result.code, locked(pipeline)[f"{WEB}:1"], locked(pipeline)[f"{API}:1"]) == (0, web, api)
    assert f"not rebuilt, kept as locked: {WEB}:1\n" in result.err


def test_a_pipeline_that_built_nothing_keeps_everything(pipeline: World) -> None:
    built(pipeline, API, "1")
    built(pipeline, WEB, "1")
    pipeline.run("lock")
    before = pipeline.read("images.lock")
    for path in (pipeline.root / "image_references").iterdir():
        path.unlink()
    assert pipeline.run("lock").code == 0
    (pipeline.root / "image_references").rmdir()
    assert pipeline.run("lock").code == 0
    assert pipeline.read("images.lock") == before


def test_a_new_tag_takes_the_place_of_the_old_record(pipeline: World) -> None:
    built(pipeline, API, "1")
    built(pipeline, WEB, "1")
    pipeline.run("lock")
    for path in (pipeline.root / "image_references").iterdir():
        path.unlink()
    built(pipeline, API, "2")
    pipeline.run("lock")
    assert {reference for reference in locked(pipeline) if "acme" in reference} == {f"{API}:2", f"{WEB}:1"}


def test_a_repository_that_is_no_longer_built_leaves_the_lock(pipeline: World) -> None:
    built(pipeline, API, "1")
    built(pipeline, WEB, "1")
    pipeline.run("lock")
    for path in (pipeline.root / "image_references").iterdir():
        path.unlink()
    pipeline.write("eurodat-images", f"{API}\n")
    assert pipeline.run("lock").code == 0
    assert f"{WEB}:1" not in locked(pipeline)


def test_an_old_record_that_a_file_still_uses_stays(pipeline: World) -> None:
    built(pipeline, API, "1")
    built(pipeline, WEB, "1")
    pipeline.write("a.yaml", deployment(f"{API}:1"))
    pipeline.run("lock")
    for path in (pipeline.root / "image_references").iterdir():
        path.unlink()
    built(pipeline, API, "2")
    assert pipeline.run("lock").code == 0
    assert {f"{API}:1", f"{API}:2"} <= set(locked(pipeline))


def test_a_record_of_what_is_not_listed_is_named_and_nothing_is_written(pipeline: World) -> None:
    for name in (API, WEB, "quay.io/acme/stray"):
        built(pipeline, name, "1")
    result = pipeline.json("lock")
    assert (result.code, result.codes) == (1, ["IL121"])
    assert "quay.io/acme/stray was recorded" in result.document["findings"][0]["message"]
    assert not (pipeline.root / "images.lock").exists()


def test_a_listed_repository_without_a_record_is_named_with_its_line(pipeline: World) -> None:
    built(pipeline, API, "1")
    result = pipeline.json("lock")
    (item,) = result.document["findings"]
    assert (result.code, item["code"], item["file"], item["line"]) == (1, "IL121", "eurodat-images", 4)
    assert "imagelock record" in item["hint"]
    assert pipeline.json("lock", "--check").code == 2
    pipeline.write("images.lock", "version = 1\n")
    assert "IL121" in pipeline.json("lock", "--check").codes


def test_lists_without_records_do_not_ask_for_records(pipeline: World) -> None:
    assert pipeline.run("lock", "--from", "external_images").code == 0


def test_records_are_found_at_any_depth_and_under_any_name(pipeline: World) -> None:
    api, web = pipeline.push(f"{API}:1"), pipeline.push(f"{WEB}:1")
    pipeline.write("image_references/team/a/digest", f"{API}:1@{api}")
    pipeline.write("image_references/web.image", f"{WEB}:1@{web}\n")
    pipeline.write("image_references/.gitkeep", "")
    assert pipeline.run("lock").code == 0
    assert len(locked(pipeline)) == 3
    assert pipeline.run("lock", "--from", "image_references").code == 0


@pytest.mark.parametrize("text", ["", "\n# nothing\n", f"{API}:1\n"])
@pytest.mark.parametrize("more", [(), ("--resolve-external",)])
def test_a_record_without_a_digest_is_refused_by_its_file(
    pipeline: World, text: str, more: tuple[str, ...]
) -> None:
    pipeline.push(f"{API}:1")
    pipeline.write("image_references/api", text)
    result = pipeline.run("lock", *more)
    assert result.code == 2
    assert "image_references/api" in result.err


@pytest.mark.parametrize("line", [f"{API}:1", f"{API}@sha256:{'1' * 64}"])
def test_a_list_of_repositories_holds_names_alone(pipeline: World, line: str) -> None:
    pipeline.write("eurodat-images", f"{line}\n")
    result = pipeline.run("lock")
    assert result.code == 2
    assert "eurodat-images:1" in result.err
    assert f"write {API}" in result.err


def test_a_list_of_repositories_is_no_list_of_references(world: World) -> None:
    world.configure('[build]\nimages = ["my-images.txt"]\nreferences = ["image_references/*"]\n')
    world.write("my-images.txt", f"{API}\n")
    built(world, API, "1")
    assert world.run("lock").code == 0
    assert list(locked(world)) == [f"{API}:1"]


def test_external_images_without_a_digest_are_refused_or_resolved(pipeline: World) -> None:
    pipeline.write("eurodat-images", "# none\n")
    other = pipeline.push("quay.io/vendor/cache:7")
    pipeline.write("external_images", f"{EXTERNAL}@{pipeline.push(EXTERNAL)}\nquay.io/vendor/cache:7\n")
    result = pipeline.run("lock")
    assert result.code == 2
    assert "external_images:2" in result.err
    assert "--resolve-external" in result.err
    assert pipeline.run("lock", "--resolve-external").code == 0
    assert locked(pipeline)["quay.io/vendor/cache:7"] == other
    (source,) = [image.source for image in pipeline.lock.images if "cache" in image.name]
    assert source is not None
    assert source.origin == "external_images"


def test_what_was_resolved_once_is_kept_until_it_is_upgraded(pipeline: World) -> None:
    pipeline.write("eurodat-images", "# none\n")
    pipeline.write("external_images", f"{EXTERNAL}\n")
    first = pipeline.push(EXTERNAL)
    pipeline.run("lock", "--resolve-external")
    moved = pipeline.push(EXTERNAL, "moved")
    pipeline.asked()
    assert pipeline.run("lock", "--resolve-external").code == 0
    assert (locked(pipeline)[EXTERNAL], pipeline.asked()) == (first, [])
    assert pipeline.run("lock", "--resolve-external", "-U").code == 0
    assert locked(pipeline)[EXTERNAL] == moved
    assert pipeline.run("lock", "--resolve-external", "--offline").code == 0


def test_what_nobody_can_resolve_offline_is_exit_3(pipeline: World) -> None:
    pipeline.write("eurodat-images", "# none\n")
    pipeline.write("external_images", f"{EXTERNAL}\n")
    assert pipeline.run("lock", "--resolve-external", "--offline").code == 3


def test_two_digests_in_two_lists_are_named_with_both_lines(pipeline: World) -> None:
    pipeline.write("eurodat-images", "# none\n")
    pipeline.write("external_images", f"# head\n{EXTERNAL}@sha256:{'1' * 64}\n")
    pipeline.write("more", f"{EXTERNAL}@sha256:{'2' * 64}\n")
    result = pipeline.json("lock", "--offline", "--from", "external_images", "--from", "more")
    assert (result.code, result.codes) == (1, ["IL104"])
    notes = result.document["findings"][0]["notes"]
    assert [note.partition(": ")[0] for note in notes] == ["external_images:2", "more:1"]


def test_a_list_speaks_over_an_entry_that_is_only_half_known(pipeline: World) -> None:
    pipeline.write("eurodat-images", "# none\n")
    pipeline.write("external_images", f"{EXTERNAL}@sha256:{'1' * 64}\n")
    assert pipeline.run("lock", "--offline").code == 0
    pipeline.write("external_images", f"{EXTERNAL}@{pipeline.push(EXTERNAL)}\n")
    assert pipeline.run("lock").code == 0
    (entry,) = pipeline.lock.images
    assert entry.platforms


def test_what_the_pipeline_builds_is_never_taken_from_a_registry(pipeline: World) -> None:
    built(pipeline, API, "1")
    built(pipeline, WEB, "1")
    assert pipeline.run("lock").code == 0
    before = pipeline.read("images.lock")
    pipeline.push(f"{WEB}:1", "pushed by hand")
    assert pipeline.run("lock", "-U").code == 0
    assert pipeline.read("images.lock") == before
    pipeline.push(f"{WEB}:2")
    pipeline.write("a.yaml", deployment(f"{WEB}:2", f"{WEB}:2"))
    result = pipeline.json("lock")
    assert (result.code, result.codes, pipeline.read("images.lock")) == (1, ["IL121"], before)
    finding = result.document["findings"][0]
    assert (finding["file"], f"{WEB}:2" in finding["message"]) == ("a.yaml", True)
    built(pipeline, WEB, "2")
    assert pipeline.run("lock").code == 0
    assert f"{WEB}:2" in locked(pipeline)


def test_lists_of_the_usual_names_need_no_configuration(pipeline: World) -> None:
    built(pipeline, API, "1")
    built(pipeline, WEB, "1")
    assert pipeline.run("lock").code == 0
    expected = pipeline.read("images.lock")
    (pipeline.root / "images.lock").unlink()
    pipeline.configure()
    assert pipeline.run("lock").code == 0
    assert pipeline.read("images.lock") == expected


def test_a_configuration_of_lists_takes_the_place_of_the_usual_names(pipeline: World) -> None:
    pipeline.configure('[lock]\nfrom = ["external_images"]\n')
    assert pipeline.run("lock").code == 0
    assert list(locked(pipeline)) == [EXTERNAL]


def test_external_images_alone_is_a_list_like_any_other(world: World) -> None:
    world.push("redis:7")
    world.write("external_images", "redis:7\n")
    assert world.run("lock").code == 0
    assert [image.reference for image in world.lock.images] == ["docker.io/library/redis:7"]
