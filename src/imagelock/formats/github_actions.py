"""GitHub workflows and actions: job containers, services and ``docker://`` steps.

Read: ``jobs.*.container`` and ``jobs.*.services.*``, each a text or a mapping with ``image``; ``uses``
of steps and ``runs.image`` and the ``pre-``/``post-`` steps of an action that begin with ``docker://``.
Other ``uses`` name repositories, and ``runs.image: Dockerfile`` names a file.  Follows GitHub's workflow
and action metadata syntax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.formats.candidates import required, required_behind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.text import Mark
    from imagelock.formats.tree import Document, Node
    from imagelock.model.place import Found

name = "github-actions"
summary = "GitHub workflows and actions: containers and services of jobs, docker:// in steps and actions"
marks: tuple[Mark, ...] = ("docker://", "\njobs", 'jobs"')

PREFIX = "docker://"


def claims(document: Document) -> bool:
    """Take workflows (jobs and what starts them, or a runner) and actions (a name and ``runs``)."""
    top = document.top
    if top.get("runs", "using") is not None:
        return True
    jobs = top.get("jobs")
    if jobs is None or not jobs.is_mapping:
        return False
    return top.get("on") is not None or any(job.get("runs-on") is not None for _, job in jobs.entries())


def find(document: Document) -> Iterator[Found]:
    """Yield the images of a workflow's jobs or of an action."""
    jobs, runs = document.top.get("jobs"), document.top.get("runs")
    for _, job in jobs.entries() if jobs is not None else ():
        if document.is_first("job", job.raw):
            yield from _job(job)
    if runs is not None:
        image = runs.get("image")
        yield from _docker(image)
        yield from _steps(runs.get("steps"))


def _job(job: Node) -> Iterator[Found]:
    yield from _container(job.get("container"))
    services = job.get("services")
    for _, service in (
        services.entries()
        if services is not None and services.document.is_first("services", services.raw)
        else ()
    ):
        yield from _container(service)
    yield from _steps(job.get("steps"))


def _container(node: Node | None) -> Iterator[Found]:
    """Read a container: an image, or a mapping with one."""
    image = node.get("image") if node is not None and node.is_mapping else node
    if image is not None:
        is_prefixed = (image.text or "").startswith(PREFIX)
        found = required_behind(image, PREFIX, name) if is_prefixed else required(image, name)
        if found is not None:
            yield found


def _steps(steps: Node | None) -> Iterator[Found]:
    for step in steps.new_items("step") if steps is not None else ():
        yield from _docker(step.get("uses"))


def _docker(node: Node | None) -> Iterator[Found]:
    if node is not None and (node.text or "").startswith(PREFIX):
        found = required_behind(node, PREFIX, name)
        if found is not None:
            yield found
