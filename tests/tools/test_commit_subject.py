"""The rules that CONTRIBUTING.md names for the subject of a commit."""

from __future__ import annotations

import pytest

from commit_subject import LONGEST, problems


@pytest.mark.parametrize(
    "message",
    [
        "Refuse what is too large\n",
        "Refuse what is too large\n\nBecause it fills the memory.\n# a comment of git\n",
        "# a comment of git\nRefuse what is too large\n",
        "R" * LONGEST,
        "Merge branch 'main' into topic",
        "fixup! refuse what is too large.",
    ],
)
def test_a_good_message_passes(message: str) -> None:
    assert problems(message) == []


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("", "the first line is empty"),
        ("\nText\n", "the first line is empty"),
        ("refuse it", "does not begin with a capital letter"),
        ("R" * (LONGEST + 1), f"has {LONGEST + 1} characters"),
        ("Refuse it.", "ends with a full stop"),
        ("Refuse it\nat once", "the line after the subject is not empty"),
    ],
)
def test_a_bad_message_is_refused_with_the_reason(message: str, words: str) -> None:
    assert any(words in problem for problem in problems(message))
