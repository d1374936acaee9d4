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


TEMPLATE = '# {{ managed }}\nsandbox_image = "{{ image_registry_address }}/quay.io/ceph/ceph:v16"\n'
MANIFEST = """kind: epiphany-cluster
specification:
  components:
    rook: {count: 1}
    kafka: {count: 0}
---
kind: configuration/feature-mappings
specification:
  mappings:
    rook: [rook, haproxy]
    kafka: [kafka]
"""


def messages(result: Result) -> list[tuple[str, str]]:
    return [(item["code"], item["message"]) for item in result.document["findings"]]


def test_a_template_must_name_what_is_downloaded(site: World) -> None:
    site.write("config.toml.j2", TEMPLATE)
    assert messages(run(site, "--against", "config.toml.j2", "x86_64/images.yml", "-o", "json")) == []
    site.write("config.toml.j2", TEMPLATE.replace("v16", "v17") + "# {{ a }}/quay.io/acme/comment:1\n")
    shown = run(site, "--against", "config.toml.j2", "x86_64/images.yml", "-o", "json")
    assert shown.code == 1
    (item,) = shown.document["findings"]
    assert (item["code"], item["file"], item["line"], item["column"]) == ("IL121", "config.toml.j2", 2, 47)
    assert item["message"] == "quay.io/ceph/ceph:v17 is named here and is not in x86_64/images.yml"


def test_a_template_that_is_no_yaml_is_read_all_the_same(site: World) -> None:
    site.write("config.toml.j2", f"[plugins]\n  [plugins.cri]\n: {{{{ x }}\n{TEMPLATE.replace('v16', 'v17')}")
    shown = run(site, "--against", "config.toml.j2", "x86_64/images.yml", "-o", "json")
    assert [code for code, _ in messages(shown)] == ["IL121"]


def test_a_list_that_is_broken_is_reported_and_no_template(site: World) -> None:
    site.write("image-registry.yml", TO_LOAD + "  broken: [\n")
    shown = run(site, "--against", "image-registry.yml", "x86_64/images.yml", "-o", "json")
    assert "IL114" in [code for code, _ in messages(shown)]


def test_a_manifest_tells_which_groups_a_cluster_uses(site: World) -> None:
    site.write("manifest.yml", MANIFEST)
    shown = run(site, "--against", "manifest.yml", "--against", "image-registry.yml", "x86_64/images.yml")
    assert "this cluster does not use the groups image-registry (1)" in shown.err
    assert "is used and has no features" not in shown.out


@pytest.mark.parametrize(
    ("kind", "key"),
    [("configuration/feature-mapping", "roles_mapping"), ("configuration/roles-mapping", "roles")],
)
def test_a_manifest_may_be_of_an_older_release_and_hold_the_images_to_load(
    site: World, kind: str, key: str
) -> None:
    older = MANIFEST.replace("configuration/feature-mappings", kind).replace("mappings:", f"{key}:")
    site.write("manifest.yml", f"{older}---\n{TO_LOAD.replace('haproxy:2.2', 'haproxy:2.3')}")
    shown = run(site, "--against", "manifest.yml", "x86_64/images.yml", "-o", "json")
    assert ("IL121", "haproxy:2.2 for x86_64 is not in manifest.yml") in messages(shown)
    assert "this cluster does not use the groups image-registry (1)" in shown.err


def test_a_feature_that_is_loaded_for_and_not_downloaded_is_an_error(site: World) -> None:
    site.write("manifest.yml", MANIFEST)
    text = IMAGES[: IMAGES.index("  rook:")]
    site.write("x86_64/images.yml", text)
    found = messages(
        run(
            site,
            *("--against", "manifest.yml", "--against", "image-registry.yml"),
            *("x86_64/images.yml", "-o", "json"),
        )
    )
    assert (
        "IL121",
        "rook needs the feature rook: 1 images are loaded for it, and no download list has the group",
    ) in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MANIFEST.partition("---\n")[0], "the manifest has no configuration/feature-mappings"),
        (MANIFEST.partition("---\n")[2], "the manifest has no epiphany-cluster"),
        ("plain: text\n", "neither a list of images"),
    ],
)
def test_what_says_nothing_of_images_is_an_error(site: World, text: str, says: str) -> None:
    site.write("other.yml", text)
    shown = run(site, "--against", "other.yml", "x86_64/images.yml")
    assert shown.code == 2
    assert says in shown.err
    assert "other.yml" in shown.err


def test_a_component_without_features_is_a_warning(site: World) -> None:
    site.write("manifest.yml", MANIFEST.replace("kafka: {count: 0}", "spark: {count: 2}"))
    shown = run(site, "--against", "manifest.yml", "x86_64/images.yml", "-o", "json")
    assert (shown.code, messages(shown)) == (
        0,
        [("IL121", "the component spark is used and has no features here")],
    )


def test_an_architecture_that_an_image_does_not_have_is_an_error(site: World) -> None:
    for name in ("haproxy:2.2", "registry:2.8"):
        site.push(name)
    site.push("quay.io/ceph/ceph:v16", single=True)
    site.write("aarch64/images.yml", IMAGES)
    shown = run(site, "--lock", "x86_64/images.yml", "aarch64/images.yml", "-o", "json")
    assert (shown.code, messages(shown)) == (
        1,
        [("IL106", "quay.io/ceph/ceph:v16 is listed for aarch64 and has no linux/arm64")],
    )


def test_sums_are_kept_as_comments_where_it_is_asked(site: World) -> None:
    digest = site.push("registry:2.8")
    shown = run(site, "--lock", "--group", "image-registry", "x86_64/images.yml", "-o", "list", "--notes")
    assert shown.out.splitlines() == [
        f"# x86_64/images.yml:7: sha1:{SUM}, mismatch allowed",
        f"registry:2.8@{digest}",
    ]
    site.write("notes.txt", shown.out)
    listed = site.run_plain("export", "list", "-C", str(site.root), "--lock-file", "notes.txt")
    assert listed.out == f"docker.io/library/registry:2.8@{digest}\n"
    assert run(site, "--notes", "x86_64/images.yml").code == 2
