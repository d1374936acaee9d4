"""Files that are not UTF-8, keys that are written twice and keys that are merged: read, or reported, never lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.files import decode, encode, encoding_of

if TYPE_CHECKING:
    from support.world import World

A, B = "ghcr.io/acme/a:1", "ghcr.io/acme/b:1"
DIGEST = "sha256:" + "a" * 64
POD = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: é}}\nspec:\n  containers:\n  - name: a\n    image: {A}\n"
ENCODINGS = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_a_file_in_utf_16_or_32_is_read_and_written_back_in_it(
    world: World, encoding: str, mark: str
) -> None:
    (world.root / "pod.yaml").write_bytes((mark + POD).encode(encoding))
    world.write("locked.txt", f"{A}@{DIGEST}\n")
    assert [item["reference"] for item in world.json("scan", "pod.yaml").document["references"]] == [A]
    assert world.run("pin", "pod.yaml", "--lock-file", "locked.txt").code == 0
    pinned = POD.replace(A, f"{A}@{DIGEST}")
    assert (world.root / "pod.yaml").read_bytes() == (mark + pinned).encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", *ENCODINGS])
def test_text_is_encoded_as_it_was(encoding: str) -> None:
    data = ("\ufeff" + POD).encode(encoding)
    assert encoding_of(data) == encoding
    assert encode(decode(data), data) == data


def test_damaged_utf_16_and_nul_bytes_in_yaml_are_unreadable(world: World) -> None:
    (world.root / "a.yaml").write_bytes(POD.encode("utf-16-le") + b"x")
    (world.root / "b.yaml").write_bytes(POD.encode() + b"\0")
    (world.root / "c.bin").write_bytes(b"\x7fELF\0\0\0\0")
    findings = world.json("scan").document["findings"]
    assert [(item["code"], item["file"]) for item in findings] == [("IL114", "a.yaml"), ("IL114", "b.yaml")]


def test_of_two_equal_keys_the_last_counts_and_the_first_is_reported(world: World) -> None:
    world.write("pod.yaml", f"{POD}    image: {B}\n")
    document = world.json("scan").document
    assert [item["reference"] for item in document["references"]] == [B]
    (skipped,) = document["skipped"]
    assert (skipped["text"], skipped["kind"]) == (A, "image")
    assert "second image key" in skipped["reason"]


@pytest.mark.parametrize("merge", ["*base", "[*other, *base]"])
def test_merged_keys_of_a_container_are_read(world: World, merge: str) -> None:
    world.write(
        "pod.yaml",
        f"x-other: &other {{tty: true}}\nx-base: &base\n  image: {A}\napiVersion: v1\nkind: Pod\n"
        f"spec:\n  containers:\n  - name: a\n    <<: {merge}\n",
    )
    assert [item["reference"] for item in world.json("scan").document["references"]] == [A]
