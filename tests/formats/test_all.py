"""The one function that finds: which texts are read, in which order, and what is said of the rest."""

from __future__ import annotations

import pytest

from imagelock.formats.all import find, names
from imagelock.formats.text import Text
from imagelock.model.place import Place, Skipped, Unreadable

POD = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a/b:1}]}\n"


@pytest.mark.parametrize("path", ["a.yaml", "a.yml", "A.YAML", "a.json", "a.txt", "README", "deploy/x.tpl"])
def test_objects_are_known_by_content_and_not_by_name(path: str) -> None:
    assert [item.line for item in find(Text(path, POD)) if isinstance(item, Place)] == [3]


def test_a_text_that_is_nothing_known_gives_nothing() -> None:
    for content in ("", "hello image: a/b:1\n", "def f():\n    image = 'a/b:1'\n", "\x00\x01"):
        assert find(Text("a.py", content)) == []


def test_image_lines_of_a_document_nobody_knows_are_skipped_with_the_reason() -> None:
    found = find(
        Text(
            "a.yaml",
            "web:\n  image: quay.io/acme/web:1 # why\n  'image': \"nginx:1\"\n- image: word\n  image: {{ x }}\n",
        )
    )
    assert [(item.text, item.line) for item in found if isinstance(item, Skipped)] == [
        ("quay.io/acme/web:1", 2),
        ("nginx:1", 3),
        ("{{ x", 5),
    ]
    assert all(item.reason for item in found if isinstance(item, Skipped))


def test_what_is_found_comes_in_the_order_of_the_file() -> None:
    found = find(Text("a.yaml", f"{POD}---\nx:\n  image: c/d:1\n---\n{POD}"))
    assert [item.line for item in found] == sorted(item.line for item in found)
    assert len(found) == 3


def test_forcing_a_format_reads_what_it_would_not_claim() -> None:
    content = "spec:\n  containers:\n  - image: a/b:1\n"
    assert [type(item) for item in find(Text("a.yaml", content))] == [Skipped]
    assert [type(item) for item in find(Text("a.yaml", content), "kubernetes")] == [Place]
    assert [type(item) for item in find(Text("web", "a/b:1\n"), "image-list")] == [Place]
    assert [type(item) for item in find(Text("web", "FROM a/b:1\n"), "dockerfile")] == [Place]
    assert [type(item) for item in find(Text("images.txt", POD), "kubernetes")] == [Place]


def test_every_name_can_be_forced_on_every_text() -> None:
    for name in names():
        for content in ("", POD, "FROM a/b:1\n", "a/b:1\n", "[", "\udcff"):
            find(Text("a", content), name)


def test_a_broken_document_is_told_once_with_its_line() -> None:
    found = find(Text("a.yaml", f"{POD}---\nkind: x\ncontainers: [\n  image: a/b:1\n"))
    unreadable = [item for item in found if isinstance(item, Unreadable)]
    assert len(unreadable) == 1
    assert unreadable[0].line > 4
    assert "not YAML" in unreadable[0].reason


def test_lines_and_columns_count_from_one_in_characters() -> None:
    text = Text("a", "é\n\U0001f600x\r\ny")
    assert [text.position(at) for at in range(7)] == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (2, 4), (3, 1)]
    assert Text("a", "").position(0) == (1, 1)
    assert Text("folder/name.x", "").file_name == "name.x"
