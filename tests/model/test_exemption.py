"""What is left alone on purpose: ignore comments and exemptions."""

from __future__ import annotations

import datetime as dt

import pytest

from imagelock.model.digest import Digest
from imagelock.model.exemption import Exemption, exemption_for, expired
from imagelock.model.ignore_comments import ignores
from imagelock.model.reference import Reference

DIGEST = Digest.of(b"an image")
TODAY = dt.date(2025, 6, 15)


@pytest.mark.parametrize(
    ("comment", "code", "silent"),
    [
        ("# imagelock: ignore", "IL101", True),
        ("#imagelock:ignore", "IL101", True),
        ("// imagelock: ignore", "IL101", True),
        ("# imagelock: ignore[IL101] floating on purpose", "IL101", True),
        ("# imagelock: ignore[IL101]", "IL102", False),
        ("# imagelock: ignore[IL101, IL102]", "IL102", True),
        ("# imagelock: ignore[il101]", "IL101", True),
        ("# imagelock: ignore[IL10]", "IL101", False),
        ("# imagelock: ignore[unpinned]", "IL101", False),
        ("# imagelock: ignore[]", "IL101", False),
        ("# imagelock: ignore[IL101", "IL101", True),
        ("# imagelock: ignored", "IL101", False),
        ("# imagelock ignore", "IL101", False),
        ("imagelock: ignore", "IL101", False),
    ],
)
def test_a_comment_silences_what_it_names_and_no_more(comment: str, code: str, silent: bool) -> None:  # noqa: FBT001 - a table
    assert ignores(f"image: a/b:1  {comment}\n").silences(code, 1) is silent
    assert ignores(f"  {comment}\r\nimage: a/b:1\r\n").silences(code, 2) is silent


def test_a_comment_behind_something_speaks_of_its_own_line_only() -> None:
    found = ignores(
        "- image: a/b:1  # imagelock: ignore\n- image: c/d:1\n\n# imagelock: ignore\n\n- image: e/f:1\n"
    )
    assert [found.silences("IL101", line) for line in range(1, 7)] == [True, False, False, True, True, False]


def test_a_finding_without_a_line_is_never_silenced() -> None:
    assert not ignores("# imagelock: ignore\n").silences("IL101", None)
    assert not ignores("").silences("IL101", 1)


@pytest.mark.timeout(120)
def test_many_comments_and_long_lines_are_no_work() -> None:
    found = ignores("# imagelock: ignore\n" * 200_000 + "#" * (1 << 20) + "# " * (1 << 20) + " " * (1 << 20))
    assert found.silences("IL101", 100_000)


def _exempt(image: str, **more: object) -> Exemption:
    return Exemption(image=image, reason="because", **more)  # type: ignore[arg-type] # a table of tests


@pytest.mark.parametrize(
    ("image", "reference", "covered"),
    [
        ("quay.io/acme/idea:next", "quay.io/acme/idea:next", True),
        ("quay.io/acme/idea:next", f"quay.io/acme/idea:next@{DIGEST}", True),
        ("quay.io/acme/idea:next", "quay.io/acme/idea:next2", False),
        ("quay.io/acme/idea:next", "quay.io/acme/idea", False),
        ("quay.io/acme/idea", "quay.io/acme/idea:next", True),
        ("quay.io/acme/*", "quay.io/acme/idea:next", True),
        ("quay.io/acme/*:next", "quay.io/acme/idea:next", True),
        ("quay.io/acme/*:next", "quay.io/acme/idea:8", False),
        ("docker.io/library/nginx:1", "nginx:1", True),
        ("nginx:1", "nginx:1", True),
        ("nginx:1", "docker.io/library/nginx:1", True),
        ("nginx:latest", "nginx", True),
        (f"quay.io/acme/idea@{DIGEST}", f"quay.io/acme/idea@{DIGEST}", True),
        ("*", "nginx", True),
        ("quay.io/acme/IDEA", "quay.io/acme/idea", False),
        ("acme", "quay.io/acme/idea", False),
    ],
)
def test_an_exemption_covers_its_canonical_image(image: str, reference: str, covered: bool) -> None:  # noqa: FBT001 - a table
    found = exemption_for(Reference.parse(reference), [_exempt(image)], TODAY)
    assert (found is not None) is covered


def test_an_exemption_ends_after_its_last_day() -> None:
    exemption = _exempt("nginx", expires=TODAY)
    reference = Reference.parse("nginx:1")
    assert exemption_for(reference, [exemption], TODAY) is exemption
    tomorrow = TODAY + dt.timedelta(days=1)
    assert exemption_for(reference, [exemption], tomorrow) is None
    assert expired([exemption], TODAY) == ()
    assert expired([exemption], tomorrow) == (exemption,)


@pytest.mark.parametrize("narrow", [{"namespace": "test"}, {"owner": "Deployment/web"}])
def test_an_exemption_of_pods_says_nothing_about_files(narrow: dict[str, str]) -> None:
    assert exemption_for(Reference.parse("nginx"), [_exempt("nginx", **narrow)], TODAY) is None


def test_the_first_exemption_that_covers_is_the_reason() -> None:
    first, second = _exempt("nginx"), _exempt("*")
    assert exemption_for(Reference.parse("nginx"), [first, second], TODAY) is first
    assert exemption_for(Reference.parse("web"), [first, second], TODAY) is second
