"""ko: the images that Go programs are put on.

Read: ``defaultBaseImage`` and the values of ``baseImageOverrides`` of ``.ko.yaml``.  ko takes a tag with its digest.
Follows "Configuration" of ko's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document
    from imagelock.model.place import Found

name = "ko"
summary = "ko: defaultBaseImage and baseImageOverrides"
marks: tuple[Mark, ...] = ("defaultBaseImage", "baseImageOverrides")

VARIABLE = "a variable that is filled in before ko reads the file"


def claims(document: Document) -> bool:
    """Take mappings with one of ko's keys at the top, and no Kubernetes objects."""
    top = document.top
    return top.get("apiVersion") is None and any(
        top.get(key) is not None for key in marks if isinstance(key, str)
    )


def find(document: Document) -> Iterator[Found]:
    """Yield the default and the overrides."""
    default, overrides = document.top.get("defaultBaseImage"), document.top.get("baseImageOverrides")
    values = [] if overrides is None else [value for _, value in overrides.entries()]
    for node in ([] if default is None else [default]) + values:
        found = required(node, name, variables=VARIABLE)
        if found is not None:
            yield found
