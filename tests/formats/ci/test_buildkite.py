"""Buildkite pipelines."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import reasons, references


def test_docker_plugins_are_read_in_groups_too() -> None:
    assert references(samples.BUILDKITE, "pipeline.yml") == ["quay.io/acme/web:1", "quay.io/acme/more:1"]


@pytest.mark.parametrize(
    "content",
    [
        "steps: [{plugins: [{'docker-login#v2': {image: 'a/b:1'}}]}]\n",
        "plugins: [{'docker#v5': {image: 'a/b:1'}}]\n",
        "steps: [{plugins: ['docker#v5']}]\n",
    ],
)
def test_other_plugins_are_not(content: str) -> None:
    assert references(content, "pipeline.yml") == []


def test_a_variable_is_told() -> None:
    content = "steps: [{plugins: [{'docker#v5': {image: 'a/b:$TAG'}}]}]\n"
    assert reasons(content, "pipeline.yml") == {"a/b:$TAG": "a variable of the pipeline"}
