"""ARG defaults: what a FROM means with them, and when one of them may carry a digest."""

from __future__ import annotations

import pytest

from formats.reading import pinned, places, reasons, references, refusals

PATH = "Dockerfile"


@pytest.mark.parametrize(
    ("content", "after"),
    [
        ("ARG V=3.12\nFROM python:${V}\n", "ARG V=3.12@DIGEST\nFROM python:${V}\n"),
        ('ARG V="3.12"\nFROM python:$V AS x\n', 'ARG V="3.12@DIGEST"\nFROM python:$V AS x\n'),
        ("ARG B=a/b:1\nFROM $B\nFROM ${B}\n", "ARG B=a/b:1@DIGEST\nFROM $B\nFROM ${B}\n"),
        ("ARG V=1\nARG B=a:$V\nFROM $B\n", "ARG V=1@DIGEST\nARG B=a:$V\nFROM $B\n"),
        ("ARG R=quay.io\nFROM $R/a/b:1\n", "ARG R=quay.io\nFROM $R/a/b:1@DIGEST\n"),
        ("FROM ${X:-a/b:1}\n", "FROM ${X:-a/b:1@DIGEST}\n"),
        ("FROM a:${X-1}\n", "FROM a:${X-1@DIGEST}\n"),
        ("ARG X=\nFROM a:${X:-1}\n", "ARG X=\nFROM a:${X:-1@DIGEST}\n"),
        ("ARG V=1\nFROM a:$V\nARG V=2\nRUN echo $V\n", "ARG V=1@DIGEST\nFROM a:$V\nARG V=2\nRUN echo $V\n"),
        ("ARG V=1 W=2\nFROM a:$W\n", "ARG V=1 W=2@DIGEST\nFROM a:$W\n"),
        ("ARG B=a/b:1\nFROM $B\nARG B\n# $B\nRUN x\n", "ARG B=a/b:1@DIGEST\nFROM $B\nARG B\n# $B\nRUN x\n"),
        ("ARG V=1\nFROM a:$V AS x\nFROM a:${V}\n", "ARG V=1@DIGEST\nFROM a:$V AS x\nFROM a:${V}\n"),
        ("ARG V=1\nARG B=a:$V\nFROM $B\nFROM a:$V\n", "ARG V=1@DIGEST\nARG B=a:$V\nFROM $B\nFROM a:$V\n"),
    ],
)
def test_the_digest_goes_into_the_default_that_ends_the_reference(content: str, after: str) -> None:
    assert pinned(content, PATH) == after


@pytest.mark.parametrize(
    "content",
    [
        "ARG V=1\nFROM a:$V\nFROM b:$V\n",
        "ARG V=1\nFROM a:$V\nARG V\nRUN curl https://example.org/$V\n",
        "ARG V=1\nARG URL=https://example.org/$V\nFROM a:$V\n",
        "ARG B=a:1\nFROM $B\nFROM ${B}-slim\n",
        "ARG V=1\nARG B=a:$V\nFROM $B\nFROM ${B}-slim\n",
        "ARG B=a/b:1\nFROM $B\nARG B\nRUN echo $B\n",
        "ARG B=a/b:1\nFROM $B\nARG B\nLABEL base=${B}\n",
        "ARG V=1\nFROM --platform=linux/$V a:$V\n",
    ],
)
def test_a_default_that_serves_two_ends_is_left_alone(content: str) -> None:
    assert any("used for something else" in (reason or "") for reason in refusals(content, PATH).values())
    assert pinned(content, PATH) == content


@pytest.mark.parametrize(
    "content",
    ["ARG N=a\nFROM r.io/${N}:1\n", "ARG V=1\nFROM a:${V}-slim\n", "ARG N=a\nARG V=1\nFROM $N:$V\n"],
)
def test_a_variable_before_the_end_is_found_and_not_pinned(content: str) -> None:
    assert len(refusals(content, PATH)) == 1
    assert pinned(content, PATH) == content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("ARG V\nFROM a:$V\n", "the variable V has no default"),
        ("FROM a:$V\nARG V=1\n", "the variable V has no default"),
        ("ARG V=\nFROM a:$V\n", "the variable V is empty by default"),
        ("ARG V=$W\nFROM a:$V\n", "the variable W has no default"),
        ("FROM a:${V:+1}\n", "a form that has no default"),
        ("FROM a:${V%1}\n", "a form that has no default"),
        ("ARG V=A\nFROM $V\n", "lower case"),
        ("ARG V=$V\nFROM $V\n", "the variable V has no default"),
    ],
)
def test_what_no_default_completes_is_skipped_with_the_reason(content: str, reason: str) -> None:
    assert references(content, PATH) == []
    (given,) = reasons(content, PATH).values()
    assert reason in given


def test_a_default_may_name_a_stage_or_nothing() -> None:
    assert references("ARG B=one\nFROM a AS one\nFROM $B\n", PATH) == ["a"]
    assert references("ARG B=scratch\nFROM $B\n", PATH) == []


def test_an_arg_after_from_is_no_place() -> None:
    assert references("FROM a:1\nARG IMAGE=b/c:1\n", PATH) == ["a:1"]


def test_what_is_put_together_stands_at_its_from() -> None:
    (place,) = places("ARG V=1\n\nFROM a:$V\n", PATH)
    assert (place.line, place.column, place.path) == (3, 6, "FROM[3]")


def test_the_same_default_defined_anew_counts_from_there() -> None:
    assert references("ARG V=1\nARG B=a:$V\nARG V=2\nFROM $B\n", PATH) == ["a:1"]


def test_defaults_that_double_each_other_end_soon() -> None:
    content = "ARG A0=xxxxxxxx\n" + "".join(f"ARG A{i + 1}=$A{i}$A{i}\n" for i in range(60)) + "FROM $A60\n"
    (reason,) = reasons(content, PATH).values()
    assert "longer than" in reason


@pytest.mark.timeout(120)
def test_thousands_of_arguments_cost_what_was_typed() -> None:
    count = 20_000
    content = "".join(f"ARG A{i}=a/b:{i}\n" for i in range(count)) + "".join(
        f"FROM $A{i}\n" for i in range(count)
    )
    assert len(references(content, PATH)) == count


def test_the_other_use_of_a_default_is_named_with_its_line() -> None:
    content = "ARG B=a/b:1\nFROM $B\nARG B\nRUN echo \\\n  $B\n"

    assert refusals(content, PATH) == {
        "a/b:1": "its end is the ARG B, which is used for something else as well: $B (Dockerfile:5)"
    }
