"""Sizes as people write them."""

from __future__ import annotations

import pytest

from imagelock.errors import InvalidValueError
from imagelock.model.sizes import in_units, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("512B", 512),
        ("1K", 1024),
        ("1Ki", 1024),
        ("1kB", 1000),
        ("1KB", 1000),
        ("20MiB", 20 * 1024**2),
        ("20 MB", 20 * 1000**2),
        ("4GiB", 4 * 1024**3),
        (" 4G ", 4 * 1024**3),
        ("2TB", 2 * 1000**4),
    ],
)
def test_units_of_1000_and_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1.5GiB", "1 mb", "1PiB", "1MiBs", "\u0661"])
def test_what_is_no_size_is_an_error(text: str) -> None:
    with pytest.raises(InvalidValueError, match="not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (4_700_000_000, "4.7 GB")]
)
def test_bytes_are_shown_in_decimal_units(count: int, text: str) -> None:
    assert in_units(count) == text
