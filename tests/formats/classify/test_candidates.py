"""What is a template, and when a broken text is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.formats.classify.candidates import has_variable, is_template, is_templated, possible, required
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.model.place import Damaged, Place, Skipped

if TYPE_CHECKING:
    from imagelock.formats.syntax.tree import Node


@pytest.mark.parametrize(
    ("text", "template", "variable"),
    [
        ("nginx:1", False, False),
        ("{{ x }}", True, False),
        ("{% x %}", True, False),
        ("###X###", True, False),
        ("<image>", True, False),
        ("<%- image %>", True, False),
        ("<%-", True, False),
        ("%(image)s", True, False),
        ("${X}", False, True),
        ("$(X)", False, True),
        ("$X", False, True),
        ("a$1", False, False),
        ("quay.io/a/b@sha256:1", False, False),
    ],
)
def test_templates_and_variables_are_told_apart(text: str, template: bool, variable: bool) -> None:  # noqa: FBT001 - a table
    assert is_template(text) is template
    assert has_variable(text) is variable


@pytest.mark.parametrize(
    ("content", "line", "expected"),
    [
        ("a: 1\n{{- if x }}\nb: 2\n", 3, True),
        ("a: 1\n- {{ x }}\nb: 2\n", 99, True),
        ("a: {{ x }}:{{ y }}\n", 1, True),
        ("a: {{ x }}:{{ y }}\nb: [\n", 2, True),
        ("a: {{ x }}\n\n\n\nb: [\n", 5, False),
        ("# {{ x }}\na: 1\n\nb: [\n", 4, False),
        ("run: ${{ x }}\nb: [\n", 2, False),
        ("###X###\nb: [\n", 2, True),
        ("### a banner ###\n\nb: [\n", 3, False),
        ("<% x %>\nb: [\n", 2, True),
        ("", 1, False),
    ],
)
def test_a_text_is_a_template_where_its_tags_broke_it(content: str, line: int, expected: bool) -> None:  # noqa: FBT001 - a table
    assert is_templated(content, line) is expected


def _node(written: str) -> Node:
    text = Text("a.yaml", f"k: {written}\n")
    document = compose(text, next(iter(chunks(text))))
    assert document is not None
    node = document.top.get("k")
    assert node is not None
    return node


def test_a_node_is_judged_once() -> None:
    node = _node("a/b:1")
    assert isinstance(required(node, "f"), Place)
    assert required(node, "f") is None
    assert possible(node, "f") is None


def test_what_may_be_a_reference_is_a_place_or_nothing() -> None:
    assert isinstance(possible(_node("a/b:1"), "f"), Place)
    for written in ("Not One", "1.20", "", "[a]", "{{ x }}", "${X}"):
        assert possible(_node(written), "f") is None


def test_what_must_be_a_reference_is_told_otherwise() -> None:
    assert isinstance(required(_node("Not One"), "f"), Damaged)
    assert isinstance(required(_node("1.20"), "f"), Damaged)
    assert isinstance(required(_node("[a]"), "f"), Skipped)
    assert isinstance(required(_node("'{{ x }}'"), "f"), Skipped)
    for written in ("", "''", "null"):
        assert required(_node(written), "f") is None


def test_a_number_is_told_how_to_be_written() -> None:
    found = required(_node("1.20"), "f")
    assert isinstance(found, Damaged)
    assert found.hint == 'write it in quotes: "1.20"'


def test_a_place_that_cannot_be_followed_has_no_slots_and_says_why() -> None:
    # A line break that YAML 1.1 alone knows is folded to a blank, so the scalar has no span; JSON takes it.
    text = Text("a.yaml", 'k: \'{"image":\x85 "a/b:1"}\'\n')
    document = compose(text, next(iter(chunks(text))))
    assert document is not None
    node = document.top.get("k")
    assert node is not None
    assert node.span() is None
