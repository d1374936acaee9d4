"""Epiphany's lists judged, and the names of its archives."""

from __future__ import annotations

import pytest

from imagelock.interchange.epiphany import judge
from imagelock.interchange.epiphany_names import archive_name, collisions
from imagelock.model.digest import Digest
from imagelock.model.reference import Reference
from imagelock.model.requirement import Requirement

DIGEST = Digest.of(b"made up")


def required(image: str, architecture: str | None = "x86_64", line: int = 1) -> Requirement:
    return Requirement(
        reference=Reference.parse(image), file="images.yml", line=line, column=1, architecture=architecture
    )


def loaded(image: str, architecture: str | None = "x86_64", file_name: str | None = None) -> Requirement:
    return Requirement(
        reference=Reference.parse(image),
        file="image-registry.yml",
        line=9,
        column=1,
        architecture=architecture,
        file_name=file_name,
        is_loaded=True,
    )


def told(
    requirements: list[Requirement], against: list[Requirement] | None = None
) -> list[tuple[str, str, str]]:
    found = judge(requirements, against or [])
    return [(item.code, item.file or "", item.message) for item in found]


def test_lists_that_name_the_same_images_are_right() -> None:
    assert (
        told([required("a/b:1"), required("redis:2")], [loaded("docker.io/library/redis:2"), loaded("a/b:1")])
        == []
    )


def test_an_image_missing_on_either_side_is_told_once() -> None:
    assert told([required("a/b:1"), required("a/b:1", line=5)], [loaded("a/c:1")]) == [
        ("IL121", "images.yml", "a/b:1 for x86_64 is not in image-registry.yml"),
        ("IL121", "image-registry.yml", "a/c:1 for x86_64 is not in images.yml"),
    ]


def test_another_tag_is_another_image() -> None:
    assert [code for code, _, _ in told([required("a/b:1")], [loaded("a/b:2")])] == ["IL121", "IL121"]


def test_each_architecture_is_judged_for_itself() -> None:
    both = [required("a/b:1", "x86_64"), required("a/b:1", "aarch64")]

    assert told(both, [loaded("a/b:1", "x86_64")]) == [
        ("IL121", "images.yml", "a/b:1 for aarch64 is not in image-registry.yml")
    ]
    assert told(both, [loaded("a/b:1", "x86_64"), loaded("a/b:1", "aarch64")]) == []


def test_nothing_is_said_of_an_architecture_whose_list_was_not_given() -> None:
    assert told([required("a/b:1")], [loaded("a/b:1"), loaded("a/c:1", "aarch64")]) == []


def test_what_names_no_architecture_is_for_all() -> None:
    assert told([required("registry:2")], [loaded("registry:2", None)]) == []
    assert told([required("registry:2", None)], [loaded("registry:2", "aarch64")]) == []


def test_a_wrong_archive_name_comes_with_the_right_one() -> None:
    assert told([required("a/b:1")], [loaded("a/b:1", file_name="b-1.0.tar")]) == [
        ("IL122", "image-registry.yml", "the archive of a/b:1 is b-1.tar, not b-1.0.tar")
    ]
    assert told([required("a/b:1")], [loaded("a/b:1", file_name="b-1.tar")]) == []


def test_images_that_would_become_one_file_are_a_collision() -> None:
    assert told([required("rook/ceph:v1"), required("quay.io/ceph/ceph:v1"), required("rook/ceph:v2")]) == [
        ("IL116", "images.yml", "2 images would be written to ceph-v1.tar")
    ]


def test_one_image_in_several_groups_and_spellings_is_no_collision() -> None:
    assert told([required("redis:1"), required("redis:1"), required("docker.io/library/redis:1")]) == []


@pytest.mark.parametrize(
    ("image", "file"),
    [
        ("haproxy:2.2.2-alpine", "haproxy-2.2.2-alpine.tar"),
        ("k8s.gcr.io/coredns/coredns:v1.8.4", "coredns-v1.8.4.tar"),
        ("localhost:5000/a:1", "a-1.tar"),
        (f"a/b:1@{DIGEST}", "b-1.tar"),
        (f"a/b@{DIGEST}", f"b-{DIGEST.short}.tar"),
        ("a/b", "b-latest.tar"),
    ],
)
def test_archives_are_named_by_base_and_tag(image: str, file: str) -> None:
    assert archive_name(Reference.parse(image)) == file


def test_collisions_give_the_images_of_each_file() -> None:
    one, other = Reference.parse("a/x:1"), Reference.parse("b/x:1")

    assert collisions([one, other, Reference.parse("b/x:2")]) == {"x-1.tar": (one, other)}
