"""Compose files without ``services``."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import reasons, references


def test_services_at_the_top_are_read_in_files_of_the_name() -> None:
    assert references(samples.COMPOSE_V1, "docker-compose.yml") == ["quay.io/acme/web:1", "postgres:15"]
    assert references(samples.COMPOSE_V1, "other.yml") == []


def test_what_is_built_is_told() -> None:
    content = "web: {build: ., image: 'a/b:1'}\n"
    assert references(content, "docker-compose.yml") == []
    assert reasons(content, "docker-compose.yml") == {
        "a/b:1": "the name given to an image that is built here"
    }


@pytest.mark.parametrize(
    "content",
    [
        "web: {image: 'a/b:1'}\nother: text\n",
        "web: {image: 'a/b:1'}\nother: {x: y}\n",
        "name: web\nweb: {image: 'a/b:1'}\n",
        "web: {image: {repository: a/b, tag: '1'}}\n",
        "{}\n",
    ],
)
def test_other_mappings_are_no_services(content: str) -> None:
    assert references(content, "docker-compose.yml") == []
