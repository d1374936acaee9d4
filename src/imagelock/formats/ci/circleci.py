"""CircleCI pipelines: images of ``docker`` executors, in jobs and in ``executors``.

Read: ``image`` of every item of ``docker``, in a job, in an executor, or in defaults that an anchor carries
into them.  ``machine.image`` and ``macos.xcode`` name virtual machines, and ``<< parameters.x >>`` leads to the defaults
of the parameters of that name.  Follows CircleCI's
configuration reference.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required
from imagelock.formats.classify.defaults import CIRCLECI, followed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "circleci"
summary = "CircleCI pipelines: docker images of jobs and executors"
marks: tuple[Mark, ...] = ("\njobs", "\nexecutors", 'jobs"')

PARAMETER = "a parameter without a default"
_SECTIONS = ("jobs", "executors")


def claims(document: Document) -> bool:
    """Take documents with a version and with jobs or executors, of which one runs in ``docker``."""
    top = document.top
    if top.get("version") is None or not any(
        section.is_mapping for key in _SECTIONS if (section := top.get(key)) is not None
    ):
        return False
    return any(
        item.get("image") is not None for _, docker in top.values_of("docker") for item in docker.items()
    )


def find(document: Document) -> Iterator[Found]:
    """Yield the images of every ``docker`` list."""
    values: defaultdict[str, list[Node]] = defaultdict(list)
    for _, parameters in document.top.values_of("parameters"):
        for key, parameter in parameters.entries():
            if (default := parameter.get("default")) is not None and default.text:
                values[key].append(default)
    for _, docker in document.top.values_of("docker"):
        for item in docker.new_items("docker"):
            image = item.get("image")
            if image is not None and CIRCLECI.search(image.text or "") is not None:
                yield from followed(image, CIRCLECI, values, name, PARAMETER)
                continue
            found = required(image, name) if image is not None else None
            if found is not None:
                yield found
