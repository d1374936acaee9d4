"""Streams cut into documents, and documents composed without ever ending the process."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from imagelock.errors import FormatError
from imagelock.formats.syntax.text import Text
from imagelock.formats.syntax.yaml_text import MERGE_CONFLICT, chunks, compose, compose_inner
from imagelock.limits import YAML_VALUES

if TYPE_CHECKING:
    from imagelock.formats.syntax.tree import Document

DEEP = 100_000


def _chunks(content: str) -> list[str]:
    return [content[chunk.start : chunk.end] for chunk in chunks(Text("a.yaml", content))]


def _compose(content: str) -> Document | None:
    text = Text("a.yaml", content)
    return compose(text, next(iter(chunks(text))))


def _error(content: str) -> FormatError:
    with pytest.raises(FormatError) as caught:
        _compose(content)
    return caught.value


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", [""]),
        ("a: 1", ["a: 1"]),
        ("a: 1\n---\nb: 2\n", ["a: 1\n", "---\nb: 2\n"]),
        ("---\na: 1\n", ["---\na: 1\n"]),
        ("# a licence\n\n---\na: 1\n", ["# a licence\n\n---\na: 1\n"]),
        ("\ufeff---\na: 1\n", ["\ufeff---\na: 1\n"]),
        ("---\n---\n", ["---\n", "---\n"]),
        ("%YAML 1.1\n---\na: 1\n", ["%YAML 1.1\n---\na: 1\n"]),
        ("a: 1\n...\n%TAG ! x:\n---\nb: 2\n", ["a: 1\n...\n", "%TAG ! x:\n---\nb: 2\n"]),
        ("a: 1\n...\nb: 2\n", ["a: 1\n...\n", "b: 2\n"]),
        ("a: 1\n...\n# the end\n", ["a: 1\n...\n# the end\n"]),
        ("a: 1\r---\rb: 2", ["a: 1\r", "---\rb: 2"]),
        ("a: 1\r\n--- # b\r\nb: 2", ["a: 1\r\n", "--- # b\r\nb: 2"]),
        ("a: |\n  ---\n  x\n", ["a: |\n  ---\n  x\n"]),
        ("a: ---\n----\n---x\n", ["a: ---\n----\n---x\n"]),
        ("a\n---", ["a\n", "---"]),
        ("a\n...\n# c\n...\n\n---\nb\n", ["a\n...\n# c\n...\n", "\n---\nb\n"]),
    ],
)
def test_a_stream_is_cut_where_yaml_cuts_it(content: str, expected: list[str]) -> None:
    assert _chunks(content) == expected


_LINES = st.sampled_from(["---", "--- x", "...", "# c", "", "a: 1", "b: 2", "- x", "----", "  ---", "x"])


@settings(max_examples=400)
@given(st.lists(_LINES, max_size=10), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_stream_that_loads_has_the_same_documents(lines: list[str], line_break: str) -> None:
    content = line_break.join(lines)
    assert "".join(_chunks(content)) == content
    try:
        loaded = list(yaml.load_all(content, Loader=yaml.CBaseLoader))
    except yaml.YAMLError:
        return
    pieces = [yaml.load(piece, Loader=yaml.CBaseLoader) for piece in _chunks(content)]  # noqa: S506 - strings only
    assert pieces == (loaded or [None])


def test_marks_count_from_the_start_of_the_file() -> None:
    text = Text("a.yaml", "\ufeffa: 1\n---\nk: value\n")
    first, second = (compose(text, chunk) for chunk in chunks(text))
    assert first is not None
    assert second is not None
    assert text.content[first.top.offset :].startswith("a: 1")
    node = second.top.get("k")
    assert node is not None
    assert text.content[node.offset :] == "value\n"
    assert second.index == 1


@pytest.mark.parametrize("content", ["", "# only a comment\n", "---\n# nothing\n", "\n \n", "\ufeff"])
def test_an_empty_document_is_none(content: str) -> None:
    document = _compose(content)
    assert document is None or document.top.is_null


@pytest.mark.parametrize(
    ("content", "line", "column", "message"),
    [
        ("a: 1\nb: [\n", 3, 1, "not YAML"),
        ("a: b: c\n", 1, 5, "mapping values are not allowed"),
        ("a:\n\tb: 1\n", 2, 1, "cannot start any token"),
        ("a: \x01\n", 1, 4, "U\\+0001"),
        ("é: é\nb: \udcff\n", 2, 4, "0xFF is not UTF-8"),
        ("a: *nobody\n", 1, 4, "undefined alias"),
        ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", 2, 1, MERGE_CONFLICT),
        ("a: 1\r\n<<<<<<< HEAD\r\nb: 1\r\n", 2, 1, MERGE_CONFLICT),
    ],
)
def test_a_broken_document_says_where(content: str, line: int, column: int, message: str) -> None:
    error = _error(content)
    assert (error.line, error.column) == (line, column)
    with pytest.raises(FormatError, match=message):
        raise error
    assert "\n" not in error.message


@pytest.mark.parametrize(
    "content",
    [
        "[" * DEEP,
        "{a: " * DEEP,
        "- " * DEEP,
        "? " * DEEP,
        "? - " * DEEP,
        "a:\n" + "\n".join(" " * i + "b:" for i in range(1, 1500)),
        "- - ? " * DEEP,
        "[{a: " * DEEP,
        "'[' : " + "[" * DEEP,
        '{"a": ' + "[" * DEEP,
    ],
)
def test_deep_nesting_is_an_error_and_no_end_of_the_process(content: str) -> None:
    assert "nested deeper" in _error(content).message
    assert compose_inner(content) is None


@pytest.mark.parametrize("depth", [10, 100, 198])
@pytest.mark.parametrize("form", ["[", "- ", "{a: "])
def test_ordinary_nesting_is_read(form: str, depth: int) -> None:
    closing = {"[": "]", "- ": "", "{a: ": "}"}[form]
    assert _compose(form * depth + "x" + closing * depth) is not None


def test_brackets_in_strings_are_no_nesting() -> None:
    assert _compose("a: '" + "[{" * 1000 + "'\n") is not None


def test_an_anchor_may_be_set_a_second_time() -> None:
    document = _compose("a: &x 1\nb: &x 2\nc: *x\nd: [*x]\n")
    assert document is not None
    node = document.top.get("c")
    assert node is not None
    assert node.scalar == "2"
    assert [item.scalar for item in document.top.get("d").items()] == ["2"]  # type: ignore[union-attr] # it is there


def test_duplicate_keys_are_read_and_the_first_is_taken() -> None:
    document = _compose("a: 1\na: 2\n")
    assert document is not None
    assert [(key, node.scalar) for key, node in document.top.entries()] == [("a", "1"), ("a", "2")]


@pytest.mark.parametrize(
    "content", ['{\t"a":\t"\\ud83d\\ude00"}', '{"a": "\\ud83d\\ude00",\t\n\t"b":\t[1]\n}']
)
def test_json_that_is_no_yaml_is_read_as_json(content: str) -> None:
    document = _compose(content)
    assert document is not None
    node = document.top.get("a")
    assert node is not None
    assert node.text == "\U0001f600"


def test_what_stands_inside_a_scalar_is_composed_or_none() -> None:
    assert compose_inner("a: 1") is not None
    for broken in ("a: [", "\udcff", "\x00", "a: *x"):
        assert compose_inner(broken) is None


@pytest.mark.parametrize(
    "content",
    [
        "image: [" + "1," * YAML_VALUES + "1]\n",
        '{"image": [' + "1," * YAML_VALUES + "1]}",
        "image:\n" + "-\n" * YAML_VALUES + "-\n",
        "image: {" + "a: b," * YAML_VALUES + "}\n",
    ],
    ids=["sequence", "json", "items", "mapping"],
)
def test_a_document_of_too_many_values_is_refused_before_it_costs_memory(content: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert f"more than {YAML_VALUES} values" in str(_error(content))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
