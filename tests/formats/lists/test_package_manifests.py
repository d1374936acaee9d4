"""Lists of images of Zarf, Hauler and oc-mirror."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import pinned, references


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (samples.ZARF, ["quay.io/acme/web:1", "quay.io/acme/db:16"]),
        (samples.HAULER, ["quay.io/acme/web:1"]),
        (samples.IMAGE_SET, ["quay.io/acme/catalog:v4", "quay.io/acme/web:1"]),
    ],
)
def test_the_images_of_a_package_are_found_and_pinned(content: str, found: list[str]) -> None:
    assert references(content, "package.yaml") == found
    assert pinned(content, "package.yaml").count("@DIGEST") == len(found)


def test_blocked_images_and_catalogs_on_disk_are_no_images() -> None:
    content = (
        "kind: ImageSetConfiguration\nmirror:\n  operators: [{catalog: 'oci:///tmp/catalog'}]\n"
        "  blockedImages: [{name: quay.io/acme/old:1}]\n"
    )

    assert references(content, "isc.yaml") == []
