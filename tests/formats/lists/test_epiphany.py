"""Epiphany's lists, of every age: what is found, and what is said of it."""

from __future__ import annotations

import pytest

from imagelock.formats.edit.splice import fill
from imagelock.formats.lists.epiphany import architecture_of, requirements
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Damaged, Place, Unreadable
from imagelock.model.requirement import Requirement

DIGEST = Digest.of(b"made up")
GROUPED = """\
---
images:
  haproxy:
    'haproxy:2.2-alpine':
      sha1: 41839b8a10cdb17e3e322e8be8bb0ba4004ef09e

  image-registry:
    # the first one
    "registry:2.8.0":
      sha1: 6ea6f9ae768c0f7a10913fcbb92481dc58963232
      allow_mismatch: true

  kubernetes-master:
    haproxy:2.2-alpine:
      sha1: 41839b8a10cdb17e3e322e8be8bb0ba4004ef09e
"""
FLAT = """\
images:
  quay.io/acme/api:1.0:
    sha1: 41839b8a10cdb17e3e322e8be8bb0ba4004ef09e
"""
LISTED = """\
images:
- name: quay.io/acme/api:1.0
  sha1: 41839b8a10cdb17e3e322e8be8bb0ba4004ef09e
"""
REGISTRY = """\
kind: configuration/image-registry
title: "A registry"
specification:
  registry_image:
    name: "registry:2.8.0"
    file_name: registry-2.8.0.tar
  images_to_load:
    x86_64:
      generic:
        applications:
          - name: "acme/api:1.0"
            file_name: api-1.0.tar
      legacy: {}
    aarch64:
      current:
        - name: acme/web:2.0
          file_name: web-2.0.tar
"""
TEXT = """\
[packages]
adduser
docker.io/acme/not-here:1

[images]
haproxy:2.2-alpine
# applications
acme/api:1.0
not an image

[files]
https://example.org/x.tar
"""


def places(name: str, content: str) -> list[Place]:
    return [item for item in find(Text(name, content)) if isinstance(item, Place)]


def read(name: str, content: str) -> list[Requirement]:
    return [item for item in requirements(Text(name, content)) if isinstance(item, Requirement)]


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("images.yml", GROUPED, ["haproxy:2.2-alpine@4", "registry:2.8.0@9", "haproxy:2.2-alpine@14"]),
        ("images.yml", FLAT, ["quay.io/acme/api:1.0@2"]),
        ("images.yml", LISTED, ["quay.io/acme/api:1.0@2"]),
        ("image-registry.yml", REGISTRY, ["registry:2.8.0@5", "acme/api:1.0@11", "acme/web:2.0@16"]),
        ("requirements.txt", TEXT, ["haproxy:2.2-alpine@6", "acme/api:1.0@8"]),
    ],
)
def test_scan_finds_the_images_of_every_kind_of_list(name: str, content: str, wanted: list[str]) -> None:
    assert [f"{place.reference}@{place.line}" for place in places(name, content)] == wanted


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("images.yml", GROUPED),
        ("images.yml", FLAT),
        ("image-registry.yml", REGISTRY),
        ("requirements.txt", TEXT),
    ],
)
def test_pinning_changes_the_images_alone(name: str, content: str) -> None:
    wanted = [(place, place.reference.with_digest(DIGEST)) for place in places(name, content)]

    pinned = fill(Text(name, content), wanted)

    assert pinned.replace(f"@{DIGEST}", "") == content
    assert all(place.reference.digest == DIGEST for place in places(name, pinned))


def test_a_line_of_the_section_that_is_no_image_is_damage() -> None:
    (damaged,) = [item for item in find(Text("r.txt", TEXT)) if isinstance(item, Damaged)]

    assert (damaged.text, damaged.line, damaged.format) == ("not an image", 9, "epiphany-requirements")


def test_a_text_without_the_section_is_left_alone() -> None:
    assert places("requirements.txt", "[packages]\nacme/api:1.0\n") == []


@pytest.mark.parametrize(
    "content",
    [
        "images:\n  a/b:1:\n    size: 3\n# sha1\n",
        "apiVersion: v1\nkind: X\nimages:\n  a/b:1:\n    sha1: x\n",
        "images: null\n# sha1\n",
        "images:\n  sha1: x\n",
    ],
)
def test_other_documents_with_images_are_no_download_lists(content: str) -> None:
    assert "epiphany-images" not in {place.format for place in places("images.yml", content)}


def test_requirements_say_group_sum_and_architecture() -> None:
    first, registry, last = read("aarch64/images.yml", GROUPED)

    assert (first.group, first.architecture) == ("haproxy", "aarch64")
    assert first.sha1 == "41839b8a10cdb17e3e322e8be8bb0ba4004ef09e"
    assert (registry.allow_mismatch, first.allow_mismatch) == (True, False)
    assert (last.group, last.where) == ("kubernetes-master", "aarch64/images.yml:14")


def test_images_to_load_say_architecture_feature_and_archive() -> None:
    own, api, web = read("image-registry.yml", REGISTRY)

    assert (own.architecture, own.file_name, own.is_loaded) == (None, "registry-2.8.0.tar", True)
    assert (api.architecture, api.group, api.file_name) == ("x86_64", "applications", "api-1.0.tar")
    assert (web.architecture, web.group) == ("aarch64", None)


def test_old_text_has_the_architecture_of_its_name() -> None:
    assert {item.architecture for item in read("ubuntu-requirements.x86_64.txt", TEXT)} == {"x86_64"}


def test_what_cannot_be_read_stays_visible() -> None:
    (broken,) = requirements(Text("images.yml", "images: [\n"))

    assert isinstance(broken, Unreadable)


@pytest.mark.parametrize(
    ("path", "architecture"),
    [
        ("x86_64/images.yml", "x86_64"),
        ("aarch64/x86_64/images.yml", "x86_64"),
        ("images-aarch64.yml", "aarch64"),
        ("images.yml", None),
        ("notx86_64s/images.yml", None),
    ],
)
def test_the_architecture_is_a_part_of_the_path(path: str, architecture: str | None) -> None:
    assert architecture_of(path) == architecture


def test_a_bomb_of_aliases_costs_what_was_typed() -> None:
    images = "".join(f"    a/b{number}:1: {{sha1: x}}\n" for number in range(200))
    aliases = "".join(f"  g{number}: *a\n" for number in range(2000))
    assert len(read("images.yml", f"images:\n  g: &a\n{images}{aliases}")) == 200

    items = "".join(f"      - name: a/b{number}:1\n" for number in range(200))
    again = "".join(f"    k{number}: *k\n" for number in range(2000))
    bomb = (
        "kind: configuration/image-registry\nspecification:\n  images_to_load:\n"
        f"    x86_64: &k\n     generic: &f\n      f:\n{items}     other: *f\n{again}"
    )
    assert len(read("image-registry.yml", bomb)) == 200
