"""Trees: asking for what is not there gives nothing, and aliases cost what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.tree import Document
from imagelock.formats.syntax.yaml_text import chunks, compose

if TYPE_CHECKING:
    from imagelock.formats.syntax.tree import Node


def _top(content: str) -> Node:
    text = Text("a.yaml", content)
    document = compose(text, next(iter(chunks(text))))
    assert isinstance(document, Document)
    return document.top


def _get(content: str, *keys: str) -> Node:
    node = _top(content).get(*keys)
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("word", "word"),
        ("'1.20'", "1.20"),
        ("!!str 1.20", "1.20"),
        ("1.20", None),
        ("017", None),
        ("12:30", None),
        ("0x1f", None),
        ("yes", None),
        ("2024-01-01", None),
        ("null", None),
        ("~", None),
        ("", None),
        ("[a]", None),
        ("{a: b}", None),
        ("{{ .Values.x }}", None),
    ],
)
def test_only_strings_are_texts(written: str, text: str | None) -> None:
    node = _get(f"k: {written}\n", "k")
    assert node.text == text
    assert node.is_null == (written in ("null", "~", ""))


def test_asking_a_node_of_another_kind_gives_nothing() -> None:
    top = _top("a: [1, {b: c}]\n? [complex]\n: x\n")
    node = top.get("a")
    assert node is not None
    assert node.is_sequence
    assert not node.is_mapping
    assert node.get("b") is None
    assert list(node.entries()) == []
    assert list(top.items()) == []
    assert node.scalar is None
    assert node.span() is None
    assert top.get("a", "b") is None
    assert top.get("nothing", "at", "all") is None
    assert [key for key, _ in top.entries()] == ["a"]


def test_paths_name_keys_and_items() -> None:
    paths = {node.path for node in _top("a: [x, {b: c}]\nd: {e: f}\n").walk()}
    assert paths == {"", "a", "a[0]", "a[1]", "a[1].b", "d", "d.e"}


def test_positions_are_of_the_value_itself() -> None:
    assert _get("k: &a 'x'\n", "k").position == (1, 8)
    assert _get("k:\n- 1\nz: >-\n  word\n", "z").position == (4, 3)
    assert _get('k: ""\n', "k").position == (1, 4)


def test_every_node_is_walked_once_however_many_aliases_lead_to_it() -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
    assert len(list(_top(laughs).walk())) == 1 + 60 + 2
    assert len(list(_top("a: &a [*a, {b: *a}]\n").walk())) == 3


def test_items_by_alias_are_new_only_once() -> None:
    top = _top("a: &a [x, &y {k: v}]\nb: *a\nc: [*y, z]\n")
    seen = [item.path for key in "abc" for item in top.get(key).new_items("role")]  # type: ignore[union-attr] # all there
    assert seen == ["a[0]", "a[1]", "c[1]"]
    again = top.get("a")
    assert again is not None
    assert len(list(again.new_items("another role"))) == 2
