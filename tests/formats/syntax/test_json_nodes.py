"""JSON with positions: RFC 8259 and no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imagelock.errors import FormatError
from imagelock.formats.syntax.json_nodes import compose_json
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.tree import Document
from imagelock.limits import JSON_DEPTH

if TYPE_CHECKING:
    from imagelock.formats.syntax.tree import Node

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def _value(node: Node) -> object:
    if node.is_mapping:
        return {key: _value(value) for key, value in node.entries()}
    if node.is_sequence:
        return [_value(item) for item in node.items()]
    return node.text if node.text is not None else json.loads(node.scalar or "")


@given(_JSON, st.sampled_from([None, 0, 2, "\t"]), st.booleans())
def test_json_is_read_as_the_standard_library_reads_it(
    value: object,
    indent: int | str | None,
    ascii_only: bool,  # noqa: FBT001 - drawn
) -> None:
    content = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    document = Document(Text("a.json", content), content, compose_json(content))
    assert _value(document.top) == value
    for node in document.top.walk():
        if isinstance(node.raw, yaml.ScalarNode):
            assert node.span() is not None
            assert json.loads(document.raw_text(node.raw)) == _value(node)


@given(st.text(st.sampled_from('{}[]",:0123456789.eE+-truefalsn \\u\t\n'), max_size=20))
def test_what_the_standard_library_refuses_is_refused(content: str) -> None:
    try:
        json.loads(content)
    except ValueError:
        with pytest.raises(FormatError):
            compose_json(content)
    else:
        compose_json(content)


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        ("", 1, 1),
        ("[1,]", 1, 4),
        ('{"a": 1,}', 1, 9),
        ('{\n"a" 1}', 2, 5),
        ('{"a": "x\ny"}', 1, 7),
        ("[1] 2", 1, 5),
        ("[NaN]", 1, 2),
        ("[Infinity]", 1, 2),
        ("[01]", 1, 3),
        ("{a: 1}", 1, 2),
        ("['a']", 1, 2),
    ],
)
def test_what_is_no_json_says_where(content: str, line: int, column: int) -> None:
    with pytest.raises(FormatError) as refusal:
        compose_json(content)
    assert (refusal.value.line, refusal.value.column) == (line, column)


def test_depth_is_bounded() -> None:
    compose_json("[" * JSON_DEPTH + "]" * JSON_DEPTH)
    with pytest.raises(FormatError, match="nested deeper"):
        compose_json("[" * 100_000)
    with pytest.raises(FormatError, match="nested deeper"):
        compose_json('{"a":' * 100_000)
