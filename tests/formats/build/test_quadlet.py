"""Quadlet units of podman."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import pinned, reasons, references


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("a.container", samples.QUADLET),
        ("a.image", "[Image]\nImage = quay.io/acme/web:1\n"),
        ("a.volume", "[Volume]\nDriver=image\nImage=quay.io/acme/web:1\n"),
    ],
)
def test_the_image_of_a_unit_is_found_and_pinned(path: str, content: str) -> None:
    assert references(content, path) == ["quay.io/acme/web:1"]
    assert pinned(content, path) == content.replace("acme/web:1", "acme/web:1@DIGEST")


def test_other_units_and_specifiers_are_skipped_with_their_reason() -> None:
    unit = reasons("[Container]\nImage=web.image\n", "a.container")["web.image"]
    specifier = reasons("[Container]\nImage=acme/%N:1\n", "a.container")["acme/%N:1"]

    assert "another unit" in unit
    assert "specifier" in specifier


def test_what_a_build_makes_and_other_sections_are_no_images() -> None:
    assert references("[Build]\nImageTag=quay.io/acme/web:1\n", "a.build") == []
    assert references("[Service]\nImage=quay.io/acme/web:1\n[Container]\n", "a.container") == []
