"""Lists of containers in documents that no other format knows."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import damage, reasons, references


@pytest.mark.parametrize(
    "content",
    [
        "containers: [{name: x, image: 'a/b:1'}]\n",
        "worker: {template: {spec: {containers: [{name: x, image: 'a/b:1'}]}}}\n",
        "- containers: [{name: x, image: 'a/b:1'}]\n",
        "kind: Deployment\nspec: {containers: [{name: x, image: 'a/b:1'}]}\n",
        "periodics: [{spec: {containers: [{image: 'a/b:1'}]}}]\n",
        '{"containerDefinitions": [{"name": "x", "image": "a/b:1"}]}\n',
    ],
)
def test_containers_with_a_name_and_an_image_are_read(content: str) -> None:
    assert references(content, "x.yaml") == ["a/b:1"]


@pytest.mark.parametrize(
    "content",
    [
        "containers: [{image: 'a/b:1'}]\n",
        "containers: [{name: x, image: {name: 'a/b:1'}}]\n",
        "containers: {x: {image: 'a/b:1'}}\n",
        "containers: [a/b:1]\n",
        "openapi: 3.1.0\nexample: {containers: [{name: x, image: 'a/b:1'}]}\n",
    ],
)
def test_other_containers_are_not(content: str) -> None:
    assert references(content, "x.yaml") == []


def test_what_another_tool_fills_in_is_no_damage() -> None:
    content = "containers: [{name: x, image: '${IMAGE}'}, {name: y, image: 'a/b:1'}]\n"
    assert (references(content, "x.yaml"), damage(content, "x.yaml")) == (["a/b:1"], [])
    assert reasons(content, "x.yaml") == {"${IMAGE}": "a variable of another tool"}
    assert references(samples.TASK_DEFINITION, "x.json") == ["quay.io/acme/web:1"]
    assert reasons(samples.TASK_DEFINITION, "x.json") == {"<IMAGE1_NAME>": "a template"}
