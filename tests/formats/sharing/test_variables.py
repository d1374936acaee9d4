"""The value of a variable is pinned only where everything that mentions its name is an image."""

from __future__ import annotations

import pytest

from formats.reading import pinned, refusals

IMAGE = "quay.io/acme/box:1"

GITLAB = """\
variables:
  BOX: quay.io/acme/box:1
test:
  image: $BOX
  script: [make]
"""
GITLAB_OPTIONS = """\
variables:
  BOX:
    value: quay.io/acme/box:1
    options: [quay.io/acme/box:1, quay.io/acme/box:2]
test:
  image: $BOX
  script: [make]
"""
TEKTON = """\
apiVersion: tekton.dev/v1
kind: Task
spec:
  params:
  - name: box
    default: quay.io/acme/box:1
  steps:
  - name: one
    image: $(params.box)
"""
PIPELINE = """\
apiVersion: tekton.dev/v1
kind: Pipeline
spec:
  params:
  - {name: outer, default: 'quay.io/acme/box:1'}
  tasks:
  - name: t
    params:
    - {name: box, value: $(params.outer)}
    taskSpec:
      params: [{name: box}]
      steps:
      - image: $(params.box)
"""
ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
spec:
  arguments:
    parameters:
    - name: box
      value: quay.io/acme/box:1
  templates:
  - name: t
    container:
      image: '{{workflow.parameters.box}}'
"""
GITHUB_INPUT = """\
on:
  workflow_dispatch:
    inputs:
      box:
        default: quay.io/acme/box:1
jobs:
  a:
    name: in ${{ inputs.box }}
    runs-on: x
    container: ${{ inputs.box }}
    steps:
    - name: test ${{ inputs.box }}
      run: make
"""
MATRIX = """\
on: push
jobs:
  a:
    runs-on: x
    strategy:
      matrix:
        box: [quay.io/acme/box:1]
    container: ${{ matrix.box }}
    steps:
    - run: make
"""

FREE = {
    "gitlab": (".gitlab-ci.yml", GITLAB),
    "tekton": ("task.yaml", TEKTON),
    "pipeline": ("pipeline.yaml", PIPELINE),
    "argo": ("workflow.yaml", ARGO),
    "github input": (".github/workflows/a.yml", GITHUB_INPUT),
    "matrix": (".github/workflows/a.yml", MATRIX),
    "another job of the matrix": (
        ".github/workflows/a.yml",
        MATRIX + "  b:\n    runs-on: x\n    steps: [{run: 'echo ${{ matrix.box }}'}]\n",
    ),
    "a job with its own value": (
        ".gitlab-ci.yml",
        GITLAB + "docs:\n  variables: {BOX: x}\n  script: [echo $BOX]\n",
    ),
    "another task's parameter": (
        "task.yaml",
        f"{TEKTON}---\n{TEKTON.replace('box', 'other')}  - script: $(params.box)\n",
    ),
    "a name that begins alike": (".gitlab-ci.yml", GITLAB.replace("[make]", "[echo $BOXES]")),
    "a comment": (".gitlab-ci.yml", GITLAB + "  # $BOX\n"),
}


@pytest.mark.parametrize(("path", "content"), FREE.values(), ids=FREE)
def test_a_value_that_only_images_use_is_pinned(path: str, content: str) -> None:
    assert refusals(content, path) == {}
    assert f"{IMAGE}@DIGEST" in pinned(content, path)


SHARED = {
    "gitlab script": (".gitlab-ci.yml", GITLAB.replace("[make]", "['echo ${BOX##*:}']"), "test.script[0]", 5),
    "gitlab rules": (
        ".gitlab-ci.yml",
        GITLAB + "  rules:\n  - if: $BOX == 'x'\n",
        "test.rules[0].if",
        7,
    ),
    "gitlab put together": (
        ".gitlab-ci.yml",
        GITLAB + "b: {image: $BOX-alpine, script: [x]}\n",
        "b.image",
        6,
    ),
    "gitlab other variable": (".gitlab-ci.yml", GITLAB + "  variables: {X: $BOX}\n", "test.variables.X", 6),
    "tekton script": ("task.yaml", TEKTON + "    script: echo $(params.box)\n", "spec.steps[0].script", 10),
    "tekton args": ("task.yaml", TEKTON + "    args: ['$(params[\"box\"])']\n", "spec.steps[0].args[0]", 10),
    "tekton passed on": (
        "pipeline.yaml",
        PIPELINE + "        script: $(params.box)\n",
        "spec.tasks[0].taskSpec.steps[0].script",
        14,
    ),
    "tekton passed away": (
        "pipeline.yaml",
        PIPELINE + "  - name: u\n    taskRef: {name: u}\n    params: [{name: x, value: $(params.outer)}]\n",
        "spec.tasks[1].params[0].value",
        16,
    ),
    "argo args": (
        "workflow.yaml",
        ARGO + "      args: ['{{workflow.parameters.box}}']\n",
        "spec.templates[0].container.args[0]",
        12,
    ),
    "argo expression": (
        "workflow.yaml",
        ARGO + "      args: ['{{=sprig.trim(workflow.parameters.box)}}']\n",
        "spec.templates[0].container.args[0]",
        12,
    ),
    "github run": (
        ".github/workflows/a.yml",
        GITHUB_INPUT + "    - run: echo ${{ inputs.box }}\n",
        "jobs.a.steps[1].run",
        14,
    ),
    "github event": (
        ".github/workflows/a.yml",
        GITHUB_INPUT + "    - run: echo ${{ github.event.inputs.box }}\n",
        "jobs.a.steps[1].run",
        14,
    ),
    "github with": (
        ".github/workflows/a.yml",
        GITHUB_INPUT + "    - uses: a/b@v1\n      with: {name: '${{ inputs.box }}'}\n",
        "jobs.a.steps[1].with.name",
        15,
    ),
    "github whole": (
        ".github/workflows/a.yml",
        GITHUB_INPUT + "    - run: echo '${{ toJSON(inputs) }}'\n",
        "jobs.a.steps[1].run",
        14,
    ),
    "matrix run": (
        ".github/workflows/a.yml",
        MATRIX + "    - if: matrix.box == 'x'\n      run: x\n",
        "jobs.a.steps[1].if",
        11,
    ),
}


@pytest.mark.parametrize(("path", "content", "where", "line"), SHARED.values(), ids=SHARED)
def test_another_use_is_refused_with_its_place(path: str, content: str, where: str, line: int) -> None:
    refusal = refusals(content, path).get(IMAGE)

    assert refusal is not None
    assert f"is used as something else too: {where} ({path}:{line})" in refusal
    assert pinned(content, path) == content


CHOSEN = {
    "gitlab": (".gitlab-ci.yml", GITLAB_OPTIONS, "options", 4),
    "tekton": (
        "task.yaml",
        TEKTON.replace("box:1\n", "box:1\n    enum:\n    - quay.io/acme/box:1\n", 1),
        "enum",
        8,
    ),
    "argo": (
        "workflow.yaml",
        ARGO.replace("box:1\n", "box:1\n      enum: [quay.io/acme/box:1]\n", 1),
        "enum",
        8,
    ),
    "github": (
        ".github/workflows/a.yml",
        GITHUB_INPUT.replace("box:1\n", "box:1\n        options: [quay.io/acme/box:1]\n", 1),
        "options",
        6,
    ),
}


@pytest.mark.parametrize(("path", "content", "key", "line"), CHOSEN.values(), ids=CHOSEN)
def test_a_value_that_must_be_one_of_a_list_is_refused(path: str, content: str, key: str, line: int) -> None:
    wanted = f"the value must be one of those that {key} lists ({path}:{line})"

    assert refusals(content, path) == {IMAGE: wanted}
    assert pinned(content, path) == content


def test_a_value_that_the_matrix_excludes_by_its_characters_is_refused() -> None:
    content = MATRIX.replace(
        "    container", "        exclude:\n        - box: quay.io/acme/box:1\n    container"
    )
    refusal = refusals(content, ".github/workflows/a.yml")[IMAGE] or ""

    assert "excludes this value" in refusal
    assert ".github/workflows/a.yml:9" in refusal
