"""Custom resources whose schema has an image outside pod specs: a table of group, kind and path.

The pod specs inside such an object, and the containers that it lists beside them, are read as in every
other object.  What the table does not know is a ``[[scan.rule]]``.  Adding a kind costs one line; its
sources are the API references of the projects, named at each group.  An image that an operator itself puts
together from ``repository`` and ``version`` keys is not in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.formats.build.dockerfile_inside import dockerfile_images
from imagelock.formats.classify.candidates import required_behind, skipped
from imagelock.formats.classify.objects import group_of, kind_of, objects, parameter_reason
from imagelock.formats.kubernetes.custom_resource_table import KINDS
from imagelock.formats.kubernetes.objects import pod_images, side_images
from imagelock.formats.kubernetes.template_parameters import with_parameters
from imagelock.model.place import SkipKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.kubernetes.custom_resource_table import Row
    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "custom-resources"
summary = "custom resources of known operators: images outside pod specs, by a table of kinds and paths"
_GROUPS = sorted({row.group for row in KINDS if row.group})
marks: tuple[Mark, ...] = (
    "BuildConfig",
    "ImageStream",
    re.compile(rf"apiVersion[\"']?[ \t]*:[ \t]*[\"']?(?:{'|'.join(map(re.escape, _GROUPS))})/"),
)

_ROWS: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
for _row in KINDS:
    for _kind in _row.kinds:
        _ROWS[_row.group, _kind].append(_row)

_SCHEMES = ("docker://", "oci://")
_ELSEWHERE = ("http://", "https://", "file://", "oci-archive://")
"""Schemes of what no registry serves; a key of a URL may take them too."""
_REGISTRY_IMAGE = "DockerImage"
"""The kind of a ``from`` that names an image of a registry; others name objects of the cluster."""
BUILT = "the name of an image that this resource builds"
VARIABLE = "a parameter of a build strategy"


def claims(document: Document) -> bool:
    """Take documents with an object that the table knows."""
    return any((group_of(item), kind_of(item)) in _ROWS for item in objects(document))


def find(document: Document) -> Iterator[Found]:
    """Yield the images at the table's paths, then those of pod specs."""
    variables = parameter_reason(document)
    for item in objects(document):
        yield from dockerfile_images(item.get("spec", "source", "dockerfile"), name)
        for row in _ROWS.get((group_of(item), kind_of(item)), ()):
            for path in row.paths:
                for node in _nodes(item, path):
                    yield from with_parameters(_image(node, variables), document, name)
            for path in row.built:
                yield from (
                    skipped(node, BUILT, name, SkipKind.BUILT) for node in _nodes(item, path) if node.scalar
                )
    yield from with_parameters(pod_images(document.top, name, variables=variables), document, name)
    yield from side_images(document.top, name, variables=variables)


def _nodes(item: Node, path: str) -> Iterator[Node]:
    """Yield the nodes at a path; a ``from`` that names no image of a registry is left out."""
    nodes = [item]
    keys = path.split(".")
    for i, key in enumerate(keys):
        bare = key.removesuffix("[]").removesuffix("{}")
        nodes = [value for node in nodes if (value := node.get(bare)) is not None]
        if key.endswith("[]"):
            nodes = [inner for node in nodes for inner in node.new_items(path)]
        elif key.endswith("{}"):
            nodes = [inner for node in nodes for _, inner in node.entries()]
        if key == "from" and i == len(keys) - 2:
            nodes = [node for node in nodes if kind_of(node) == _REGISTRY_IMAGE]
    yield from nodes


def _image(node: Node, variables: str | None) -> Iterator[Found]:
    text = node.text or ""
    if text.startswith(_ELSEWHERE):
        return
    prefix = next((scheme for scheme in _SCHEMES if text.startswith(scheme)), "")
    reason = variables or (VARIABLE if text.startswith("$(") else None)
    found = required_behind(node, prefix, name, variables=reason)
    if found is not None:
        yield found
