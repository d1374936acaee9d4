"""Cirrus CI: the containers of tasks, global ones and those of a matrix.

Known by the file's name, ``.cirrus.yml``: the tool reads no other.  Read: ``image`` of ``container``,
``arm_container``, ``windows_container`` and ``additional_containers``; the instances beside them run virtual
machines.  ``${VAR}`` is set by the tool.  Follows "Writing Tasks" of Cirrus CI's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark, Text
    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found

name = "cirrus-ci"
summary = "Cirrus CI: containers of tasks, global ones and those of a matrix"
marks: tuple[Mark, ...] = ("image",)

_CONTAINERS = ("container", "arm_container", "windows_container", "additional_containers")
VARIABLE = "a variable of the task"


def matches_name(text: Text) -> bool:
    """Take the file that the tool reads."""
    return text.file_name in (".cirrus.yml", ".cirrus.yaml")


def claims(document: Document) -> bool:
    """Take every mapping, and the lists of tasks that older files are."""
    return document.top.is_mapping or document.top.is_sequence


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every container, one for each line of its matrix."""
    for _, value in document.top.values_of(*_CONTAINERS):
        matrix = value.get("matrix")
        variants = (matrix, *matrix.new_items("variant")) if matrix is not None else ()
        for container in (value, *value.new_items("container"), *variants):
            image = container.get("image")
            for node in (image, *image.new_items("image")) if image is not None else ():
                found = None if node.is_sequence else required(node, name, variables=VARIABLE)
                if found is not None:
                    yield found
