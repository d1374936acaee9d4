"""Platforms: containerd's text form, and what satisfies what."""

from __future__ import annotations

import pytest

from imagelock.errors import InvalidValueError
from imagelock.model.platform import Platform


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("Linux/AArch64", "linux/arm64"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("windows(10.0.20348.1)/amd64", "windows(10.0.20348.1)/amd64"),
    ],
)
def test_the_text_form_is_read_and_printed(text: str, printed: str) -> None:
    platform = Platform.parse(text)
    assert str(platform) == printed
    assert Platform.parse(str(platform)) == platform


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "linux/amd64/", "a/b/c/d", "li nux/amd64", "linux/amd64\n"]
)
def test_what_is_no_platform_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        Platform.parse(text)
    assert "linux/amd64" in str(refusal.value.hint)


@pytest.mark.parametrize(
    ("has", "wanted", "fits"),
    [
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/amd64", "linux/arm64", False),
        ("windows(10.0.20348.1)/amd64", "windows(10.0.20348)/amd64", True),
        ("windows(10.0.17763.1)/amd64", "windows(10.0.20348)/amd64", False),
    ],
)
def test_what_is_left_out_does_not_count(has: str, wanted: str, fits: bool) -> None:  # noqa: FBT001 - a table
    assert Platform.parse(has).satisfies(Platform.parse(wanted)) is fits


def test_attestations_are_no_platform() -> None:
    assert Platform("unknown", "unknown").is_unknown
    assert not Platform("linux", "amd64").is_unknown
