"""Regular expressions of a configuration: linear in time, and Python's engine only for a trusted file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.configured_regex import ConfiguredRegex, RegexError

if TYPE_CHECKING:
    from support.world import World

EXPLODES = r"(?P<image>(a+)+)\$"
HOSTILE_TEXT = "a" * 5_000 + "!"


@pytest.mark.parametrize("pattern", [EXPLODES, r"(?P<image>(a|a)*)b", r"(?P<image>(.*a){12})\$"])
def test_an_expression_that_explodes_elsewhere_ends_at_once(pattern: str) -> None:
    # Python's engine would need longer than the universe is old; the suite's time limit fails the test.
    assert list(ConfiguredRegex(pattern, multiline=True, trusted=False).spans(HOSTILE_TEXT, "image")) == []


@pytest.mark.parametrize("pattern", [r"x(?=y)", r"(?<!a)b", r"(a)\1"])
def test_what_only_pythons_engine_takes_is_for_trusted_files(pattern: str) -> None:
    with pytest.raises(RegexError, match="RE2 does not take it"):
        ConfiguredRegex(pattern, trusted=False)
    assert ConfiguredRegex(pattern, trusted=True).names == {}


@pytest.mark.parametrize("pattern", ["(", "[a", "(?P<image"])
@pytest.mark.parametrize("trusted", [True, False])
def test_an_invalid_expression_is_an_error_for_everyone(pattern: str, trusted: bool) -> None:  # noqa: FBT001 - a parameter
    with pytest.raises(RegexError):
        ConfiguredRegex(pattern, trusted=trusted)


def test_an_expression_that_takes_much_memory_is_refused() -> None:
    with pytest.raises(RegexError):
        ConfiguredRegex("((((a{100}){100}){100}){100}){100}", trusted=False)


def test_spans_count_characters_whatever_stands_before_them() -> None:
    text = "é\udcff💡 image=a/b:1\n# x\n"
    ((start, end),) = ConfiguredRegex(r"image=(?P<image>\S+)$", multiline=True).spans(text, "image")
    assert text[start:end] == "a/b:1"


def test_groups_are_those_of_the_match() -> None:
    assert ConfiguredRegex("quay.io/(.*)/(x)?(.*)").fullmatch("quay.io/a/b") == (
        "quay.io/a/b",
        "a",
        None,
        "b",
    )
    assert ConfiguredRegex("quay.io/(.*)").fullmatch("x/quay.io/a") is None


def test_a_rule_of_the_tree_cannot_hang_a_scan(world: World) -> None:
    world.configure(f"[[scan.rule]]\nregex = '{EXPLODES}'\n")
    world.write("x.txt", f"# {'a' * 60}!\n")
    assert world.run("scan").code == 0


def test_a_rule_with_look_around_says_what_trusts_it(world: World) -> None:
    world.configure("[[scan.rule]]\nregex = 'from (?P<image>[^ ]+)(?= now)'\n")
    world.write("x.txt", "from quay.io/acme/app:1 now\n")
    refused = world.run("scan")
    assert refused.code == 2
    assert "imagelock.toml" in refused.err
    assert "--trust-config" in refused.err
    assert "quay.io/acme/app:1" in world.run("scan", "--trust-config").out
