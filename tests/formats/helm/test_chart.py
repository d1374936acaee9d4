"""Annotations of Chart.yaml that list images."""

from __future__ import annotations

import pytest

from imagelock.formats.syntax.text import Text
from support.formats import DIGEST, pinned, places, references, unpinned

HEAD = "apiVersion: v2\nname: web\nversion: 0.1.0\nannotations:\n"


def text(annotations: str, path: str = "web/Chart.yaml") -> Text:
    return Text(path, HEAD + annotations)


@pytest.mark.parametrize("key", ["artifacthub.io/images", "helm.sh/images", "images"])
@pytest.mark.parametrize(
    "value",
    [
        "|\n    - name: a\n      image: acme/a:1   # kept\n    - image: 'acme/b:1'\n",
        '\'[{"image": "acme/a:1"}, {"image": "acme/b:1"}]\'\n',
        "|-\n    - acme/a:1\n    - acme/b:1\n",
        '"- image: acme/a:1\\n- image: acme/b:1"\n',
    ],
)
def test_images_are_found_pinned_and_put_back(key: str, value: str) -> None:
    before = text(f"  {key}: {value}")

    assert references(before) == ["acme/a:1", "acme/b:1"]
    after = Text(before.path, pinned(before))
    assert references(after) == [f"acme/a:1@{DIGEST}", f"acme/b:1@{DIGEST}"]
    assert unpinned(after) == before.content


@pytest.mark.parametrize(
    "annotations",
    [
        "  description: |\n    - image: acme/a:1\n",
        "  artifacthub.io/images: none\n",
        "  artifacthub.io/images: |\n    image: acme/a:1\n",
        "  artifacthub.io/images: '- [broken'\n",
        "  images: [acme/a:1]\n",
    ],
)
def test_other_annotations_hold_no_image(annotations: str) -> None:
    assert places(text(annotations)) == []


def test_only_a_chart_is_read_so() -> None:
    assert places(Text("Chart.yaml", "images: |\n  - image: acme/a:1\n")) == []
    assert places(text("  images: |\n    - image: acme/a:1\n", "other.yaml")) == []
