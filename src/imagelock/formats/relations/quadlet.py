"""Quadlet units: the Kubernetes file of a ``.kube`` unit, the Containerfile and the name of a ``.build`` unit.

Follows podman-systemd.unit(5): ``Yaml=`` of ``[Kube]``, ``File=`` and ``ImageTag=`` of ``[Build]``.  Other places to
take these from (a URL, a folder, an absolute path) are none of the project's files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.relations.base import FOLDER, Builds, ReadAs
from imagelock.lazy_regex import lazy_regex
from imagelock.model.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Text

_SUFFIXES = (".kube", ".build")
_LINE = lazy_regex(r"^(?P<key>Yaml|File|ImageTag)[ \t]*=[ \t]*(?P<value>[^\r\n]+?)[ \t\r]*$", re.MULTILINE)
_FORMATS = {"Yaml": "kubernetes", "File": "dockerfile"}


def may_say(text: Text) -> bool:
    """Take units by their suffix."""
    return text.file_name.endswith(_SUFFIXES)


def says_of_text(text: Text) -> Iterator[Statement]:
    """Yield the file that a unit names, and the name that its build gives."""
    for match in _LINE.finditer(text.content):
        value = match["value"].strip("\"'")
        if match["key"] == "ImageTag":
            reference = Reference.parse_or_none(value)
            if reference is not None:
                yield Builds(reference.name, reference.tag or "latest", FOLDER)
        elif "://" not in value and not value.startswith(("/", "%")):
            yield ReadAs(value, _FORMATS[match["key"]])
