"""`imagelock why`: the entries of an image and every place that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "quay.io/acme/app:1.0"
LONGER = "quay.io/acme/app:1.0.1"


@pytest.fixture
def locked(world: World) -> World:
    """Give a lock of three images, one used twice."""
    for reference in (A, LONGER, "redis"):
        world.push(reference)
    world.write("a.yaml", deployment(A, "redis"))
    world.write("b.yaml", deployment(A, LONGER))
    assert world.run("lock").code == 0
    return world


@pytest.mark.parametrize(
    ("image", "places"),
    [
        (A, ["a.yaml:10", "b.yaml:10"]),
        ("quay.io/acme/app", ["a.yaml:10", "b.yaml:10", "b.yaml:12"]),
        ("quay.io/acme/*", ["a.yaml:10", "b.yaml:10", "b.yaml:12"]),
        ("redis", ["a.yaml:12"]),
        ("docker.io/library/redis:latest", ["a.yaml:12"]),
    ],
)
def test_the_places_that_mean_an_image_are_listed(locked: World, image: str, places: list[str]) -> None:
    document = locked.json("why", image).document
    assert document["schema"] == "imagelock/why/v1"
    assert [f"{use['file']}:{use['line']}" for use in document["uses"]] == places


def test_an_image_is_found_by_the_beginning_of_its_digest_pinned_or_not(locked: World) -> None:
    digest = str(next(image.digest for image in locked.lock.images if image.tag == "1.0"))
    for _ in range(2):
        document = locked.json("why", digest[:20]).document
        assert [use["file"] for use in document["uses"]] == ["a.yaml", "b.yaml"]
        locked.run("pin")


def test_the_text_names_entry_digest_platforms_and_places(locked: World) -> None:
    out = locked.run("why", A).out
    assert f"{A}\n" in out
    assert "linux/arm64/v8" in out
    assert "b.yaml:10" in out


@pytest.mark.parametrize("image", ["quay.io/acme/nobody", "Not An Image", "", "sha256:ffffff"])
def test_an_image_nobody_has_is_exit_2(locked: World, image: str) -> None:
    assert locked.run("why", image).code == 2
