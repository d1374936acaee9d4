"""``imagelock import epiphany``: from lists with sums to a lock with digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.world import Result, World

SUM = "41839b8a10cdb17e3e322e8be8bb0ba4004ef09e"
IMAGES = f"""\
---
images:
  haproxy:
    'haproxy:2.2':
      sha1: {SUM}
  image-registry:
    'registry:2.8':
      sha1: {SUM}
      allow_mismatch: true
  # comment
  rook:
    'quay.io/ceph/ceph:v16':
      sha1: {SUM}
"""
TO_LOAD = """\
kind: configuration/image-registry
specification:
  registry_image:
    name: registry:2.8
    file_name: registry-2.8.tar
  images_to_load:
    x86_64:
      generic:
        rook:
          - name: quay.io/ceph/ceph:v16
            file_name: ceph-v16.tar
      current:
        haproxy:
          - name: haproxy:2.2
            file_name: haproxy-2.2.tar
"""
TEXT = "[packages]\nadduser\n\n[images]\nhaproxy:2.2\n# rook\nquay.io/ceph/ceph:v16\n"


@pytest.fixture
def site(world: World) -> World:
    world.write("x86_64/images.yml", IMAGES)
    world.write("image-registry.yml", TO_LOAD)
    world.write("requirements.x86_64.txt", TEXT)
    return world


def run(world: World, *arguments: str) -> Result:
    return world.run_plain("import", "epiphany", "-C", str(world.root), *arguments)


def test_the_report_tells_sums_and_allowed_mismatches(site: World) -> None:
    shown = run(site, "x86_64/images.yml", "-o", "json")

    assert shown.code == 0
    assert shown.document["schema"] == "imagelock/import-epiphany/v1"
    assert [
        (item["reference"], item["group"], item["architecture"]) for item in shown.document["images"]
    ] == [
        ("haproxy:2.2", "haproxy", "x86_64"),
        ("registry:2.8", "image-registry", "x86_64"),
        ("quay.io/ceph/ceph:v16", "rook", "x86_64"),
    ]
    assert shown.document["changes"][0] == {
        "reference": "haproxy:2.2", "before": f"sha1:{SUM}", "after": None, "file": "x86_64/images.yml", "line": 4,
    }  # fmt: skip
    assert shown.document["summary"]["sha1_dropped"] == 3
    assert "allow_mismatch is dropped too, because a digest must always match: registry:2.8" in shown.err


def test_the_table_shows_what_is_dropped(site: World) -> None:
    lines = run(site, "x86_64/images.yml").out.splitlines()

    assert lines[0].split() == ["IMAGE", "GROUP", "ARCHITECTURE", "DROPPED"]
    assert lines[2].split(maxsplit=3) == [
        "registry:2.8",
        "image-registry",
        "x86_64",
        f"sha1:{SUM[:12]}, mismatch allowed",
    ]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("x86_64/images.yml",), ["haproxy:2.2", "registry:2.8", "quay.io/ceph/ceph:v16"]),
        (("requirements.x86_64.txt",), ["haproxy:2.2", "quay.io/ceph/ceph:v16"]),
        (("x86_64/images.yml", "--group", "rook"), ["quay.io/ceph/ceph:v16"]),
        (
            ("x86_64/images.yml", "requirements.x86_64.txt"),
            ["haproxy:2.2", "registry:2.8", "quay.io/ceph/ceph:v16"],
        ),
        (("image-registry.yml",), ["registry:2.8", "quay.io/ceph/ceph:v16", "haproxy:2.2"]),
    ],
)
def test_lists_of_every_age_become_one_plain_list(
    site: World, arguments: tuple[str, ...], wanted: list[str]
) -> None:
    assert run(site, "-o", "list", *arguments).out.splitlines() == wanted


def test_locking_puts_digests_in_the_place_of_sums(site: World) -> None:
    digests = {name: site.push(name) for name in ("haproxy:2.2", "registry:2.8", "quay.io/ceph/ceph:v16")}

    shown = run(site, "--lock", "x86_64/images.yml", "-o", "json")

    assert shown.code == 0
    assert {item["reference"]: item["after"] for item in shown.document["changes"]} == digests
    assert {str(image.digest) for image in site.lock.images} == set(digests.values())
    listed = run(site, "--lock", "x86_64/images.yml", "-o", "list")
    assert listed.out.splitlines() == [f"{name}@{digest}" for name, digest in digests.items()]


def test_only_the_chosen_groups_are_locked(site: World) -> None:
    site.push("quay.io/ceph/ceph:v16")

    assert run(site, "--lock", "--group", "rook", "x86_64/images.yml").code == 0
    assert [image.reference for image in site.lock.images] == ["quay.io/ceph/ceph:v16"]


def test_an_image_that_cannot_be_resolved_is_told_and_nothing_is_written(site: World) -> None:
    site.push("haproxy:2.2")

    shown = run(site, "--lock", "x86_64/images.yml", "-o", "json")

    assert (shown.code, shown.codes) == (3, ["IL301", "IL301"])
    assert not (site.root / "images.lock").exists()


def test_lists_that_agree_pass_the_cross_check(site: World) -> None:
    assert run(site, "--against", "image-registry.yml", "x86_64/images.yml").code == 0


def test_lists_that_disagree_are_findings_in_both_files(site: World) -> None:
    site.write("image-registry.yml", TO_LOAD.replace("haproxy:2.2\n", "haproxy:2.3\n"))

    shown = run(site, "--against", "image-registry.yml", "x86_64/images.yml", "-o", "json")

    assert shown.code == 1
    assert [(item["code"], item["file"]) for item in shown.document["findings"]] == [
        ("IL121", "x86_64/images.yml"),
        ("IL121", "image-registry.yml"),
        ("IL122", "image-registry.yml"),
    ]


def test_damage_is_shown_with_its_line(site: World) -> None:
    site.write("x86_64/images.yml", IMAGES.replace("registry:2.8", "registry:2.8:9"))

    shown = run(site, "x86_64/images.yml", "-o", "json")

    assert (shown.code, shown.codes) == (1, ["IL111"])
    assert shown.document["findings"][0]["line"] == 7


@pytest.mark.parametrize(
    "arguments", [("missing.yml",), ("app.yaml",), ("--group", "nothing", "x86_64/images.yml")]
)
def test_what_is_no_list_and_no_group_is_a_usage_error(site: World, arguments: tuple[str, ...]) -> None:
    site.write("app.yaml", "kind: none\n")

    assert run(site, *arguments).code == 2


def test_a_list_that_does_not_parse_is_unreadable(site: World) -> None:
    site.write("x86_64/images.yml", "images: [\n")

    shown = run(site, "x86_64/images.yml", "-o", "json")

    assert (shown.code, shown.codes) == (1, ["IL114"])


def test_import_is_a_command_although_python_keeps_its_name(world: World) -> None:
    shown = world.run_plain("import", "--help")

    assert shown.code == 0
    assert "epiphany" in shown.out
