"""Copies count every image and every byte that the plan said, in each direction."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from imagelock.cli import copying
from imagelock.cli.progress import Counter
from support.world import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from support.world import World

IMAGES = ("quay.io/acme/app:1.0", "quay.io/acme/base:2.0")


def test_bundles_and_mirrors_count_what_they_send(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counters: list[Counter] = []

    @contextmanager
    def counted(title: str, **_: object) -> Iterator[Counter]:
        counters.append(Counter(title, "images"))
        yield counters[-1]

    for image in IMAGES:
        world.push(image)
    world.write("a.yaml", deployment(*IMAGES))
    assert world.run("lock").code == 0
    monkeypatch.setattr(copying, "progress", counted)
    site = world.registry.address
    for arguments in (
        ("bundle", "create", "x.tar"),
        ("bundle", "load", "x.tar", "--to", f"{site}/loaded"),
        ("mirror", "--to", f"{site}/mirrored"),
    ):
        result = world.run(*arguments)
        assert result.code == 0, result.err
    assert [one.title for one in counters] == ["bundling", "loading", "mirroring"]
    for one in counters:
        assert one.items == one.total >= len(IMAGES)
        assert one.moved == one.size > 0
        assert one.under_way() == []
