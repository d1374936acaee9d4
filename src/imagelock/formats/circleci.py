"""CircleCI pipelines: images of ``docker`` executors, in jobs and in ``executors``.

Read: ``image`` of every item of ``docker`` below a job or executor.  ``machine.image`` and
``macos.xcode`` name virtual machines, and ``<< parameters.x >>`` is a template.  Follows CircleCI's
configuration reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.candidates import required

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.text import Mark
    from imagelock.formats.tree import Document
    from imagelock.model.place import Found

name = "circleci"
summary = "CircleCI pipelines: docker images of jobs and executors"
marks: tuple[Mark, ...] = ("\njobs", "\nexecutors", 'jobs"')

_SECTIONS = ("jobs", "executors")


def claims(document: Document) -> bool:
    """Take documents with a version whose jobs or executors run in ``docker``."""
    top = document.top
    if top.get("version") is None:
        return False
    sections = [section for key in _SECTIONS if (section := top.get(key)) is not None]
    return any(
        (docker := body.get("docker")) is not None and docker.is_sequence
        for section in sections
        for _, body in section.entries()
    )


def find(document: Document) -> Iterator[Found]:
    """Yield the images of executors and jobs, those in ``docker`` lists."""
    for key in _SECTIONS:
        section = document.top.get(key)
        for _, body in section.entries() if section is not None else ():
            docker = body.get("docker")
            for item in docker.new_items("docker") if docker is not None else ():
                image = item.get("image")
                found = required(image, name) if image is not None else None
                if found is not None:
                    yield found
