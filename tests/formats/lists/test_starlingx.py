"""Tag files: what is found, and that only a digest key is ever filled."""

from __future__ import annotations

import pytest

from imagelock.formats.edit.splice import fill
from imagelock.formats.lists.starlingx import NO_DIGEST_KEY, read
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Build, Damaged, Place, Skipped, Unreadable
from imagelock.model.tagfile import Flaw, TagItem

DIGEST = Digest.of(b"made up")
TAG_FILE = """\
# yamllint disable rule:line-length
---
images:
  #- name: docker.io/acme/IMAGE
  - name: docker.io/acme/dex
    src_build_tag: master-stable-20200204T162546Z.0
    src_ref: https://git.example/dex/commit/5d6701bdf214e77f460f2e3dd2b6f7d3186830c8
    # Tag of the upstream release
    tag: stx.4.0-v2.14.0-1
  - name: docker.io/acme/rvmc   # kept
    src_build_tag: master-stable-20200303T000005Z.0
    src_ref: https://git.example/metal/commit/4609dacc5f2ffa54012eaffc60196488a6c589b6
    tag: 'stx.4.0-v1.0.0'
    digest: ""
"""


def places(content: str) -> list[Place]:
    return [item for item in find(Text("image-tags.yaml", content)) if isinstance(item, Place)]


def items(content: str) -> list[TagItem | Flaw | Unreadable]:
    return list(read(Text("image-tags.yaml", content)))


def test_every_item_is_found_as_name_and_tag() -> None:
    dex, rvmc = places(TAG_FILE)

    assert str(dex.reference) == "docker.io/acme/dex:stx.4.0-v2.14.0-1"
    assert (dex.line, dex.column, dex.format) == (5, 11, "starlingx-tags")
    assert dex.build == Build(
        "master-stable-20200204T162546Z.0",
        "https://git.example/dex/commit/5d6701bdf214e77f460f2e3dd2b6f7d3186830c8",
    )
    assert str(rvmc.reference) == "docker.io/acme/rvmc:stx.4.0-v1.0.0"


def test_an_item_without_a_digest_key_is_not_pinnable() -> None:
    dex, rvmc = places(TAG_FILE)

    assert not dex.pinnable
    assert dex.refusal == NO_DIGEST_KEY
    assert rvmc.pinnable


@pytest.mark.parametrize("old", ['""', "''", f'"{Digest.of(b"old")}"', str(Digest.of(b"old"))])
def test_pinning_fills_the_digest_key_and_nothing_else(old: str) -> None:
    content = TAG_FILE.replace('digest: ""', f"digest: {old}  # enforced")
    (place,) = [item for item in places(content) if item.pinnable]

    pinned = fill(Text("image-tags.yaml", content), [(place, place.reference.with_digest(DIGEST))])

    quote = old[0] if old[0] in "'\"" else ""
    assert pinned == content.replace(f"digest: {old}", f"digest: {quote}{DIGEST}{quote}")


def test_unpinning_gives_the_empty_key_back() -> None:
    place = places(TAG_FILE)[1]
    pinned = fill(Text("image-tags.yaml", TAG_FILE), [(place, place.reference.with_digest(DIGEST))])
    again = places(pinned)[1]

    assert again.reference.digest == DIGEST
    assert fill(Text("image-tags.yaml", pinned), [(again, again.reference.with_tag("x"))]) == TAG_FILE


def test_a_tag_that_yaml_reads_as_a_number_is_damage() -> None:
    (found,) = find(Text("t.yaml", "images:\n- name: a/b\n  tag: 1.20\n  src_ref: x\n"))

    assert isinstance(found, Damaged)
    assert found.hint == 'write it in quotes: "1.20"'


def test_an_item_without_a_tag_is_told_as_skipped() -> None:
    (found,) = find(Text("t.yaml", "images:\n- name: a/b\n  src_ref: x\n"))

    assert isinstance(found, Skipped)
    assert found.reason == "an item without a tag"


@pytest.mark.parametrize(
    "content",
    [
        "images:\n- name: a/b\n  newTag: v1\n",
        "apiVersion: v1\nkind: X\nimages:\n- name: a/b\n  tag: v1\n  src_ref: x\n",
        "images:\n",
        "images: {a: {src_ref: x}}\n",
        "# src_ref\n",
    ],
)
def test_other_documents_with_images_are_no_tag_files(content: str) -> None:
    assert "starlingx-tags" not in {place.format for place in places(content)}


def test_several_documents_of_one_file_are_read() -> None:
    assert len(places(f"{TAG_FILE}{TAG_FILE}")) == 4


def test_reading_gives_each_item_with_its_fields_and_odd_keys() -> None:
    (item,) = items("images:\n- name: a\n  tag: v1\n  tag: v2\n  owner: me\n")

    assert isinstance(item, TagItem)
    assert {key: field.text for key, field in item.fields.items()} == {"name": "a", "tag": "v2"}
    assert [(key.text, key.line) for key in item.others] == [("owner", 5)]
    assert [(key.text, key.line) for key in item.repeated] == [("tag", 4)]


@pytest.mark.parametrize(
    "content",
    ["---\nimages:\n  #- name: a\n", "images: {}\n", "images: []\n---\n", "images: ~\n---\n# end\n"],
)
def test_a_list_without_items_is_empty_and_no_error(content: str) -> None:
    assert items(content) == []


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("---\nimages: {a: b}\n", 2, "images is not a list"),
        ("---\nimage: []\n", 2, "the key images is missing"),
        ("images:\n- a\n", 2, "an item that is not a mapping"),
        ("# nothing\n", 1, "the file has no content"),
        ("other: 1\nimages: []\n", 1, "unknown key 'other' beside images"),
    ],
)
def test_reading_says_what_is_no_list_of_items(content: str, line: int, reason: str) -> None:
    (flaw,) = items(content)

    assert isinstance(flaw, Flaw)
    assert (flaw.line, flaw.reason) == (line, reason)


def test_a_broken_document_does_not_hide_the_next() -> None:
    first, second = items("images: [\n---\nimages:\n- name: a\n")

    assert isinstance(first, Unreadable)
    assert isinstance(second, TagItem)


def test_an_item_that_aliases_repeat_is_read_once() -> None:
    content = f"{TAG_FILE}  - &a\n    name: a/b\n    tag: v1\n    src_ref: x\n"

    assert len(items(content + "  - *a\n" * 1000)) == 3
    assert len(places(content + "  - *a\n" * 1000)) == 3
