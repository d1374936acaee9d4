"""Spans of scalars: whatever style a person writes, an edit through the span is the edit of the value."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from imagelock.formats.syntax.json_nodes import compose_json
from imagelock.formats.syntax.scalars import scalar_span
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.tree import Document
from imagelock.formats.syntax.yaml_text import chunks, compose

if TYPE_CHECKING:
    from imagelock.formats.syntax.tree import Node

WORDS = "Zq9"
_CALM = settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def _node(content: str, key: str = "k") -> Node:
    text = Text("a.yaml", content)
    document = compose(text, next(iter(chunks(text))))
    assert document is not None
    node = document.top.get(key)
    assert node is not None
    return node


def _value(content: str, key: str = "k") -> str:
    value = yaml.load(content.lstrip("\ufeff"), Loader=yaml.CBaseLoader)[key]  # noqa: S506 - strings only
    return str(value)


def _check_span(content: str, *, must_follow: bool = False, key: str = "k") -> None:
    """Demand of every edit through the span that the value read back is the value edited."""
    node = _node(content, key)
    value, span = str(node.scalar), node.span()
    assert _value(content, key) == value
    if span is None:
        assert not must_follow
        return
    assert len(span) == len(value)
    written = zip(value, span.starts, span.ends, strict=True)
    # Line breaks that chomping keeps or gives may stand at the end, without a character of their own.
    assert all(start < end or char == "\n" for char, start, end in written)
    assert list(span.starts) == sorted(span.starts)
    for i in range(1, len(value)):
        # References are words: an edit has a word's character on both sides.
        if not re.fullmatch(r"[!-~]{2}", value[i - 1 : i + 1]) or "#" in value[i - 1 : i + 1]:
            continue
        inserted = content[: span.ends[i - 1]] + WORDS + content[span.ends[i - 1] :]
        assert _value(inserted, key) == value[:i] + WORDS + value[i:]
        replaced = content[: span.starts[i]] + WORDS + content[span.ends[i] :]
        assert _value(replaced, key) == value[:i] + WORDS + value[i + 1 :]


_CHARACTERS = st.sampled_from(
    [*"abz09:/@._-#'\"\\{}[],&*!|>%? \n\t~", "é", "\u20ac", "\U0001f600", "\x07", "\xa0", "\x85", "\u2028"]
)
_TEXTS = st.text(_CHARACTERS, max_size=40)
_REFERENCES = st.from_regex(
    r"[a-z0-9]{1,8}(\.[a-z]{2,3})?/[a-z0-9-]{0,9}[a-z0-9](:[A-Za-z0-9_.-]{0,12}[a-z0-9])?", fullmatch=True
)
_STYLES = st.sampled_from([None, "'", '"', "|", ">"])


def _dump(
    value: object, draw_style: str | None, width: int, line_break: str, *, flow: bool, plain: bool
) -> str:
    return yaml.dump(
        value,
        default_style=draw_style,
        default_flow_style=flow,
        width=width,
        line_break=line_break,
        allow_unicode=plain,
        sort_keys=False,
    )


@_CALM
@given(_TEXTS, _STYLES, st.integers(4, 60), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_an_edit_through_a_span_is_the_edit_of_the_value(
    value: str,
    style: str | None,
    width: int,
    line_break: str,
    flow: bool,  # noqa: FBT001 - drawn
    plain: bool,  # noqa: FBT001 - drawn
) -> None:
    content = _dump({"a": value, "k": value, "z": value}, style, width, line_break, flow=flow, plain=plain)
    _check_span(content)


@_CALM
@given(_REFERENCES, _STYLES, st.integers(4, 60), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_a_reference_can_be_followed_in_every_style(
    value: str,
    style: str | None,
    width: int,
    line_break: str,
    flow: bool,  # noqa: FBT001 - drawn
) -> None:
    content = _dump({"a": "x", "k": value, "z": [value]}, style, width, line_break, flow=flow, plain=False)
    _check_span(content, must_follow=True)
    _check_span("\ufeff" + content, must_follow=True)


def _escaped(value: str, choices: list[int]) -> str:
    """Write a value between double quotes with escapes and continued lines at random places."""
    forms = (
        lambda char: char,
        lambda char: f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\U{ord(char):08X}",
        lambda char: f"\\u{ord(char):04X}" if ord(char) < 65536 else f"\\U{ord(char):08x}",
        lambda char: f"\\\n      {char}" if char not in " \t" else char,
        lambda char: f"\\\r\n\t{char}" if char not in " \t" else char,
    )
    return "".join(
        forms[choices[i % len(choices)] if char not in '"\\' else 1](char) for i, char in enumerate(value)
    )


@_CALM
@given(_REFERENCES, st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_escapes_and_continued_lines_are_followed(value: str, choices: list[int]) -> None:
    content = f'a: 1\nk:   "{_escaped(value, choices)}" # comment\nz: 2\n'
    assert _value(content) == value
    _check_span(content, must_follow=True)


def _is_readable(content: str) -> bool:
    try:
        return isinstance(yaml.load(content, Loader=yaml.CBaseLoader)["k"], str)  # noqa: S506 - strings only
    except (yaml.YAMLError, KeyError, TypeError):
        return False


_HEADERS = st.tuples(st.sampled_from("|>"), st.sampled_from(["", "-", "+"]), st.booleans(), st.integers(1, 4))
_LINES = st.lists(
    st.sampled_from(
        [
            "",
            " ",
            "  ",
            "word",
            "two words",
            "  indented",
            "- x",
            "# no comment",
            "\ttab",
            "a: b",
            "trailing ",
        ]
    ),
    max_size=8,
)


@_CALM
@given(
    _HEADERS,
    _LINES,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["z: 1\n", "# end\nz: 1\n", ""]),
    st.booleans(),
)
def test_block_scalars_are_followed_or_refused(
    header: tuple[str, str, bool, int],
    lines: list[str],
    line_break: str,
    after: str,
    finished: bool,  # noqa: FBT001 - drawn
) -> None:
    style, chomping, is_explicit, indent = header
    digit = str(indent) if is_explicit else ""
    body = "\n".join(" " * indent + line if line else "" for line in ["image: a/b:1", *lines, "last"])
    content = f"k: {style}{digit}{chomping} # head\n{body}" + ("\n" + after if finished or after else "")
    content = content.replace("\n", line_break)
    _check_span(content, must_follow=True)


@_CALM
@given(_HEADERS, _LINES, st.sampled_from(["z: 1\n", "\n\nz: 1\n"]))
def test_any_block_scalar_gives_a_true_span_or_none(
    header: tuple[str, str, bool, int], lines: list[str], after: str
) -> None:
    style, chomping, is_explicit, indent = header
    digit = str(indent) if is_explicit else ""
    content = f"k: {style}{digit}{chomping}\n" + "".join(" " * indent + line + "\n" for line in lines) + after
    assume(_is_readable(content))
    _check_span(content)


@pytest.mark.parametrize(
    "written",
    [
        "a/b:1",
        "&anchor a/b:1",
        "!!str a/b:1",
        "!!str &anchor a/b:1",
        "&anchor !!str 'a/b:1'",
        '!<tag:yaml.org,2002:str> "a/b:1"',
        "! a/b:1",
        "&anchor # a comment\n  a/b:1",
        "&anchor # a comment with 'quotes'\n  'a/b:1'",
        '&anchor\n\n  "a/b:1"',
        "&anchor |-\n  a/b:1",
        "!!str >- # a comment\n  a/b:1",
        "\n  a/b:1",
        "'a/b:1'   # a comment",
        '"\\u0061/b:1"',
        '"a/b:\\\n  1"',
        '"a/b:\\\r\n  1"',
        '"a\\/b:1"',
    ],
)
@pytest.mark.parametrize("start", ["", "\ufeff", "é: 1\n", "# \U0001f600\r\n"])
def test_properties_comments_and_marks_are_stepped_over(start: str, written: str) -> None:
    content = f"{start}k: {written}\nz: 1\n"
    assert _value(content) == "a/b:1"
    _check_span(content, must_follow=True)


@pytest.mark.parametrize(
    "content",
    [
        "{a: 1, k: a/b:1}",
        "{a: 1, k: a/b:1, z: 1}",
        "{k: &x a/b:1, z: *x}",
        "{k: 'a/b:1'}",
        '{"k":"a/b:1"}',
        "{? k : a/b:1}",
        "{k: a/b:1\n}",
        "--- {k: a/b:1}\n",
        "---\t\n{k: a/b:1}\n...\n",
        "? k\n: a/b:1\n",
        "k: a/b:1",
    ],
)
def test_flow_and_explicit_keys_are_followed(content: str) -> None:
    _check_span(content, must_follow=True)


@pytest.mark.parametrize("separator", ["\x85", "\u2028", "\u2029"])
def test_breaks_that_only_yaml_knows_never_mislead(separator: str) -> None:
    for written in (
        f"a/b{separator} c",
        f'"a/b{separator}c\\x41"',
        f"'it''s{separator}c'",
        f"|-\n  a/b{separator}  c",
    ):
        _check_span(f"k: {written}\nz: 1\n")


_JSON_TEXTS = st.text(st.characters(codec="utf-16"), max_size=30)


@_CALM
@given(_JSON_TEXTS, st.booleans())
def test_json_strings_are_followed_character_by_character(value: str, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    content = json.dumps({"k": value, "z": 1}, ensure_ascii=ascii_only)
    root = compose_json(content)
    node = Document(Text("a.json", content), content, root).top.get("k")
    assert node is not None
    assert node.text == value
    span = node.span()
    assert span is not None
    assert len(span) == len(value)
    for i, char in enumerate(value):
        assert json.loads('"' + content[span.starts[i] : span.ends[i]] + '"') == char


def test_a_surrogate_pair_is_one_character() -> None:
    content = '"\\ud83d\\ude00x"'
    span = scalar_span(content, 0, len(content), "\U0001f600x", "json")
    assert span is not None
    assert (span.starts, span.ends) == ((1, 13), (13, 14))


def test_a_value_that_is_not_what_is_written_has_no_span() -> None:
    assert scalar_span('"abc"', 0, 5, "abd", '"') is None
    assert scalar_span("abc", 0, 3, "ab d", None) is None
    assert scalar_span("'abc", 0, 4, "abc", "'") is None
    assert scalar_span('"\\q"', 0, 4, "q", '"') is None
    assert scalar_span('"\\ud83d"', 0, 8, "x", "json") is None
    assert scalar_span("|\n  abc", 0, 7, "abd", "|") is None
    assert scalar_span("|", 0, 1, "", "|") is None
