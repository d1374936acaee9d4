"""References: the grammar of distribution/reference, and what imagelock refuses beyond it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagelock.errors import InvalidValueError
from imagelock.limits import REFERENCE_CHARS
from imagelock.model.digest import Digest
from imagelock.model.reference import Reference, is_tag

CASES = json.loads((Path(__file__).parents[1] / "data" / "reference_cases.json").read_text("utf-8"))["cases"]
DIGEST = Digest.of(b"an image")


def _of(verdict: str) -> list[object]:
    return [
        pytest.param(case, id=str(case["id"]))
        for case in CASES
        if (case["imagelock_policy"] == "reject") == (verdict == "reject")
    ]


@pytest.mark.parametrize("case", _of("accept"))
def test_a_reference_means_what_every_engine_takes_it_for(case: dict[str, str | None]) -> None:
    reference = Reference.parse(str(case["input"]))
    assert reference.domain == case["domain"]
    assert reference.path == case["path"]
    assert reference.tag == case["tag"]
    assert (None if reference.digest is None else str(reference.digest)) == case["digest"]
    assert reference.name == case["name"]
    assert reference.canonical == case["canonical"]
    assert bool(reference.warnings) >= (case["imagelock_policy"] == "accept-warn")


@pytest.mark.parametrize("case", _of("accept"))
def test_a_reference_is_printed_as_it_was_written(case: dict[str, str]) -> None:
    reference = Reference.parse(case["input"])
    assert str(reference) == case["input"]
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize("case", _of("accept"))
def test_the_canonical_form_is_its_own_canonical_form(case: dict[str, str]) -> None:
    canonical = Reference.parse(case["input"]).canonical
    assert Reference.parse(canonical).canonical == canonical


@pytest.mark.parametrize("case", _of("reject"))
def test_what_no_registry_can_mean_is_refused_with_a_reason(case: dict[str, str]) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        Reference.parse(case["input"])
    assert refusal.value.text is not None
    assert refusal.value.message
    assert not refusal.value.message.endswith(".")


_ALNUM = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=6)
_SEPARATOR = st.sampled_from([".", "_", "__", "-", "---"])
_COMPONENT = st.builds(
    lambda first, rest: first + "".join(sep + part for sep, part in rest),
    _ALNUM,
    st.lists(st.tuples(_SEPARATOR, _ALNUM), max_size=3),
)
_HOST = st.one_of(
    st.just("localhost"),
    st.builds(
        "{}.example".format, st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,5}[a-zA-Z0-9])?", fullmatch=True)
    ),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map("[{}]".format),
)
_PORT = st.one_of(st.just(""), st.integers(1, 65535).map(":{}".format))
_TAG = st.one_of(st.just(""), st.from_regex(r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True))
_DIGEST = st.one_of(
    st.just(""),
    st.binary(min_size=32, max_size=32).map(lambda raw: f"@sha256:{raw.hex()}"),
    st.binary(min_size=64, max_size=64).map(lambda raw: f"@sha512:{raw.hex()}"),
)
_NO_HOST = st.builds(
    # The first part of a path with a dot in it would be a host.
    lambda first, rest: "/".join([first, *rest]),
    _ALNUM.filter(lambda part: part != "localhost"),
    st.lists(_COMPONENT, max_size=3),
)
_WITH_HOST = st.builds(
    lambda host, port, path: f"{host}{port}/{'/'.join(path)}",
    _HOST,
    _PORT,
    st.lists(_COMPONENT, min_size=1, max_size=4),
)
_WRITTEN = st.builds("{}{}{}".format, st.one_of(_NO_HOST, _COMPONENT, _WITH_HOST), _TAG, _DIGEST)


@given(_WRITTEN)
def test_every_reference_of_the_grammar_round_trips(written: str) -> None:
    reference = Reference.parse(written)
    assert str(reference) == written
    assert Reference.parse(reference.canonical).canonical == reference.canonical
    assert Reference.parse(reference.canonical).name == reference.name


@given(_WRITTEN)
def test_pinning_and_unpinning_a_reference_is_the_identity(written: str) -> None:
    reference = Reference.parse(written)
    pinned = reference.with_digest(DIGEST)
    assert pinned.digest == DIGEST
    assert (pinned.name, pinned.tag) == (reference.name, reference.tag)
    if reference.digest is None:
        assert str(pinned.with_tag(reference.tag)) == written
    assert reference.with_digest(DIGEST, keep_tag=False).tag is None


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_a_refusal(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidValueError:
        return
    assert str(reference) == text


def test_an_untagged_reference_means_latest_until_a_digest_says_more() -> None:
    assert Reference.parse("nginx").pulled_tag == "latest"
    assert Reference.parse(f"nginx@{DIGEST}").pulled_tag is None
    assert Reference.parse("nginx:1").pulled_tag == "1"


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        ("", "empty", None),
        ("a" * 64, "image ID", None),
        ("a/" * (REFERENCE_CHARS // 2) + "ab", "longer than", None),
        ("${IMAGE}", "template", None),
        ("$(IMAGE)", "template", None),
        ("nginx :1", "white space", None),
        ("https://quay.io/a/b:1", "URL scheme", "write quay.io/a/b:1"),
        (f"a@{DIGEST}@{DIGEST}", "more than one digest", f"keep one digest: a@{DIGEST}"),
        ("label=quay.io/a/b:1", "not a registry host", "did you mean quay.io/a/b:1?"),
        ("quay.io/a/b:1=label", "not of the form", "did you mean quay.io/a/b:1?"),
        ("Nginx:1", "lower case", None),
        (":1", "name is missing", None),
        ("nginx@sha256:abc", "64 hex characters", None),
        ("nginx:1\n", "white space", None),
        ("nginx:1\u0661", "not of the form", None),
    ],
)
def test_a_refusal_names_what_a_person_would_stumble_over(text: str, reason: str, hint: str | None) -> None:
    with pytest.raises(InvalidValueError, match=reason) as refusal:
        Reference.parse(text)
    assert refusal.value.hint == hint


def test_tags_are_ascii_and_whole() -> None:
    assert is_tag("1.27-alpine_3")
    assert not is_tag("1\n")
    assert not is_tag("\u0661")
    assert not is_tag("x" * 129)
    assert not is_tag("-x")


@pytest.mark.parametrize("text", [None, "", "nginx:1:2", "a/UPPER", "a@sha256:x"])
def test_what_is_not_a_reference_is_none_where_the_reason_does_not_matter(text: str | None) -> None:
    assert Reference.parse_or_none(text) is None


def test_a_reference_is_the_same_with_and_without_the_reason() -> None:
    assert Reference.parse_or_none("quay.io/a/b:1") == Reference.parse("quay.io/a/b:1")
    assert [Reference.parse(text).is_versioned for text in ("a/b", "a/b:1", f"a@sha256:{'0' * 64}")] == [
        False,
        True,
        True,
    ]
