"""Ansible's tasks and plays, Molecule's scenarios, execution environments."""

from __future__ import annotations

import pytest

from formats import samples_tools as samples
from formats.reading import damage, reasons, references


def test_tasks_are_read_at_any_depth() -> None:
    assert references(samples.ANSIBLE, "site.yml") == [
        "quay.io/acme/web:1",
        "quay.io/acme/two:1",
        "quay.io/acme/four:1",
    ]
    told = reasons(samples.ANSIBLE, "site.yml")
    assert told["{{ image }}"] == "a template"
    assert told["quay.io/acme/apart"].startswith("an image by name and tag apart")


@pytest.mark.parametrize(
    "task",
    [
        "docker_image: {name: a/b, build: {path: .}}",
        "docker_image: {name: a/b, path: .}",
        "docker_image: {name: '{{ x }}', tag: '1'}",
        "docker_container: name=x image=a/b:1",
        "docker_network: {name: 'a/b:1', image: 'a/b:1'}",
    ],
)
def test_what_is_built_or_of_another_module_is_not_taken(task: str) -> None:
    content = f"- name: Do it\n  {task}\n"
    assert references(content, "tasks.yml") == []
    assert not any("apart" in reason for reason in reasons(content, "tasks.yml").values())


@pytest.mark.parametrize("driver", ["docker", "podman", "containers"])
def test_platforms_of_molecule_are_images_of_container_drivers(driver: str) -> None:
    content = samples.MOLECULE.replace("podman", driver)
    assert references(content, "molecule.yml") == ["quay.io/acme/web:1"]
    assert references(content, "other.yml") == []


def test_platforms_of_other_drivers_are_machines() -> None:
    content = samples.MOLECULE.replace("podman", "openstack")
    assert references(content, "molecule.yml") == []


@pytest.mark.parametrize(
    "content",
    [
        "version: 3\nimages: {base_image: {name: 'a/b:1'}}\n",
        "version: 1\nbuild_arg_defaults: {EE_BASE_IMAGE: 'a/b:1'}\n",
    ],
)
def test_execution_environments_name_what_they_are_made_from(content: str) -> None:
    assert references(content, "execution-environment.yml") == ["a/b:1"]


def test_variables_of_molecule_are_no_damage() -> None:
    content = "platforms: [{name: x, image: 'a/b-${DISTRO:-debian}:1'}]\n"
    assert damage(content, "molecule.yml") == []
    assert list(reasons(content, "molecule.yml").values()) == ["a variable of Molecule"]
