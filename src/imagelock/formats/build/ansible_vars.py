"""Variables of Ansible: images by their value in files of ``vars``, ``defaults``, ``group_vars`` and ``host_vars``.

A variable has any name, so only its value tells an image: a registry's host, and a tag or digest.  ``{{ … }}`` is
filled in by Ansible, and such texts are left.  Follows the layout of roles and inventories in Ansible's
documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.by_value import is_image
from imagelock.formats.classify.candidates import possible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark, Text
    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found

name = "ansible-vars"
summary = "Ansible variables: images by their value in vars, defaults, group_vars and host_vars"
marks: tuple[Mark, ...] = ("/",)

_FOLDERS = frozenset(("vars", "defaults", "group_vars", "host_vars"))
_SUFFIXES = (".yml", ".yaml")


def matches_name(text: Text) -> bool:
    """Take YAML files below a folder that Ansible reads variables from."""
    return text.file_name.endswith(_SUFFIXES) and not _FOLDERS.isdisjoint(text.path.split("/")[:-1])


def claims(document: Document) -> bool:
    """Take mappings that are no object of Kubernetes."""
    top = document.top
    return top.is_mapping and top.get("apiVersion") is None and top.get("kind") is None


def find(document: Document) -> Iterator[Found]:
    """Yield the values that are images."""
    for node in document.top.walk():
        if node.text is not None and is_image(node.text):
            place = possible(node, name)
            if place is not None:
                yield place
