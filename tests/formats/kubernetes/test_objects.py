"""Kubernetes objects: what a pod spec holds is found wherever it stands, and schemas are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.model.place import Damaged, Place, Skipped, Unreadable

if TYPE_CHECKING:
    from imagelock.model.place import Found


def _find(content: str, path: str = "a.yaml") -> list[Found]:
    return find(Text(path, content))


def _pod(container: str, kind: str = "Pod") -> list[Found]:
    return _find(f"apiVersion: v1\nkind: {kind}\nspec:\n  containers:\n  - {container}\n")


def _references(found: list[Found]) -> list[str]:
    return [str(item.reference) for item in found if isinstance(item, Place)]


@pytest.mark.parametrize(
    "content",
    [
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a/b:1}]}\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {initContainers: [{image: a/b:1}]}}}\n",
        "apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: a/b:1}]}}}}}\n",
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, spec: {ephemeralContainers: [{image: a/b:1}]}}\n",
        "apiVersion: acme.example/v1\nkind: Web\nspec: {anything: {podTemplate: {containers: [{image: a/b:1}]}}}\n",
        "apiVersion: v1\nkind: Pod\nspec: {volumes: [{name: x, image: {reference: a/b:1}}]}\n",
        '{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": "a/b:1"}]}}',
    ],
)
def test_a_pod_spec_is_found_wherever_it_stands(content: str) -> None:
    assert _references(_find(content)) == ["a/b:1"]


def test_places_know_line_column_document_and_path() -> None:
    found = _find(
        "# head\n---\nkind: x\n---\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: 'a/b:1'\n"
    )
    (place,) = (item for item in found if isinstance(item, Place))
    assert (place.line, place.column, place.document) == (9, 13, 1)
    assert (place.path, place.format) == ("spec.containers[0].image", "kubernetes")


def test_keys_of_a_schema_are_no_references() -> None:
    content = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  versions:\n  - schema:\n"
        "      properties:\n        containers:\n          items:\n            properties:\n              image:\n"
        "                description: quay.io/acme/web:1\n                type: string\n"
        "          type: array\n        image: {type: string}\n"
    )
    assert _find(content) == []


def test_comments_and_prose_are_no_references() -> None:
    found = _pod("name: x # image: a/b:1\n    command: [sh, -c, 'echo image: a/b:1']\n    image: c/d:1")
    assert _references(found) == ["c/d:1"]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("RELATED_IMAGE_web", "a/b:1", ["a/b:1"]),
        ("IMAGE_default_web", "nginx", ["nginx"]),
        ("RELATED_IMAGE_", "a/b:1", []),
        ("WEB_IMAGE", "a/b:1", []),
        ("X", '\'{"image": "a/b:1"}\'', ["a/b:1"]),
        ("X", '\'[{"spec": {"image": "a/b:1"}}]\'', ["a/b:1"]),
        ("X", '\'{"image": "not an image"}\'', []),
        ("X", "'{\"image\": 1}'", []),
        ("X", '\'{"image": {"name": "a/b:1"}}\'', []),
        ("X", "'{image: a/b:1}'", []),
        ("X", '\'{"images": "a/b:1"}\'', []),
        ("X", '\'{"image": "a/b:1"\'', []),
    ],
)
def test_the_environment_is_read_where_it_names_images(name: str, value: str, expected: list[str]) -> None:
    assert _references(_pod(f"env: [{{name: {name}, value: {value}}}]")) == expected


@pytest.mark.parametrize(
    "env",
    ["env: [{name: RELATED_IMAGE_x}]", "env: [{name: RELATED_IMAGE_x, value: }]", "env: [{value: a/b:1}]", "env:",
     "env: {name: x}", "env: [a, 1, [b]]", "env: [{name: RELATED_IMAGE_x, valueFrom: {fieldRef: {fieldPath: a}}}]",
     "env: [{name: [x], value: a/b:1}]", "name: no-image", "image:", "image: ''", "image: null", "image: ~"],
)  # fmt: skip
def test_what_is_not_written_is_neither_found_nor_damaged(env: str) -> None:
    assert _pod(env) == []


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (f"a@sha256:{'a' * 64}@sha256:{'a' * 64}", "more than one digest"),
        ("web=quay.io/acme/web:1", "not a registry host"),
        ("Nginx", "lower case"),
        ("'nginx:1 '", "white space"),
        ("|\n      nginx:1", "white space"),
        ("1.20", "not a string"),
        ("true", "not a string"),
        ("2024-01-01", "not a string"),
        ("https://quay.io/acme/web:1", "URL scheme"),
        (f"a@sha256:{'a' * 63}", "64 hex characters"),
    ],
)
def test_what_is_no_reference_where_one_must_stand_is_damage(written: str, reason: str) -> None:
    (found,) = _pod(f"image: {written}")
    assert isinstance(found, Damaged)
    assert reason in found.reason
    assert found.line in (5, 6)


@pytest.mark.parametrize(
    "written",
    ["{{ .Values.image }}", "'{{ .Values.image }}:1'", '"{{ x }}"', "'{% x %}'", "'###IMAGE###'", "a/b:###TAG###",
     "<your image>", "'%(image)s'", "'[[ image ]]'"],
)  # fmt: skip
def test_templates_are_skipped_with_the_reason(written: str) -> None:
    (found,) = _pod(f"image: {written}")
    assert isinstance(found, Skipped)
    assert found.reason == "a template"


@pytest.mark.parametrize("written", ["[]", "[a/b:1]", "{repository: a/b, tag: '1'}"])
def test_a_list_or_mapping_is_skipped_with_the_reason(written: str) -> None:
    (found,) = _pod(f"image: {written}")
    assert isinstance(found, Skipped)
    assert "not a string" in found.reason


def test_parameters_of_an_openshift_template_are_skipped_and_damage_stays_damage() -> None:
    found = _find(
        "apiVersion: template.openshift.io/v1\nkind: Template\nobjects:\n- kind: Pod\n  spec:\n    containers:\n"
        "    - image: ${IMAGE}:${TAG}\n    - image: quay.io/acme/web:1\n    - image: Bad\n"
    )
    kinds = [type(item) for item in found]
    assert kinds == [Skipped, Place, Damaged]
    assert isinstance(found[0], Skipped)
    assert "parameter" in found[0].reason


def test_an_alias_is_reported_once_at_its_anchor() -> None:
    found = _find(
        "apiVersion: v1\nkind: Pod\nspec:\n  initContainers: &all\n  - image: &web a/b:1\n  - image: *web\n"
        "  containers: *all\n"
    )
    assert [(str(item.reference), item.line) for item in found if isinstance(item, Place)] == [("a/b:1", 5)]
    assert len(found) == 1


def test_the_same_reference_twice_on_one_line_is_two_places() -> None:
    found = _find("apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a/b:1}, {image: a/b:1}]}\n")
    assert [item.column for item in found] == [29, 45]


def test_duplicate_keys_lose_nothing() -> None:
    found = _pod("image: a/b:1\n    image: c/d:1")
    assert _references(found) == ["c/d:1"]
    assert [item.text for item in found if isinstance(item, Skipped)] == ["a/b:1"]


def test_an_image_key_that_no_pod_spec_holds_is_skipped_with_the_reason() -> None:
    (found,) = _find("apiVersion: acme.example/v1\nkind: Web\nspec: {image: a/b:1, containers: []}\n")
    assert isinstance(found, Skipped)
    assert (found.text, found.reason) == ("a/b:1", "an image key outside the places of this format")


def test_image_lines_inside_a_text_are_skipped_with_the_reason() -> None:
    found = _find(
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  containers: |\n    first: 1\n    image: a/b:1\n    image: prose here\n"
    )
    assert [(item.text, item.line, item.column) for item in found if isinstance(item, Skipped)] == [
        ("a/b:1", 6, 12)
    ]
    assert len(found) == 1


def test_a_file_that_is_broken_in_one_document_yields_the_others() -> None:
    pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a/b:1}]}\n"
    found = _find(f"{pod}---\nkind: x\ncontainers: [\n---\n{pod}")
    assert [type(item) for item in found] == [Place, Unreadable, Place]
    assert found[1].line == 7


def test_in_a_helm_template_a_line_without_a_tag_is_a_place() -> None:
    found = _find(
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n"
        "      {{- if .Values.web }}\n      - image: {{ .Values.image }}\n      - image: quay.io/acme/web:1\n"
        "      {{- end }}\n"
    )
    assert [type(item) for item in found] == [Skipped, Place]
    assert _references(found) == ["quay.io/acme/web:1"]


def test_conflict_markers_are_unreadable_even_in_a_template() -> None:
    found = _find(
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n<<<<<<< HEAD\n  - image: '{{ a }}'\n=======\n"
        "  - image: a/b:1\n>>>>>>> other\n"
    )
    unreadable = [item for item in found if isinstance(item, Unreadable)]
    assert [(item.reason, item.line) for item in unreadable] == [("merge conflict markers", 5)]
    assert _references(found) == []


@pytest.mark.parametrize(
    "comment",
    ["### a banner ###", "# see <https://quay.io>", "# [[ -n x ]]", "# use {{ x }} here", "# 100%(x)"],
)
def test_a_broken_file_is_not_taken_for_a_template_by_its_comments(comment: str) -> None:
    found = _find(f"{comment}\n\n\napiVersion: v1\nkind: Pod\ncontainers:\n- image: a/b:1\n- [\n")
    assert [type(item) for item in found] == [Skipped, Unreadable]


@pytest.mark.parametrize(
    "content",
    ["", "\n", "# only a comment\n", "---\n", "\ufeff", "containers:", "- containers", "containers: *x"],
)
def test_next_to_nothing_is_nothing_or_unreadable(content: str) -> None:
    assert all(isinstance(item, Unreadable) for item in _find(content))
