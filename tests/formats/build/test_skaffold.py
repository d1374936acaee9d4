"""Skaffold's configurations."""

from __future__ import annotations

from formats import samples_tools as samples
from formats.reading import reasons, references


def test_what_is_built_is_told_wherever_it_stands() -> None:
    assert references(samples.SKAFFOLD, "skaffold.yaml") == [
        "quay.io/acme/web:1",
        "quay.io/acme/run:1",
        "gcr.io/kaniko-project/executor:v1.9.0",
        "quay.io/acme/smoke:1",
    ]
    assert set(reasons(samples.SKAFFOLD, "skaffold.yaml")) == {"quay.io/acme/built", "other"}


def test_builders_of_profiles_and_custom_actions_are_read() -> None:
    content = (
        "apiVersion: skaffold/v4beta6\nkind: Config\n"
        "profiles: [{build: {artifacts: [{image: x, buildpacks: {builder: 'a/b:1'}}]}}]\n"
        "customActions: [{name: y, containers: [{name: x, image: x}, {name: z, image: 'c/d:1'}]}]\n"
    )
    assert references(content, "x.yaml") == ["a/b:1", "c/d:1"]


def test_other_configurations_are_not_skaffolds() -> None:
    assert references("apiVersion: other/v1\nkind: Config\nbuildpacks: {builder: 'a/b:1'}\n", "x.yaml") == []
