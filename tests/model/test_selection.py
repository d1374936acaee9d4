"""Which tags a selection takes, and which of them are the newest."""

from __future__ import annotations

import pytest

from imagelock.model.selection import Selection, choose, require_range

TAGS = (
    "latest",
    "1",
    "1.1",
    "1.2",
    "1.2.0",
    "v1.3.1",
    "1.10.0",
    "1.10.0-rc.1",
    "1.9-alpine",
    "2.0.0",
    "01.5.0",
    "sha256-" + "a" * 64 + ".sig",
    "sha256-" + "b" * 64,
    "imagelock-0123456789ab",
    "nightly-20260101",
)


def chosen(tags: str | None = None, newest: int | None = None, among: tuple[str, ...] = TAGS) -> list[str]:
    return list(choose(Selection(name="docker.io/library/nginx", tags=tags, newest=newest), among))


def test_a_range_takes_releases_within_it_the_newest_first() -> None:
    assert chosen("semver:>=1.2 <2") == ["1.10.0", "v1.3.1", "1.2.0", "1.2"]


@pytest.mark.parametrize(
    ("wanted", "tags"),
    [
        ("semver:^1.10", ["1.10.0"]),
        ("semver:~1.2 || 2.x", ["2.0.0", "1.2.0", "1.2"]),
        ("semver:>=1.10.0-rc.0 <1.11", ["1.10.0", "1.10.0-rc.1"]),
        ("semver:>=3", []),
        ("regex:nightly-.*", ["nightly-20260101"]),
        ("regex:1\\.9-.*|latest", ["1.9-alpine", "latest"]),
        ("regex:sha256.*", []),
        ("regex:1", ["1"]),
    ],
)
def test_ranges_and_expressions(wanted: str, tags: list[str]) -> None:
    assert chosen(wanted) == tags


def test_the_newest_are_those_of_the_highest_numbers() -> None:
    assert chosen(newest=3) == ["2.0.0", "1.10.0", "1.10.0-rc.1"]
    assert chosen("semver:>=1 <2", 2) == ["1.10.0", "v1.3.1"]
    dated = ("2026-01-09", "2026-01-10", "2025-12-31", "main")
    assert chosen(newest=2, among=dated) == ["2026-01-10", "2026-01-09"]
    assert chosen(newest=100, among=("1", "2")) == ["2", "1"]


def test_signatures_and_tags_that_only_keep_are_no_releases() -> None:
    assert not [tag for tag in chosen(newest=100) if tag.startswith(("sha256-", "imagelock-"))]


def test_another_rule_is_another_origin() -> None:
    rules = [("semver:1", None), ("semver:2", None), (None, 3), ("semver:1", 3)]
    origins = {Selection(name="a/b", tags=tags, newest=newest).origin for tags, newest in rules}
    assert len(origins) == 4


@pytest.mark.parametrize("text", ["", "  ", "newest", ">=1.x.y.z", ">>2", "1.2 - "])
def test_what_is_no_range_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a range"):
        require_range(text)


def test_a_range_of_many_parts_is_read_in_time() -> None:
    assert chosen("semver:" + " || ".join(f"{number}.x" for number in range(300))) != []
