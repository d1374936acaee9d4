"""The lock as values: exact matching on name and tag, and what no tag means."""

from __future__ import annotations

import pytest

from imagelock.model.digest import Digest
from imagelock.model.lock import Ambiguous, Lock, LockedImage, PlatformImage
from imagelock.model.platform import Platform
from imagelock.model.reference import Reference

ONE, TWO, CHILD = Digest.of(b"1"), Digest.of(b"2"), Digest.of(b"child")


def _image(name: str, tag: str | None, digest: Digest = ONE) -> LockedImage:
    return LockedImage(name=f"docker.io/library/{name}", tag=tag, digest=digest)


def _match(lock: Lock, text: str, *, first: bool = False) -> str:
    found = lock.match(Reference.parse(text), untagged_first=first)
    if isinstance(found, Ambiguous):
        return "ambiguous"
    return "none" if found is None else found.reference


@pytest.mark.parametrize(
    ("tags", "text", "expected"),
    [
        (["7.30.0"], "app:7.3", "none"),
        (["7.3", "7.30.0"], "app:7.30.0", "docker.io/library/app:7.30.0"),
        (["1"], "docker.io/library/app:1", "docker.io/library/app:1"),
        (["1"], "index.docker.io/library/app:1", "docker.io/library/app:1"),
        (["1"], "quay.io/library/app:1", "none"),
        (["1", "latest"], "app", "docker.io/library/app:latest"),
        (["1", None], "app", f"docker.io/library/app@{ONE}"),
        (["1"], "app", "docker.io/library/app:1"),
        (["1", "2"], "app", "ambiguous"),
        ([], "app", "none"),
        (["1"], f"app:1@{TWO}", "docker.io/library/app:1"),
        (["1", "2"], f"app@{ONE}", "docker.io/library/app:1"),
        (["1"], f"app@{TWO}", "none"),
    ],
)
def test_a_reference_means_exactly_one_entry(tags: list[str | None], text: str, expected: str) -> None:
    assert _match(Lock(tuple(_image("app", tag) for tag in tags)), text) == expected


def test_the_first_entry_answers_only_when_asked_to() -> None:
    lock = Lock((_image("app", "2"), _image("app", "1")))
    assert _match(lock, "app") == "ambiguous"
    assert _match(lock, "app", first=True) == "docker.io/library/app:2"
    assert _match(lock, "other", first=True) == "none"


def test_entries_sort_by_name_tag_and_digest() -> None:
    images = (_image("b", "1"), _image("a", "2"), _image("a", None, TWO), _image("a", "10"))
    order = [image.reference.rpartition("/")[2] for image in Lock(images).sorted.images]
    assert order == [f"a@{TWO}", "a:10", "a:2", "b:1"]


def test_children_are_known_by_the_platforms_of_their_index() -> None:
    parts = (PlatformImage(platform=Platform("linux", "amd64"), digest=CHILD),)
    image = LockedImage(name="docker.io/library/app", tag="1", digest=ONE, platforms=parts)
    lock = Lock((image, _image("app", "2", CHILD)))
    assert lock.children_of("docker.io/library/app", CHILD) == (image,)
    assert [found.tag for found in lock.with_digest("docker.io/library/app", CHILD)] == ["2"]
    assert image.image_id == f"docker.io/library/app:1@{ONE}"


def test_first_prefers_latest_where_it_exists() -> None:
    lock = Lock((_image("app", "1"), _image("app", "latest"), _image("web", "2"), _image("web", "1")))
    assert _match(lock, "app", first=True) == "docker.io/library/app:latest"
    assert _match(lock, "web", first=True) == "docker.io/library/web:2"
