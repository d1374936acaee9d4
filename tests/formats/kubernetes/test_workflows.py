"""Tekton and Argo Workflows: images of steps and templates, and parameters that lead to one."""

from __future__ import annotations

import pytest

from formats.reading import damage, pinned, reasons, references
from imagelock.formats.classify.unmatched import VARIABLE

PATH = "x.yaml"
TASK = "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n"
ARGO = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec:\n"


@pytest.mark.parametrize(
    "spec",
    [
        "  steps: [{image: a/b:1}]\n",
        "  sidecars:\n  - image: a/b:1\n",
        "  stepTemplate: {image: 'a/b:1'}\n",
        "  params: [{name: p, default: a/b:1}]\n  steps: [{image: $(params.p)}]\n",
        "  params: [{name: p, default: a/b:1}]\n  steps: [{image: '$(inputs.params.p)'}]\n",
        "  params: [{name: p.q, default: a/b:1}]\n  steps: [{image: '$(params[\"p.q\"])'}]\n",
        "  params: [{name: p, default: a/b:1}]\n  steps: [{image: $(params.p)}, {image: $(params.p)}]\n",
        "  taskSpec:\n    steps: [{image: a/b:1}]\n",
        "  tasks: [{name: x, taskSpec: {steps: [{image: a/b:1}]}}]\n",
        "  finally: [{taskSpec: {sidecars: [{image: a/b:1}]}}]\n",
        "  pipelineSpec: {tasks: [{taskSpec: {steps: [{image: a/b:1}]}}]}\n",
        "  taskRef: {name: x, bundle: a/b:1}\n",
        "  taskRef:\n    resolver: bundles\n    params: [{name: bundle, value: a/b:1}, {name: name, value: x/y:1}]\n",
        "  resourcetemplates: [{spec: {taskSpec: {steps: [{image: a/b:1}]}}}]\n",
        "  image: a/b:1\n",
    ],
)
def test_images_of_tekton_are_pinned(spec: str) -> None:
    assert references(TASK + spec, PATH) == ["a/b:1"]
    assert pinned(TASK + spec, PATH) == TASK + spec.replace("a/b:1", "a/b:1@DIGEST")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("$(params.unknown)", "a parameter without a default"),
        ("$(params.empty)", "a parameter without a default"),
        ("a/b:$(params.tag)", "put together from parameters"),
        ("$(tt.params.p)", "put together from parameters"),
        ("$(params.other)", "put together from parameters"),
    ],
)
def test_parameters_that_lead_nowhere_are_skipped(image: str, reason: str) -> None:
    params = "  params: [{name: empty, default: ''}, {name: tag, default: '1'}, {name: other, default: 'a:$(params.tag)'}]\n"
    content = f"{TASK}{params}  steps:\n  - image: {image}\n"
    assert references(content, PATH) == []
    assert list(reasons(content, PATH).values()) == [reason]
    assert damage(content, PATH) == []


def test_a_tasks_own_parameter_comes_before_another_tasks() -> None:
    task = "{{params: [{{name: p, default: {0}}}], steps: [{{image: $(params.p)}}]}}"
    content = (
        "apiVersion: tekton.dev/v1\nkind: Pipeline\nspec:\n  tasks:\n"
        f"  - taskSpec: {task.format('a/b:1')}\n  - taskSpec: {task.format('c/d:1')}\n"
    )
    assert references(content, PATH) == ["a/b:1", "c/d:1"]


@pytest.mark.parametrize(
    "spec",
    [
        "  params: [{name: image, default: a/b:1}]\n  steps: [{image: c:1}]\n",
        "  results: [{name: image, value: a/b:1}]\n  steps: [{image: c:1, args: [a/b:1]}]\n",
        "  taskRef: {resolver: git, params: [{name: bundle, value: a/b:1}]}\n  steps: [{image: c:1}]\n",
    ],
)
def test_other_words_of_tekton_are_no_images(spec: str) -> None:
    assert references(TASK + spec, PATH) == ["c:1"]


@pytest.mark.parametrize(
    "spec",
    [
        "  templates: [{container: {image: a/b:1}}]\n",
        "  templates: [{script: {image: a/b:1, source: x}}]\n",
        "  templates: [{containerSet: {containers: [{image: a/b:1}]}}]\n",
        "  templates:\n  - sidecars: [{image: a/b:1}]\n",
        "  templates:\n  - initContainers: [{image: a/b:1}]\n",
        "  templateDefaults: {container: {image: a/b:1}}\n",
        "  workflowSpec: {templates: [{container: {image: a/b:1}}]}\n",
        (
            "  arguments: {parameters: [{name: p, value: a/b:1}]}\n"
            "  templates: [{container: {image: '{{workflow.parameters.p}}'}}]\n"
        ),
        (
            "  templates:\n  - inputs: {parameters: [{name: p, default: a/b:1}]}\n"
            '    container: {image: "{{ inputs.parameters.p }}"}\n'
        ),
        (
            "  templates:\n  - resource:\n      manifest: |\n        kind: Pod\n        spec:\n          containers:\n"
            "          - image: a/b:1\n"
        ),
    ],
)
def test_images_of_argo_are_pinned(spec: str) -> None:
    assert references(ARGO + spec, PATH) == ["a/b:1"]
    assert pinned(ARGO + spec, PATH) == ARGO + spec.replace("a/b:1", "a/b:1@DIGEST")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ('"{{inputs.parameters.unknown}}"', "a parameter without a default"),
        ('"a/b:{{workflow.parameters.p}}"', "put together from parameters"),
        ('"{{=sprig.lower(x)}}"', "put together from parameters"),
    ],
)
def test_expressions_of_argo_are_skipped(image: str, reason: str) -> None:
    content = f"{ARGO}  templates:\n  - container:\n      image: {image}\n"
    assert references(content, PATH) == []
    assert list(reasons(content, PATH).values()) == [reason]
    assert damage(content, PATH) == []


def test_a_rollout_is_a_workload_like_any_other() -> None:
    content = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {template: {spec: {containers: [{image: a/b:1}]}}}\n"
    assert references(content, PATH) == ["a/b:1"]


_ITEMS = 4000


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "content",
    [
        "apiVersion: tekton.dev/v1\nkind: Task\nx: &p\n"
        + "- {name: p, default: a/b:1}\n" * _ITEMS
        + "tasks:\n"
        + "- taskSpec: {params: *p, steps: [{image: $(params.p)}]}\n" * _ITEMS,
        "apiVersion: tekton.dev/v1\nkind: Task\ntasks:\n"
        + "".join(
            f"- taskSpec: {{params: [{{name: p{i}, default: a/b:1}}], steps: [{{image: $(params.p{i})}}]}}\n"
            for i in range(_ITEMS)
        ),
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nx: &p\n"
        + "- {name: p, value: a/b:1}\n" * _ITEMS
        + "templates:\n"
        + "- {inputs: {parameters: *p}, container: {image: '{{inputs.parameters.p}}'}}\n" * _ITEMS,
        "apiVersion: v1\nkind: List\nx: &p\n"
        + "- {from: {kind: DockerImage, name: 'a/b:1'}}\n" * _ITEMS
        + "items:\n"
        + "- {apiVersion: image.openshift.io/v1, kind: ImageStream, spec: {tags: *p}}\n" * _ITEMS,
        "on: push\nx: &s\n"
        + "".join(f"  s{i}: {{image: a/b:1}}\n" for i in range(_ITEMS))
        + "jobs:\n"
        + "".join(f"  j{i}: {{services: *s}}\n" for i in range(_ITEMS)),
    ],
)
def test_what_aliases_repeat_is_read_once(content: str) -> None:
    assert 0 < len(references(content, PATH)) <= _ITEMS


def test_what_a_task_is_given_comes_before_its_default() -> None:
    content = (
        "apiVersion: tekton.dev/v1\nkind: Pipeline\nspec:\n"
        "  params: [{name: builder, default: 'a/pipeline:1'}]\n"
        "  tasks:\n"
        "  - name: one\n    params: [{name: image, value: 'a/given:1'}]\n"
        "    taskSpec: {params: [{name: image, default: 'a/default:1'}], steps: [{image: $(params.image)}]}\n"
        "  - name: two\n    params: [{name: image, value: $(params.builder)}]\n"
        "    taskSpec: {params: [{name: image}], steps: [{image: $(params.image)}]}\n"
        "  - name: three\n    params: [{name: image, value: 'a/$(params.builder)'}]\n"
        "    taskSpec: {steps: [{image: $(params.image)}]}\n"
    )
    assert references(content, PATH) == ["a/pipeline:1", "a/given:1"]
    assert list(reasons(content, PATH).values()) == ["put together from parameters"]


def test_a_parameter_that_is_given_itself_leads_on() -> None:
    content = (
        "apiVersion: tekton.dev/v1\nkind: Pipeline\nspec:\n"
        "  params: [{name: image, default: 'a/b:1'}]\n"
        "  tasks:\n  - params: [{name: image, value: $(params.image)}]\n"
        "    taskSpec: {params: [{name: image}], steps: [{image: $(params.image)}]}\n"
    )
    assert references(content, PATH) == ["a/b:1"]


def test_arguments_of_steps_lead_to_the_images_of_a_template() -> None:
    content = (
        f"{ARGO}  templates:\n"
        "  - name: main\n    steps:\n"
        "    - - {name: x, template: run, arguments: {parameters: [{name: image, value: 'a/one:1'}]}}\n"
        "    - - {name: y, template: run, arguments: {parameters: [{name: image, value: 'a/two:1'}]}}\n"
        "      - {name: z, template: other, arguments: {parameters: [{name: image, value: 'a/none:1'}]}}\n"
        "    dag: {tasks: [{name: d, template: run, arguments: {parameters: [{name: image, value: '{{item}}'}]}}]}\n"
        "  - name: run\n    inputs: {parameters: [{name: image}]}\n"
        "    container: {image: '{{inputs.parameters.image}}'}\n"
        "    sidecars: [{image: '{{inputs.parameters.image}}'}]\n"
        "  - name: other\n    container: {image: 'a/own:1'}\n"
    )
    assert references(content, PATH) == ["a/one:1", "a/two:1", "a/own:1"]
    assert reasons(content, PATH) == {"a/none:1": VARIABLE}
    assert pinned(content, PATH).count("@DIGEST") == 3
