"""Parameters followed to the values that the same file gives them, for each tool's way to write them."""

from __future__ import annotations

import pytest

from formats.reading import pinned, places, reasons, references

CIRCLECI = (
    "version: 2.1\nparameters: {{image: {{type: string, default: 'acme/box:1'}}, tag: {{type: string, default: '2'}}, "
    "none: {{type: string}}}}\njobs:\n  a:\n    docker: [{{image: '{}'}}]\n    steps: []\n"
)
AZURE = (
    "parameters:\n- {{name: image, default: 'acme/box:1'}}\n- {{name: tag, default: '2'}}\n- {{name: none}}\n"
    "variables: {{kind: acme/kind}}\njobs:\n- job: a\n  container: '{}'\n"
)
CLOUD_BUILD = (
    "substitutions: {{_IMAGE: 'gcr.io/acme/box:1', _TAG: '2'}}\n"
    "steps: [{{name: '{}', args: [x]}}, {{name: gcr.io/acme/other:1, args: [x]}}]\n"
)


@pytest.mark.parametrize(
    ("path", "content", "image", "reference"),
    [
        (".circleci/config.yml", CIRCLECI, "<< pipeline.parameters.image >>", "acme/box:1"),
        (".circleci/config.yml", CIRCLECI, "<<parameters.image>>", "acme/box:1"),
        (".circleci/config.yml", CIRCLECI, "acme/web:<< parameters.tag >>", "acme/web:2"),
        ("azure-pipelines.yml", AZURE, "${{ parameters.image }}", "acme/box:1"),
        ("azure-pipelines.yml", AZURE, "acme/web:${{ parameters.tag }}", "acme/web:2"),
        ("azure-pipelines.yml", AZURE, "$(kind):3", "acme/kind:3"),
        ("cloudbuild.yaml", CLOUD_BUILD, "${_IMAGE}", "gcr.io/acme/box:1"),
        ("cloudbuild.yaml", CLOUD_BUILD, "gcr.io/acme/web:$_TAG", "gcr.io/acme/web:2"),
    ],
)
def test_a_parameter_leads_to_its_value(path: str, content: str, image: str, reference: str) -> None:
    assert reference in references(content.format(image), path)
    assert image not in references(content.format(image), path)


@pytest.mark.parametrize(
    ("path", "content", "image"),
    [
        (".circleci/config.yml", CIRCLECI, "<< parameters.none >>"),
        (".circleci/config.yml", CIRCLECI, "<< parameters.image >>:<< parameters.unknown >>"),
        ("azure-pipelines.yml", AZURE, "${{ parameters.none }}"),
        ("cloudbuild.yaml", CLOUD_BUILD, "gcr.io/acme/web:$_UNKNOWN"),
    ],
)
def test_a_parameter_without_a_value_is_skipped(path: str, content: str, image: str) -> None:
    assert image in reasons(content.format(image), path)


GITLAB = (
    "spec:\n  inputs:\n    image: {{default: 'acme/box:1'}}\n    other: {{default: 'acme/none:1'}}\n---\n"
    "variables: {{TAG: '2', HOST: registry.example}}\njob:\n  image: '{}'\n  script: ['$[[ inputs.other ]]']\n"
)


@pytest.mark.parametrize(
    ("image", "expected", "pinnable"),
    [
        ("$[[ inputs.image ]]", ["acme/box:1"], True),
        ("acme/web:${TAG}", ["acme/web:2"], False),
        ("$HOST/acme/web:3", ["registry.example/acme/web:3"], True),
        ("acme/web:$UNKNOWN", [], True),
    ],
)
def test_inputs_and_variables_of_gitlab_lead_to_their_values(
    image: str, expected: list[str], *, pinnable: bool
) -> None:
    found = places(GITLAB.format(image), ".gitlab-ci.yml")

    assert [str(place.reference) for place in found] == expected
    assert all(place.pinnable == pinnable for place in found)


@pytest.mark.parametrize(
    ("image", "reference", "after"),
    [
        ("${IMAGE:=acme/web:1}", "acme/web:1", "${IMAGE:=acme/web:1@DIGEST}"),
        ("acme/web:${TAG:=1}", "acme/web:1", "acme/web:${TAG:=1@DIGEST}"),
        ("${HOST:-quay.io}/acme/web:1", "quay.io/acme/web:1", "${HOST:-quay.io}/acme/web:1@DIGEST"),
    ],
)
def test_a_default_in_place_is_the_image_and_takes_the_digest(image: str, reference: str, after: str) -> None:
    content = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {}\n"
    assert references(content.format(image), "a.yaml") == [reference]
    assert pinned(content.format(image), "a.yaml") == content.format(after)


def test_the_end_of_an_image_in_a_parameter_is_found_and_not_written() -> None:
    (place,) = places(CIRCLECI.format("acme/web:<< parameters.tag >>"), ".circleci/config.yml")

    assert (str(place.reference), place.pinnable, place.line) == ("acme/web:2", False, 2)


CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n"


@pytest.mark.parametrize(
    ("content", "reference"),
    [
        (CONFIG_MAP + "  Dockerfile: |\n    FROM acme/base:1\n    RUN true\n", "acme/base:1"),
        (CONFIG_MAP + "  app.Dockerfile: |\n    FROM acme/base:1 AS x\n", "acme/base:1"),
        (CONFIG_MAP + "  values.yaml: |\n    image: {repository: acme/base, tag: '1'}\n", "acme/base:1"),
        (CONFIG_MAP + "  shop-values.yml: |\n    web:\n      image: acme/base:1\n", "acme/base:1"),
        (
            "apiVersion: build.openshift.io/v1\nkind: BuildConfig\nspec:\n  source:\n    dockerfile: |\n      FROM acme/base:1\n",
            "acme/base:1",
        ),
    ],
)
def test_a_file_inside_an_object_is_read_as_what_it_is(content: str, reference: str) -> None:
    (place,) = places(content, "a.yaml")

    assert str(place.reference) == reference
    assert place.pinnable


def test_other_keys_of_a_config_map_are_not_read_as_files() -> None:
    content = (
        CONFIG_MAP
        + "  notes.txt: |\n    FROM acme/base:1\n  valuesque: |\n    image: {repository: a/b, tag: '1'}\n"
    )
    assert references(content, "a.yaml") == []


TEMPLATE = (
    "apiVersion: template.openshift.io/v1\nkind: Template\nparameters:\n- {{name: IMAGE, value: 'acme/box:1'}}\n"
    "- {{name: TAG, value: '2'}}\n- {{name: NONE}}\nobjects:\n"
    "- {{apiVersion: v1, kind: Pod, spec: {{containers: [{{name: a, image: '{}'}}]}}}}\n"
)


@pytest.mark.parametrize(
    ("image", "expected", "pinnable"),
    [
        ("${IMAGE}", ["acme/box:1"], True),
        ("acme/web:${TAG}", ["acme/web:2"], False),
        ("${NONE}", [], True),
        ("acme/web:${NONE}", [], True),
    ],
)
def test_parameters_of_a_template_lead_to_their_values(
    image: str, expected: list[str], *, pinnable: bool
) -> None:
    found = places(TEMPLATE.format(image), "template.yaml")

    assert [str(place.reference) for place in found] == expected
    assert all(place.pinnable == pinnable for place in found)
    assert image in reasons(TEMPLATE.format(image), "template.yaml")
