"""Google Cloud Build: the builders of the steps.

Every step runs in the image that its ``name`` is; ``images`` and ``-t`` name what is built.  ``$PROJECT_ID``
is a substitution that the service makes, ``${_NAME}`` one
whose default the file may give.  Follows Cloud Build's build config file schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.formats.classify.defaults import CLOUD_BUILD, followed, named_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "cloud-build"
summary = "Google Cloud Build: the builders of the steps"
marks: tuple[Mark, ...] = ("\nsteps", '"steps"')

_TOP_KEYS = frozenset(
    [
        *("steps", "timeout", "queueTtl", "logsBucket", "options", "substitutions", "tags", "serviceAccount"),
        *("secrets", "availableSecrets", "artifacts", "images", "dependencies", "gitSource", "gitConfig"),
    ]
)
_RUNS = ("args", "entrypoint", "script")
SUBSTITUTION = "a substitution that Cloud Build makes"


def claims(document: Document) -> bool:
    """Take documents of Cloud Build's keys whose steps all have a name, one of them with a path and words."""
    top = document.top
    steps = top.get("steps")
    if steps is None or not _TOP_KEYS.issuperset(top.keys()):
        return False
    items = list(steps.items())
    return all(item.get("name") is not None for item in items) and any(map(_is_step, items))


def _is_step(item: Node) -> bool:
    builder = item.get("name")
    return (
        builder is not None
        and "/" in (builder.text or "")
        and any(item.get(key) is not None for key in _RUNS)
    )


def find(document: Document) -> Iterator[Found]:
    """Yield the builder of each step."""
    values = {key: [value] for key, value in named_values(document.top.get("substitutions"))}
    steps = document.top.get("steps")
    for step in steps.new_items("step") if steps is not None else ():
        builder = step.get("name")
        if builder is not None and CLOUD_BUILD.search(builder.text or "") is not None:
            yield from followed(builder, CLOUD_BUILD, values, name, SUBSTITUTION)
            continue
        found = required(builder, name, variables=SUBSTITUTION) if builder is not None else None
        if found is not None:
            yield found
