"""Pipelines of Drone, Woodpecker, Cirrus CI, Bitbucket, Azure and Google Cloud Build."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import damage, pinned, reasons, references


@pytest.mark.parametrize(
    "path", [".drone.yml", ".drone.release.yaml", "drone.yml", ".woodpecker.yml", ".woodpecker/build.yaml"]
)
def test_drone_and_woodpecker_are_known_by_name_or_folder(path: str) -> None:
    assert references(samples.DRONE, path) == [
        "quay.io/acme/web:1",
        "quay.io/acme/plugin:1",
        "postgres:15",
    ]
    assert reasons(samples.DRONE, path) == {"golang:${VERSION}": "a variable of the pipeline"}


def test_a_pipeline_elsewhere_is_told_as_skipped() -> None:
    assert references(samples.DRONE, "other.yml") == []
    assert "quay.io/acme/plugin:1" in reasons(samples.DRONE, "other.yml")


@pytest.mark.parametrize(
    "content",
    [
        "steps:\n  build:\n    image: a/b:1\n    commands: [make]\n",
        "pipeline:\n  build:\n    image: a/b:1\n",
        "clone:\n  git:\n    image: a/b:1\nsteps: []\n",
    ],
)
def test_steps_may_be_a_mapping_and_stand_below_pipeline(content: str) -> None:
    assert references(content, ".woodpecker.yml") == ["a/b:1"]


def test_virtual_machines_of_cirrus_are_no_images() -> None:
    assert references(samples.CIRRUS, ".cirrus.yml") == [
        "quay.io/acme/web:1",
        "quay.io/acme/one:1",
        "quay.io/acme/two:1",
        "postgres:15",
    ]
    assert references("task: {container: {image: [a/b:1, 'c/d:${X}']}}\n", ".cirrus.yml") == ["a/b:1"]
    assert references("- container: {matrix: {image: [a/b:1]}}\n", ".cirrus.yml") == ["a/b:1"]


def test_pipes_of_bitbucket_are_images_only_behind_their_scheme() -> None:
    assert references(samples.BITBUCKET, "x.yml") == [
        "quay.io/acme/web:1",
        "postgres:15",
        "quay.io/acme/build:1",
        "quay.io/acme/pipe:1",
    ]
    assert "docker://quay.io/acme/pipe:1@DIGEST" in pinned(samples.BITBUCKET, "x.yml")


def test_what_has_pipelines_but_no_starts_is_not_bitbuckets() -> None:
    assert references("pipelines:\n  other: {image: a/b:1}\n", "x.yml") == []


def test_a_name_of_a_container_resource_is_no_image() -> None:
    assert references(samples.AZURE, "x.yml") == [
        "quay.io/acme/web:1",
        "quay.io/acme/two:1",
        "quay.io/acme/three:1",
    ]


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ("elsewhere", "one word"),
        ("$[ variables['image'] ]", "a variable or an expression"),
        ("$(image)", "a variable or an expression"),
        ("${{ parameters.image }}", "a variable or an expression"),
    ],
)
def test_words_that_azure_fills_in_are_told(container: str, reason: str) -> None:
    content = f'jobs:\n- job: a\n  container: "{container}"\n  steps: [{{script: make}}]\n'
    assert (references(content, "x.yml"), damage(content, "x.yml")) == ([], [])
    assert reasons(content, "x.yml")[container].startswith(reason)


@pytest.mark.parametrize(
    "content",
    [
        "jobs:\n  a: {container: 'a/b:1'}\n",
        "kind: X\njobs:\n- job: a\n  container: 'a/b:1'\n",
        "jobs:\n- name: a\n  container: 'a/b:1'\n",
    ],
)
def test_other_lists_of_jobs_are_not_azures(content: str) -> None:
    assert references(content, "x.yml") == []


def test_steps_of_cloud_build_run_in_their_names() -> None:
    assert references(samples.CLOUD_BUILD, "x.yaml") == [
        "quay.io/acme/web:1",
        "gcr.io/cloud-builders/docker",
    ]
    assert reasons(samples.CLOUD_BUILD, "x.yaml") == {
        "gcr.io/$PROJECT_ID/own": "a substitution that Cloud Build makes",
        "gcr.io/acme/built:1": "the name of an image that is built here",
    }


@pytest.mark.parametrize(
    "content",
    [
        "steps:\n- {name: Build it, script: make}\n",
        "steps:\n- {name: a/b, script: make}\njobs: []\n",
        "steps:\n- {name: a/b}\n",
        "steps:\n- {name: a/b, script: make}\n- {script: make}\n",
    ],
)
def test_other_steps_are_not_cloud_builds(content: str) -> None:
    assert references(content, "x.yaml") == []
