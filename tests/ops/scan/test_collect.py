"""Everything a project holds: places, what was skipped, what cannot be read, and what is left alone."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from imagelock.files import write_all
from imagelock.limits import YAML_BYTES
from support.world import deployment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.files import Write
    from support.world import World

A = "quay.io/acme/app:1.0"
SHA = "sha256:" + "0" * 64


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """Give a standard input to fill; it is read from its beginning."""
    data = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))
    return data


def fill(stdin: io.BytesIO, data: bytes) -> None:
    """Put bytes where the next read finds them."""
    stdin.seek(0)
    stdin.truncate()
    stdin.write(data)
    stdin.seek(0)


def test_standard_input_is_a_source_beside_others(world: World, stdin: io.BytesIO) -> None:
    world.write("a.yaml", deployment(A))
    fill(stdin, deployment("redis:7").encode())
    found = world.json("scan", "-", "a.yaml").document["references"]
    assert [(item["reference"], item["file"]) for item in found] == [("redis:7", "<stdin>"), (A, "a.yaml")]


def test_the_format_of_standard_input_can_be_forced(world: World, stdin: io.BytesIO) -> None:
    fill(stdin, b"FROM redis:7\n")
    assert world.run("scan", "-", "--format", "dockerfile", "-o", "list").out == "redis:7\n"


def test_pinning_standard_input_writes_it_to_standard_output_and_nothing_else(
    world: World, stdin: io.BytesIO
) -> None:
    digest = world.push(A)
    world.write("a.yaml", deployment(A))
    world.run("lock")
    before = world.tree()
    fill(stdin, deployment(A).encode())
    result = world.run("pin", "-")
    assert (result.code, result.out) == (0, deployment(f"{A}@{digest}"))
    fill(stdin, result.out.encode())
    assert world.run("pin", "-").out == result.out
    fill(stdin, result.out.encode())
    assert world.run("unpin", "-").out == deployment(A)
    fill(stdin, deployment("redis:7").encode())
    refused = world.run("pin", "-")
    assert (refused.code, refused.out) == (1, "")
    assert "IL112" in refused.err
    assert world.tree() == before


def test_standard_input_of_any_length_is_refused_and_not_cut(world: World, stdin: io.BytesIO) -> None:
    fill(stdin, b"# filler\n" * (YAML_BYTES // 9 + 1))
    assert world.run("scan", "-").code == 2


def test_a_damaged_reference_can_be_silenced_at_its_line(world: World) -> None:
    bad = f"{A}@{SHA}@{SHA}"
    world.write("a.yaml", deployment(f"{bad}  # imagelock: ignore[IL111] a test of theirs"))
    assert world.json("scan").codes == []
    world.write("a.yaml", deployment(bad))
    assert world.json("scan").codes == ["IL111"]


def test_a_list_with_crlf_and_byte_order_mark_and_blanks_is_read_and_pinned_in_place(world: World) -> None:
    digest = world.push(A)
    text = f"\ufeff# list\r\n\r\n  {A}  # why\r\n{A}"
    world.write("my-images.txt", text)
    assert world.run("lock").code == 0
    assert world.run("pin").code == 0
    assert world.read("my-images.txt") == text.replace(A, f"{A}@{digest}")
    assert world.run("unpin").code == 0
    assert world.read("my-images.txt") == text


def test_lists_are_recognised_by_name_and_forced_otherwise(world: World) -> None:
    for name in ("my-images.txt", "external_images", "image_references/api.txt", "other.txt"):
        world.write(name, f"{A}\n")
    found = world.json("scan").document["references"]
    assert [item["file"] for item in found] == [
        "external_images",
        "my-images.txt",
        "image_references/api.txt",
    ]
    assert world.run("scan", "other.txt", "--format", "image-list", "-o", "list").out == f"{A}\n"


def test_schema_keys_and_prose_are_no_references(world: World) -> None:
    world.write(
        "crd.yaml",
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  versions:\n"
        "    - schema:\n        openAPIV3Schema:\n          properties:\n            image:\n"
        "              description: the image quay.io/acme/app:1 for example\n              type: string\n",
    )
    assert world.json("scan").document["references"] == []


def test_what_changes_while_it_is_read_is_never_overwritten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.push(A)
    path = world.write("a.yaml", deployment(A))
    world.run("lock")

    def meanwhile(writes: Sequence[Write]) -> None:
        path.write_text("# somebody else's\n")
        write_all(writes)

    monkeypatch.setattr("imagelock.ops.pin.run.write_all", meanwhile)
    result = world.run("pin")
    assert result.code == 2
    assert "this file changed" in result.err
    assert path.read_text() == "# somebody else's\n"
