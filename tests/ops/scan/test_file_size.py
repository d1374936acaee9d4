"""Files up to 64 MiB are read; `[scan] max-file-size` says otherwise, and a larger file is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.world import deployment

if TYPE_CHECKING:
    from support.world import World

A = "ghcr.io/acme/a:1"


def test_a_file_over_the_size_is_unreadable_whatever_its_name(world: World) -> None:
    world.configure('[scan]\nmax-file-size = "1 KiB"\n')
    world.write("a.yaml", deployment(A) + "#" * 2048)
    world.write("notes.conf", "x" * 2048)
    world.write("small.yaml", deployment(A))
    document = world.json("scan").document
    assert [(item["code"], item["file"]) for item in document["findings"]] == [
        ("IL114", "a.yaml"),
        ("IL114", "notes.conf"),
    ]
    assert all("max-file-size" in item["hint"] for item in document["findings"])
    assert [item["file"] for item in document["references"]] == ["small.yaml"]


def test_a_file_of_more_than_16_mebibytes_is_read(world: World) -> None:
    world.write("a.yaml", deployment(A) + ("#" * 1023 + "\n") * (17 * 1024))
    assert [item["file"] for item in world.json("scan").document["references"]] == ["a.yaml"]


@pytest.mark.parametrize("written", ["many", "0 MiB", "2 GiB", "1 TB", "-1 MiB"])
def test_a_size_that_is_none_is_a_clear_error(world: World, written: str) -> None:
    world.configure(f'[scan]\nmax-file-size = "{written}"\n')
    result = world.run("scan")
    assert result.code == 2
    assert "such as" in result.err


def test_places_of_large_files_share_their_references(world: World) -> None:
    many = "".join(f"---\n{deployment(A)}" for _ in range(100))
    world.write("a.yaml", many)
    document = world.json("scan").document
    assert len(document["references"]) == 100
    assert {item["reference"] for item in document["references"]} == {A}
