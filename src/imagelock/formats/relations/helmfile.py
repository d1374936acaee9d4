"""Helmfiles: the values files of their releases and environments.

Read line by line, because most helmfiles are templates: a path below ``values`` or ``secrets``, alone in its item.
What a template puts into the path stands for anything.  Follows helmfile's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.relations.base import ReadAs
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Text

_NAME = lazy_regex(r"helmfile.*\.ya?ml(?:\.gotmpl)?")
_LINE = lazy_regex(r"^(?P<indent>[ ]*)(?:(?P<key>[\w.-]+):[ \t]*(?:#.*)?$|-[ ]+(?P<path>[^\s#][^\n#]*))", 8)
_ACTION = lazy_regex(r"\{\{[^}]*\}\}")
_FILES = (".yaml", ".yml", ".gotmpl", ".json")


def may_say(text: Text) -> bool:
    """Take helmfiles by their name or folder."""
    folder = text.path.rpartition("/")[0].rpartition("/")[2]
    return _NAME.fullmatch(text.file_name) is not None or folder == "helmfile.d"


def says_of_text(text: Text) -> Iterator[Statement]:
    """Yield the files below ``values``."""
    key, depth = "", 0
    for match in _LINE.finditer(text.content):
        indent = len(match["indent"])
        if match["key"] is not None:
            key, depth = match["key"], indent
        elif key == "values" and indent >= depth:
            path = _ACTION.sub("*", match["path"].strip().strip("\"'"))
            if path.endswith(_FILES) and ":" not in path:
                yield ReadAs(path, "helm-values")
