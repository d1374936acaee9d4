"""ClusterServiceVersions: deployments, environment, annotations and related images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.digest import Digest
from imagelock.model.place import Damaged, Place

if TYPE_CHECKING:
    from imagelock.model.place import Found

DIGEST = Digest.of(b"an image")
HEAD = "apiVersion: operators.coreos.com/v1alpha1\nkind: ClusterServiceVersion\n"


def _find(content: str) -> list[Found]:
    return find(Text("web.csv.yaml", HEAD + content))


def _paths(found: list[Found]) -> dict[str, str]:
    return {item.path: str(item.reference) for item in found if isinstance(item, Place)}


def test_every_deployment_is_read_with_its_environment() -> None:
    found = _find(
        "spec:\n  install:\n    spec:\n      deployments:\n"
        "      - spec: {template: {spec: {containers: [{image: a/b:1, env: [{name: RELATED_IMAGE_x, value: c/d:1}]}]}}}\n"
        "      - spec: {template: {spec: {initContainers: [{image: e/f:1}]}}}\n"
    )
    assert list(_paths(found).values()) == ["a/b:1", "c/d:1", "e/f:1"]
    assert {item.format for item in found} == {"csv"}


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("containerImage: quay.io/acme/web:1", ["quay.io/acme/web:1"]),
        ("containerImage: nginx", ["nginx"]),
        ("any: quay.io/acme/web:1", ["quay.io/acme/web:1"]),
        (f"any: quay.io/acme/web@{DIGEST}", [f"quay.io/acme/web@{DIGEST}"]),
        ("any: quay.io/acme/web", []),
        ("any: nginx:1", []),
        ("any: acme/web:1", []),
        ("createdAt: 2020-01-01T00:00:00.0Z", []),
        ("repository: https://github.com/acme/web", []),
        ("any: see quay.io/acme/web:1", []),
        ('alm-examples: \'[{"spec": {"image": "a/b:1"}}]\'', ["a/b:1"]),
        ('alm-examples: \'{"a": "{\\"image\\": \\"a/b:1\\"}"}\'', ["a/b:1"]),
        ("containerImage:", []),
        ("any: [a/b:1]", []),
    ],
)
def test_annotations_are_images_beyond_doubt_or_json(annotation: str, expected: list[str]) -> None:
    assert list(_paths(_find(f"metadata:\n  annotations:\n    {annotation}\n")).values()) == expected


def test_related_images_are_read_without_their_names() -> None:
    found = _find(
        "spec:\n  relatedImages:\n  - {name: '', image: a/b:1}\n  - {image: c/d:1}\n  - {name: x}\n  - text\n"
    )
    assert list(_paths(found).values()) == ["a/b:1", "c/d:1"]


@pytest.mark.parametrize(
    "written",
    [f"a@{DIGEST}@{DIGEST}", "web=quay.io/acme/web:1", "quay.io/acme/web:1=web", "${IMAGE}", "$(IMAGE)"],
)
@pytest.mark.parametrize(
    "place",
    [
        "metadata: {{annotations: {{containerImage: '{}'}}}}\n",
        "spec: {{relatedImages: [{{image: '{}'}}]}}\n",
        "spec: {{install: {{spec: {{deployments: [{{spec: {{containers: [{{image: '{}'}}]}}}}]}}}}}}\n",
    ],
)
def test_historic_damage_is_told_with_a_way_out(place: str, written: str) -> None:
    (found,) = _find(place.format(written))
    assert isinstance(found, Damaged)
    assert found.text == written
    assert found.hint is not None or "template" in found.reason


def test_without_deployments_the_annotation_is_still_read() -> None:
    assert len(_find("metadata: {annotations: {containerImage: a/b:1}}\nspec: {install: {spec: {}}}\n")) == 1
    assert _find("spec:\nmetadata:\n") == []
