"""Lists of images: one a line, known by their name."""

from __future__ import annotations

import pytest

from imagelock.formats.lists import plain as image_list
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Damaged, Place, Skipped

DIGEST = Digest.of(b"an image")


@pytest.mark.parametrize(
    ("path", "claimed"),
    [
        ("images.txt", True),
        ("release-images-7.txt", True),
        ("external_images", True),
        ("var/external_images.txt", True),
        ("image_references/web.txt", True),
        ("image_references/deep/web", True),
        ("images.md", False),
        ("web.txt", False),
        ("Images.txt", False),
        ("images.txt/other", False),
        ("my_image_references/web.txt", False),
    ],
)
def test_lists_are_known_by_their_name(path: str, claimed: bool) -> None:  # noqa: FBT001 - a table
    assert image_list.claims(Text(path, "nginx:1\n")) is claimed


def test_comments_blanks_and_blank_lines_are_stepped_over() -> None:
    content = "\ufeff# head\n\n  a/b:1\t \r\nc/d:1  # why\r\n\t# more\nlocalhost:5000/e#f\n \ng/h"
    found = find(Text("images.txt", content))
    assert [(str(item.reference), item.line, item.column) for item in found if isinstance(item, Place)] == [
        ("a/b:1", 3, 3),
        ("c/d:1", 4, 1),
        ("g/h", 8, 1),
    ]
    assert [(item.text, item.line) for item in found if isinstance(item, Damaged)] == [
        ("localhost:5000/e#f", 6)
    ]
    for item in found:
        if isinstance(item, Place):
            start = item.slots[0].span.offset(0)
            assert content[start:].startswith(str(item.reference))


def test_every_form_of_a_reference_is_taken_and_duplicates_are_two_places() -> None:
    lines = ["nginx", "nginx:1", f"nginx@{DIGEST}", f"nginx:1@{DIGEST}", "nginx", "[::1]:5000/a"]
    found = find(Text("images.txt", "\n".join(lines)))
    assert [str(item.reference) for item in found if isinstance(item, Place)] == lines


@pytest.mark.parametrize(
    "line",
    [
        "label=quay.io/a/b:1",
        "a b",
        "Nginx",
        "${IMAGE}",
        f"a@{DIGEST}@{DIGEST}",
        "https://quay.io/a",
        "<<<<<<< HEAD",
    ],
)
def test_a_line_that_is_no_reference_is_damage(line: str) -> None:
    (found,) = find(Text("images.txt", f"{line}\n"))
    assert isinstance(found, Damaged)
    assert found.text == line


def test_a_template_is_skipped() -> None:
    (found,) = find(Text("images.txt", "quay.io/a/b:{{ tag }}\n"))
    assert isinstance(found, Skipped)


@pytest.mark.parametrize("content", ["", "\n", "\ufeff", "# comment", " \t\r\n"])
def test_an_empty_list_is_empty(content: str) -> None:
    assert find(Text("images.txt", content)) == []


def test_what_is_shown_of_a_hostile_line_is_short() -> None:
    (found,) = find(Text("images.txt", "x" * 100_000))
    assert isinstance(found, Damaged)
    assert len(found.text) < 1000
