"""GitHub workflows and actions, GitLab pipelines: what a job runs in, and what only looks like it."""

from __future__ import annotations

import pytest

from formats.reading import damage, pinned, reasons, references, refusals

GITHUB = "build.yml"
GITLAB = "ci.yml"
JOB = "on: push\njobs:\n  x:\n    runs-on: y\n"


@pytest.mark.parametrize(
    "job",
    [
        "    container: a/b:1\n",
        "    container: {image: 'a/b:1', env: {X: y}}\n",
        "    container: docker://a/b:1\n",
        "    services:\n      s: {image: a/b:1}\n",
        "    steps:\n    - uses: docker://a/b:1\n",
        '    steps:\n    - {name: s, "uses": "docker://a/b:1"}\n',
    ],
)
def test_containers_services_and_steps_of_a_job_are_read(job: str) -> None:
    assert references(JOB + job, GITHUB) == ["a/b:1"]
    assert pinned(JOB + job, GITHUB) == JOB + job.replace("a/b:1", "a/b:1@DIGEST")


@pytest.mark.parametrize(
    "job",
    [
        "    steps:\n    - uses: actions/checkout@v4\n",
        "    steps:\n    - uses: ./docker\n",
        "    steps:\n    - uses: docker://\n",
        "    steps:\n    - with: {image: a/b:1}\n",
        "    container:\n",
        "    env: {image: a/b:1}\n",
        "    uses: acme/x/.github/workflows/x.yml@v1\n",
    ],
)
def test_other_words_of_a_workflow_are_no_images(job: str) -> None:
    assert references(JOB + job, GITHUB) == []
    assert damage(JOB + job, GITHUB) == []


@pytest.mark.parametrize("image", ["${{ matrix.image }}", "a/b:${{ inputs.tag }}"])
def test_expressions_are_templates(image: str) -> None:
    content = f"{JOB}    container:\n      image: {image}\n"
    assert references(content, GITHUB) == []
    (reason,) = reasons(content, GITHUB).values()
    assert reason.startswith("a template")


def test_a_workflow_without_a_trigger_is_known_by_its_runner() -> None:
    assert references("jobs:\n  x: {runs-on: y, container: a/b:1}\n", GITHUB) == ["a/b:1"]


def test_an_action_runs_an_image_or_builds_a_file() -> None:
    action = "name: x\nruns: {using: docker, image: VALUE}\n"
    assert references(action.replace("VALUE", "'docker://a/b:1'"), "action.yml") == ["a/b:1"]
    assert references(action.replace("VALUE", "Dockerfile"), "action.yml") == []
    composite = "name: x\nruns:\n  using: composite\n  steps:\n  - uses: docker://a/b:1\n"
    assert references(composite, "action.yml") == ["a/b:1"]


@pytest.mark.parametrize(
    "content", ["jobs: [a]\n", "jobs:\n  x: {container: a/b:1}\n", "jobs: {x: docker://a}\n"]
)
def test_other_documents_with_jobs_are_no_workflows(content: str) -> None:
    assert references(content, GITHUB) == []


@pytest.mark.parametrize(
    "content",
    [
        "image: a/b:1\nx: {script: y}\n",
        "services: ['a/b:1']\nx: {script: y}\n",
        "default:\n  image: {name: a/b:1, entrypoint: ['']}\nx: {script: y}\n",
        "x:\n  image: a/b:1\n  script: y\n",
        "x:\n  services:\n  - {name: a/b:1, alias: z}\n  script: [y]\n",
        ".x: {image: a/b:1}\n",
        "x:\n  stage: build\n  before_script: [z]\n  image: 'a/b:1'\n",
        "spec: {inputs: {x: {default: y}}}\n---\nx: {image: a/b:1, script: y}\n",
    ],
)
def test_images_and_services_of_a_pipeline_are_read(content: str) -> None:
    assert references(content, GITLAB) == ["a/b:1"]
    assert pinned(content, GITLAB) == content.replace("a/b:1", "a/b:1@DIGEST")


@pytest.mark.parametrize("image", ["$IMAGE", "${CI_REGISTRY_IMAGE}/x:1", "a/b:$TAG"])
def test_variables_of_a_pipeline_are_skipped(image: str) -> None:
    content = f"x:\n  image: {image}\n  script: y\n"
    assert reasons(content, GITLAB) == {image: "a variable of the pipeline"}
    assert damage(content, GITLAB) == []


def test_inputs_of_a_component_are_templates() -> None:
    assert list(reasons("x:\n  image: $[[ inputs.i ]]\n  script: y\n", GITLAB).values()) == ["a template"]


def test_a_reference_to_another_place_is_no_image() -> None:
    content = (
        "x:\n  image: !reference [.y, image]\n  services: !reference [.y, services]\n"
        "  script: !reference [.y, script]\nz:\n  services:\n  - !reference [.y, one]\n  - a/b:1\n  script: y\n"
    )
    assert references(content, GITLAB) == ["a/b:1"]
    assert set(reasons(content, GITLAB).values()) == {"a !reference to another place of the pipeline"}


def test_an_anchor_is_read_once() -> None:
    content = ".x: &x {image: a/b:1}\ny: {<<: *x, script: z}\nw: *x\n"
    assert references(content, GITLAB) == ["a/b:1"]


def test_a_file_is_known_by_its_name_too() -> None:
    content = "image: a/b:1\ninclude: [{local: x.yml}]\n"
    assert references(content, ".gitlab-ci.yml") == ["a/b:1"]
    assert references(content, "other.yml") == []


@pytest.mark.parametrize(
    "content",
    [
        "x:\n  image: a/b:1\n  script: y\nz:\n  unknown: 1\n",
        "image: a/b:1\n",
        "x: {image: a/b:1}\n",
        "x:\n  script: y\n  pictures: {image: a/b:1}\n",
        "apiVersion: v1\nx: {image: a/b:1, script: y}\n",
        "- image: a/b:1\n  script: y\n",
    ],
)
def test_other_documents_with_scripts_are_no_pipelines(content: str) -> None:
    assert references(content, "conf.yml") == []


def test_docker_executors_of_circleci_are_read_and_machines_are_not() -> None:
    content = (
        "version: 2.1\nexecutors:\n  e: {docker: [{image: a/b:1}]}\njobs:\n  j:\n    docker:\n    - image: c/d:1\n"
        "  m: {machine: {image: 'ubuntu-2204:current'}}\n  p: {docker: [{image: << parameters.i >>}]}\n"
    )
    assert references(content, ".circleci/config.yml") == ["a/b:1", "c/d:1"]
    assert reasons(content, ".circleci/config.yml") == {
        "<< parameters.i >>": "a parameter without a default",
        "ubuntu-2204:current": "an image key outside the places of this format",
    }


@pytest.mark.parametrize(
    "content", ["version: 1\njobs: {x: {image: a/b:1}}\n", "jobs: {x: {docker: [{image: a/b:1}]}}\n"]
)
def test_other_documents_with_jobs_are_no_circleci_pipelines(content: str) -> None:
    assert references(content, "x.yml") == []


MATRIX = JOB + "    strategy: {matrix: {image: ['a/b:1', 'c/d:2'], include: [{image: 'e/f:3'}]}}\n"


@pytest.mark.parametrize(
    "uses",
    [
        "    container: ${{ matrix.image }}\n",
        "    container: {image: '${{matrix.image}}'}\n",
        "    services: {s: {image: '${{ matrix.image }}'}}\n    name: for ${{ matrix.image }}\n",
    ],
)
def test_a_matrix_of_images_is_pinned_where_it_is_written(uses: str) -> None:
    content = MATRIX + uses
    assert references(content, GITHUB) == ["a/b:1", "c/d:2", "e/f:3"]
    assert pinned(content, GITHUB).count("@DIGEST'") == 3
    assert reasons(content, GITHUB) == {}


@pytest.mark.parametrize(
    "elsewhere",
    [
        "    steps: [{run: 'echo ${{ matrix.image }}'}]\n",
        "    steps: [{if: \"matrix.image == 'a/b:1'\", run: make}]\n",
        "    env: {IMAGE: '${{ matrix.image }}'}\n",
    ],
)
def test_a_matrix_that_a_job_uses_elsewhere_is_found_and_not_pinned(elsewhere: str) -> None:
    content = MATRIX + "    container: ${{ matrix.image }}\n" + elsewhere
    assert list(refusals(content, GITHUB)) == ["a/b:1", "c/d:2", "e/f:3"]
    assert pinned(content, GITHUB) == content


def test_a_longer_name_in_the_matrix_is_another() -> None:
    content = MATRIX + "    container: ${{ matrix.image }}\n    env: {X: '${{ matrix.images }}'}\n"
    assert refusals(content, GITHUB) == {}


def test_a_matrix_of_mappings_is_followed() -> None:
    content = (
        JOB + "    strategy: {matrix: {os: [{image: 'a/b:1', name: x}, {name: y}]}}\n"
        "    container: ${{ matrix.os.image }}\n"
    )
    assert references(content, GITHUB) == ["a/b:1"]


def test_inputs_lead_to_their_defaults() -> None:
    content = (
        "on: {workflow_dispatch: {inputs: {image: {default: 'a/b:1'}}}}\n"
        "jobs: {x: {runs-on: y, container: '${{ inputs.image }}'}}\n"
    )
    assert references(content, GITHUB) == ["a/b:1"]


@pytest.mark.parametrize(
    "container",
    [
        "${{ matrix.other }}",
        "${{ inputs.none }}",
        "${{ matrix.image }}-slim",
        "${{ fromJSON(matrix.image) }}",
    ],
)
def test_expressions_that_lead_nowhere_are_templates(container: str) -> None:
    content = MATRIX + f"    container: {container}\n"
    assert references(content, GITHUB) == []
    assert reasons(content, GITHUB)[container].startswith("a template")


def test_a_variable_of_gitlab_leads_to_the_values_that_the_file_gives_it() -> None:
    content = (
        "variables: {X: 'a/b:1', Y: {value: 'c/d:2'}}\n"
        "one: {image: $X, script: [x]}\n"
        "two: {image: {name: '${Y}'}, services: [$X], script: [x]}\n"
        "three: {image: $Z, parallel: {matrix: [{Z: ['e/f:3', 'g/h:4']}, {Z: 'i/j:5'}]}, script: [x]}\n"
        "four: {image: '$X-slim', script: [x]}\n"
        "five: {image: $NONE, script: [x]}\n"
    )
    assert references(content, GITLAB) == ["a/b:1", "c/d:2", "e/f:3", "g/h:4", "i/j:5", "a/b:1-slim"]
    assert set(refusals(content, GITLAB)) == {"a/b:1", "a/b:1-slim"}
    assert reasons(content, GITLAB) == {"$NONE": "a variable of the pipeline"}


def test_a_jobs_own_variables_come_before_those_of_others() -> None:
    content = (
        "variables: {X: 'a/b:1'}\n"
        "one: {image: $X, script: [x]}\n"
        "two: {variables: {X: name-of-something-else}, script: [x]}\n"
        "three: {variables: {X: 'c/d:2'}, image: $X, script: [x]}\n"
        ".hidden: {image: $Y, script: [x]}\n"
        "four: {extends: .hidden, variables: {Y: 'e/f:3'}}\n"
    )
    assert references(content, GITLAB) == ["a/b:1", "c/d:2", "e/f:3"]


def test_a_variable_of_a_variable_is_skipped() -> None:
    content = "variables: {X: '$REGISTRY/a:1'}\none: {image: $X, script: [x]}\n"
    assert reasons(content, GITLAB) == {"$REGISTRY/a:1": "a variable of the pipeline"}


@pytest.mark.parametrize(
    "content",
    [
        "version: 2\nx: &x {docker: [{image: 'a/b:1'}]}\njobs: {one: {<<: *x, steps: [checkout]}}\n",
        "version: 2.1\nexecutors: {e: {docker: [{image: 'a/b:1'}]}}\n",
    ],
)
def test_circleci_may_keep_its_images_behind_an_anchor(content: str) -> None:
    assert references(content, "config.yml") == ["a/b:1"]


def test_docker_elsewhere_is_not_circlecis() -> None:
    assert references("version: 2\ndocker: [{image: 'a/b:1'}]\n", "config.yml") == []
