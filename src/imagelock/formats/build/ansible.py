"""Ansible: containers that tasks start, Kubernetes objects in them, Molecule, execution environments.

Read: ``image`` of the modules for containers and services, by their short and their full names, in tasks,
handlers and blocks at any depth; the pods of a ``definition``; ``platforms[].image`` of ``molecule.yml``;
the base images of ``execution-environment.yml``.  The modules for images take name and tag apart, and are
told as skipped.  ``{{ … }}`` is filled in by Ansible.  Follows the collections community.docker,
containers.podman and kubernetes.core, and the documentation of Molecule and Ansible Builder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import is_template, required, skipped
from imagelock.formats.kubernetes.objects import pod_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "ansible"
summary = (
    "Ansible: containers that tasks start, Kubernetes definitions in tasks, Molecule, execution environments"
)
marks: tuple[Mark, ...] = (*("docker_", "podman_", "k8s:", "\nplatforms", "base_image", "EE_BASE_IMAGE"),)

_DOCKER = ("", "community.docker.", "community.general.")
_PODMAN = ("", "containers.podman.")
_CONTAINERS = (
    *(prefix + module for prefix in _DOCKER for module in ("docker_container", "docker_swarm_service")),
    *(prefix + "podman_container" for prefix in _PODMAN),
)
_IMAGES = (
    *(prefix + module for prefix in _DOCKER for module in ("docker_image", "docker_image_pull")),
    *(prefix + "podman_image" for prefix in _PODMAN),
)
_OBJECTS = ("k8s", "kubernetes.core.k8s", "community.kubernetes.k8s", "redhat.openshift.k8s")
_MOLECULE = ("molecule.yml", "molecule.yaml")
_DRIVERS = ("docker", "podman", "containers")
_BASES = (
    *(("images", image, "name") for image in ("base_image", "builder_image")),
    *(("build_arg_defaults", image) for image in ("EE_BASE_IMAGE", "EE_BUILDER_IMAGE")),
)
VARIABLE = "a variable of Molecule"
APART = "an image by name and tag apart: write name and digest where the container is started"


def claims(document: Document) -> bool:
    """Take lists of plays or tasks that use one of the modules, Molecule's scenarios, and environments."""
    top = document.top
    if top.is_sequence:
        return any(True for _ in top.values_of(*_CONTAINERS, *_IMAGES, *_OBJECTS))
    if document.text.file_name in _MOLECULE and top.get("platforms") is not None:
        return True
    return top.get("version") is not None and any(top.get(*path) is not None for path in _BASES)


def find(document: Document) -> Iterator[Found]:
    """Yield the images of tasks, of a scenario's platforms, or those that an environment is made from."""
    if document.top.is_sequence:
        yield from _tasks(document.top)
        return
    driver = document.top.get("driver", "name")
    if driver is None or driver.text in _DRIVERS:
        platforms = document.top.get("platforms")
        for platform in platforms.new_items("platform") if platforms is not None else ():
            image = platform.get("image")
            found = required(image, name, variables=VARIABLE) if image is not None else None
            if found is not None:
                yield found
    for path in _BASES:
        base = document.top.get(*path)
        found = required(base, name) if base is not None else None
        if found is not None:
            yield found


def _tasks(top: Node) -> Iterator[Found]:
    for key, module in top.values_of(*_CONTAINERS, *_IMAGES):
        if key in _CONTAINERS:
            image = module.get("image")
            found = required(image, name) if image is not None else None
            if found is not None:
                yield found
            continue
        image = module.get("name")
        written = (image.text or "") if image is not None else ""
        is_pulled = module.get("build") is None and module.get("path") is None
        if image is not None and written and is_pulled and not is_template(written):
            yield skipped(image, APART, name)
    yield from pod_images(top, name)
