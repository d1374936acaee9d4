"""Devfiles 1 and 2, Che's editor definitions, and the objects that carry a devfile's components.

Read: in devfiles 1.0 ``image`` of ``components`` (``tools`` before 1.0) and the Kubernetes lists in
``referenceContent``; in devfiles 2 ``container.image``, ``kubernetes.inlined`` and ``openshift.inlined``,
of ``components``, ``parent`` and ``plugin`` alike; the same of ``DevWorkspace`` and
``DevWorkspaceTemplate``.  ``image.imageName`` is the name of what the devfile builds, and no reference.
Follows the devfile specification (devfile.io) and its v1 of Eclipse Che 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required, skipped
from imagelock.formats.classify.objects import kind_of, objects
from imagelock.formats.kubernetes.objects import inlined_images, pod_images
from imagelock.model.place import SkipKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "devfile"
summary = (
    "devfiles 1 and 2, editor definitions, DevWorkspace objects: containers, inlined and referenced lists"
)
marks: tuple[Mark, ...] = ("schemaVersion", "DevWorkspace", "dockerimage", "referenceContent")

_KINDS = ("DevWorkspace", "DevWorkspaceTemplate")
_LISTS = ("components", "tools")
_SECTIONS = (*_LISTS, "parent", "commands", "projects", "starterProjects")
BUILT = "the name of an image that the devfile builds"


def claims(document: Document) -> bool:
    """Take documents by their schema's version and sections, and objects by their kind."""
    if document.top.get("kind") is not None:
        return any(kind_of(item) in _KINDS for item in objects(document))
    return _is_devfile(document.top)


def _is_devfile(node: Node) -> bool:
    return _version(node).startswith(("0.0.", "1.0", "2.")) and any(
        node.get(section) is not None for section in _SECTIONS
    )


def _version(node: Node) -> str:
    keys = ("schemaVersion", "apiVersion", "specVersion")
    version = next((value for key in keys if (value := node.get(key)) is not None), None)
    return "" if version is None else version.scalar or ""


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every component."""
    for item in objects(document):
        if kind_of(item) in _KINDS:
            spec = item.get("spec")
            for node in (spec, spec.get("template") if spec is not None else None):
                yield from devfile_images(node, name)
    if document.top.get("kind") is None:
        yield from devfile_images(document.top, name)


def devfile_images(node: Node | None, format_name: str) -> Iterator[Found]:
    """Yield the images of a devfile's components, those that it overrides in its parent included."""
    if node is None or not node.document.is_first("devfile", node.raw):
        return
    for key in _LISTS:
        components = node.get(key)
        for component in components.new_items("component") if components is not None else ():
            yield from _component(component, format_name)
    yield from devfile_images(node.get("parent"), format_name)
    contributions = node.get("contributions")
    for item in contributions.new_items("contribution") if contributions is not None else ():
        yield from devfile_images(item, format_name)


def _component(component: Node, format_name: str) -> Iterator[Found]:
    for image in (component.get("image"), component.get("container", "image")):
        if image is not None and not image.is_mapping:
            found = required(image, format_name)
            if found is not None:
                yield found
    built = component.get("image", "imageName")
    if built is not None and built.scalar:
        yield skipped(built, BUILT, format_name, SkipKind.BUILT)
    for path in (("referenceContent",), ("kubernetes", "inlined"), ("openshift", "inlined")):
        inlined = component.get(*path)
        if inlined is not None:
            yield from inlined_images(inlined, format_name)
    attributes = component.get("attributes")
    if attributes is not None:
        yield from pod_images(attributes, format_name)
    yield from devfile_images(component.get("plugin"), format_name)
