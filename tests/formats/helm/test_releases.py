"""Values for Helm charts in the files of other tools."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import pinned, references


def test_values_in_a_text_and_in_a_tree_are_read_and_pinned() -> None:
    assert references(samples.HELM_RELEASES, "x.yaml") == [
        "quay.io/acme/job:1",
        "quay.io/acme/web:1",
        "quay.io/acme/web:1",
        "quay.io/acme/two:v2",
    ]
    after = pinned(samples.HELM_RELEASES, "x.yaml")
    assert 'tag: "1@DIGEST"' in after
    assert 'digest: "DIGEST"' in after


def test_a_helmfile_sets_values_inline_and_one_by_one() -> None:
    assert references(samples.HELMFILE, "helmfile.yaml") == [
        "quay.io/acme/helmfile:v1",
        "quay.io/acme/sidecar:v2",
    ]


@pytest.mark.parametrize(
    "content",
    [
        "helm: {values: {image: 'a/b:1'}}\n",
        "targetCustomizations: [{helm: {values: {image: 'a/b:1'}}}]\nhelm: {chart: x}\n",
    ],
)
def test_fleet_is_known_by_its_file(content: str) -> None:
    assert references(content, "fleet.yaml") == ["a/b:1"]
    assert references(content, "other.yaml") == []


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("helm.cattle.io/v1\nkind: HelmChartConfig", "valuesContent"),
        ("k3s.cattle.io/v1\nkind: HelmChart", "valuesContent"),
        ("addons.cluster.x-k8s.io/v1alpha1\nkind: HelmChartProxy", "valuesTemplate"),
    ],
)
def test_other_kinds_have_their_values_in_a_text_too(kind: str, key: str) -> None:
    content = f"apiVersion: {kind}\nspec:\n  {key}: |\n    image: a/b:1\n"
    assert references(content, "x.yaml") == ["a/b:1"]


@pytest.mark.parametrize(
    "content",
    [
        "releases: [{name: x, values: [{image: 'a/b:1'}]}]\n",
        "apiVersion: helm.cattle.io/v1\nkind: Other\nspec: {valuesContent: 'image: a/b:1'}\n",
    ],
)
def test_other_releases_are_not_read(content: str) -> None:
    assert references(content, "x.yaml") == []
