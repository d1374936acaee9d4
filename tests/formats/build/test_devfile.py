"""Devfiles, Che's plugins and DevWorkspace objects: containers, and lists written in strings."""

from __future__ import annotations

import pytest

from formats.reading import damage, pinned, reasons, references

PATH = "devfile.yaml"
HEAD_1 = "apiVersion: 1.0.0\nmetadata: {name: x}\ncomponents:\n"
HEAD_2 = "schemaVersion: 2.2.0\ncomponents:\n"
LIST = (
    "- type: kubernetes\n  referenceContent: |\n    kind: List\n    items:\n    - kind: Pod\n      spec:\n"
    "        containers:\n        - image: {0}\n"
)


def test_components_of_version_1_are_read() -> None:
    content = HEAD_1 + "- {type: dockerimage, image: 'a/b:1'}\n- {type: chePlugin, id: x/y/1}\n"
    assert references(content, PATH) == ["a/b:1"]


@pytest.mark.parametrize("version", ["'1.0.0'", '"1.0.0"', "1.0.0", "1.0.0-beta"])
def test_versions_in_any_quotes_are_known(version: str) -> None:
    content = f"apiVersion: {version}\ncomponents:\n- {{type: dockerimage, image: a/b:1}}\n"
    assert references(content, PATH) == ["a/b:1"]


def test_tools_of_the_oldest_devfiles_are_read() -> None:
    content = "specVersion: 0.0.1\nname: x\ntools:\n- {name: t, type: dockerimage, image: a/b:1}\n"
    assert references(content, PATH) == ["a/b:1"]


def test_a_list_in_a_string_is_pinned_inside_it() -> None:
    content = HEAD_1 + LIST.replace("{0}", "'a/b:1'  # kept")
    assert references(content, PATH) == ["a/b:1"]
    assert pinned(content, PATH) == content.replace("a/b:1", "a/b:1@DIGEST")


def test_json_in_a_string_is_pinned_inside_it() -> None:
    content = HEAD_1 + (
        '- type: openshift\n  referenceContent: "{\\"kind\\": \\"List\\", \\"items\\": [{\\"spec\\":'
        ' {\\"containers\\": [{\\"image\\": \\"a/b:1\\"}]}}]}"\n'
    )
    assert pinned(content, PATH) == content.replace("a/b:1", "a/b:1@DIGEST")


def test_the_same_string_by_an_alias_is_edited_once() -> None:
    content = (
        HEAD_1
        + LIST.replace("|", "&x |").replace("{0}", "a/b:1")
        + ("- type: kubernetes\n  referenceContent: *x\n")
    )
    assert references(content, PATH) == ["a/b:1"]


def test_a_string_that_is_broken_is_left_and_its_lines_are_told() -> None:
    content = HEAD_1 + LIST.replace("{0}", "a/b:1\n        ]")
    assert references(content, PATH) == []
    assert reasons(content, PATH) == {"a/b:1": "inside a text"}


def test_tasks_and_urls_are_no_images() -> None:
    content = HEAD_1 + (
        "- {type: kubernetes, reference: 'https://example.org/a:1'}\ncommands:\n- actions:\n"
        '  - referenceContent: \'{"image": "a/b:1"}\'\n'
    )
    assert references(content, PATH) == []


def test_components_of_version_2_are_read() -> None:
    content = HEAD_2 + (
        "- container: {image: a/b:1}\n- kubernetes:\n    inlined: |\n      kind: Pod\n      spec:\n"
        "        containers:\n        - image: c/d:1\n- plugin:\n    components:\n    - container: {image: e/f:1}\n"
        "- volume: {size: 1Gi}\nparent:\n  components:\n  - container: {image: g/h:1}\n"
    )
    assert references(content, PATH) == ["a/b:1", "c/d:1", "e/f:1", "g/h:1"]


def test_every_document_of_an_inlined_stream_is_read() -> None:
    pod = "kind: Pod\n      spec: {containers: [{image: a/b:NUMBER}]}\n"
    content = (
        HEAD_2
        + "- kubernetes:\n    inlined: |\n      "
        + "      ---\n      ".join(pod.replace("NUMBER", str(number)) for number in (1, 2, 3))
    )
    assert references(content, PATH) == ["a/b:1", "a/b:2", "a/b:3"]
    assert pinned(content, PATH).count("@DIGEST") == 3


def test_what_the_devfile_builds_is_no_reference() -> None:
    content = HEAD_2 + "- image: {imageName: 'a/b:1', dockerfile: {uri: x}}\n"
    assert references(content, PATH) == []
    assert reasons(content, PATH) == {"a/b:1": "the name of an image that the devfile builds"}


def test_variables_of_a_devfile_are_templates() -> None:
    content = HEAD_2 + '- container: {image: "{{tools}}"}\n- container: {image: "a/b:{{tag}}"}\n'
    assert set(reasons(content, PATH).values()) == {"a template"}
    assert damage(content, PATH) == []


def test_containers_of_attributes_are_read() -> None:
    content = HEAD_2 + (
        "- attributes: {pod-overrides: {spec: {containers: [{name: x, image: a/b:1}]}}}\n  container: {image: c:1}\n"
    )
    assert sorted(references(content, PATH)) == ["a/b:1", "c:1"]


@pytest.mark.parametrize("kind", ["DevWorkspace", "DevWorkspaceTemplate"])
def test_objects_that_carry_components_are_read(kind: str) -> None:
    components = "components: [{container: {image: a/b:1}}]"
    spec = f"template: {{{components}}}" if kind == "DevWorkspace" else components
    content = f"apiVersion: workspace.devfile.io/v1alpha2\nkind: {kind}\nspec: {{{spec}}}\n"
    assert references(content, "x.yaml") == ["a/b:1"]


@pytest.mark.parametrize(
    "content",
    [
        "schemaVersion: 2.2.0\nimage: a/b:1\n",
        "schemaVersion: 2\nmediaType: x\ncomponents: [{container: {image: a/b:1}}]\n",
        "apiVersion: v1\nkind: ConfigMap\ncomponents: [{type: dockerimage, image: a/b:1}]\n",
        "schemaVersion: 2.2.0\ncomponents: {container: {image: a/b:1}}\n",
    ],
)
def test_other_documents_are_no_devfiles(content: str) -> None:
    assert references(content, PATH) == []


@pytest.mark.parametrize(
    "content",
    [
        "type: Che Plugin\nspec: {containers: [{image: a/b:1}]}\n",
        "type: che editor\nspec:\n  initContainers:\n  - image: a/b:1\n",
        "type: VS Code extension\nattributes: {containerImage: 'a/b:1'}\n",
        "schemaVersion: 1.0.0\nsidecar: {image: a/b:1}\n",
        "version: 1.0.0\nplugins:\n- id: x\n  sidecar: {image: a/b:1}\n",
        "version: 1.0.0\neditors:\n- id: x\n  containers: [{image: a/b:1}]\n",
        "editors:\n- schemaVersion: 2.1.0\n  metadata: {name: x}\n  components:\n  - container: {image: a/b:1}\n",
        '{"type": "Che Plugin", "spec": {"containers": [{"image": "a/b:1"}]}}',
    ],
)
def test_plugins_and_editors_of_every_age_are_read(content: str) -> None:
    assert references(content, "meta.yaml") == ["a/b:1"]
    assert pinned(content, "meta.yaml") == content.replace("a/b:1", "a/b:1@DIGEST")


@pytest.mark.parametrize(
    "content",
    [
        "plugins: [a, b]\nimage: a/b:1\n",
        "plugins:\n- name: x\n  image: a/b:1\n",
        "type: plugin\nspec: {containers: [{image: a/b:1}]}\n",
        "kind: Plugin\nsidecar: {image: a/b:1}\n",
    ],
)
def test_other_documents_with_plugins_are_left(content: str) -> None:
    assert references(content, "meta.yaml") == []
