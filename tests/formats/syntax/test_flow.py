"""Flow collections told from characters: one that runs over lines is never missed."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imagelock.formats.syntax.flow import runs_over_lines


@pytest.mark.parametrize(
    "raw", ["", "a: {b: 1}\n", "a: [1, {b: [2]}]\nc: }\n", "a: {}\n", "a: {{b: 1}, {c: 2}}"]
)
def test_brackets_closed_on_their_line_run_over_none(raw: str) -> None:
    assert not runs_over_lines(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "a: {\n b: 1}",
        "a: {x: {y: 1},\n b: 1}",
        "a: [{b: 1},\n]",
        "# {",
        "a: [",
        "{[}",
        'a: ["]\n"]',
        'a: {"}",\n}',
        "a: ['[]\n']",
        "a: { # }\n}",
    ],
)
def test_a_bracket_open_at_the_end_of_its_line_is_seen(raw: str) -> None:
    assert runs_over_lines(raw)


@given(
    st.lists(
        st.sampled_from(["a", ": ", "'", '"', " #", "{", "}", "[", "]", ",", "\n", " ", "1", "- "]),
        max_size=14,
    )
)
def test_what_libyaml_reads_as_one_over_lines_is_seen(pieces: list[str]) -> None:
    raw = "".join(pieces)
    try:
        root = yaml.compose(raw, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return
    stack = [root] if root is not None else []
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.CollectionNode):
            if node.flow_style and node.start_mark.line != node.end_mark.line:
                assert runs_over_lines(raw)
                return
            stack += [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
