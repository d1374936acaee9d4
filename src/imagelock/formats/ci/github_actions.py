"""GitHub workflows and actions: job containers, services and ``docker://`` steps.

Read: ``jobs.*.container`` and ``jobs.*.services.*``, each a text or a mapping with ``image``; ``uses``
of steps and ``runs.image`` and the ``pre-``/``post-`` steps of an action that begin with ``docker://``.
``${{ matrix.x }}`` leads to the values of the job's matrix and ``${{ inputs.x }}`` to the input's default.
The inputs of a few actions that make containers of them.  Other ``uses`` name repositories, and ``runs.image: Dockerfile`` names a file.  Follows GitHub's workflow
and action metadata syntax.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required, required_behind, skipped
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import SkipKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "github-actions"
summary = "GitHub workflows and actions: containers and services of jobs, docker:// in steps and actions"
marks: tuple[Mark, ...] = ("docker://", "\njobs", 'jobs"')

PREFIX = "docker://"
PUT_TOGETHER = "a template: put together from values that the workflow has when it runs"
NO_VALUE = "a template: no value for it is written in this file"
# The whole text must be one expression: only then its value is the image.
_LOOKUP = lazy_regex(r"\$\{\{\s*(?P<root>matrix|inputs)\.(?P<path>[\w.-]+)\s*\}\}", re.ASCII)
_TRIGGERS = ("workflow_call", "workflow_dispatch")
_INPUTS = {
    "docker/setup-qemu-action": ("image",),
    "helm/kind-action": ("node_image",),
    "engineerd/setup-kind": ("image",),
    "container-tools/kind-action": ("node_image",),
}
"""Actions that make a container of an input, and take a digest there."""


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
            yield from _job(_Job(job))
    if runs is not None:
        image = runs.get("image")
        yield from _docker(image)
        yield from _steps(runs.get("steps"))


@dataclass(frozen=True)
class _Job:
    """A job and what its expressions lead to; each of them is followed once."""

    node: Node
    led: dict[str, bool] = field(default_factory=dict)
    """Whether an expression had values."""

    def values(self, root: str, path: str) -> Iterator[Node]:
        """Yield the texts that an expression stands for, as far as they are written in this file."""
        values = self._matrix(path) if root == "matrix" else self._defaults(path)
        return (value for value in values if value.text)

    def _matrix(self, path: str) -> Iterator[Node]:
        """Yield what the matrix has under a dotted path, in its list and in what it includes."""
        first, _, rest = path.partition(".")
        keys = rest.split(".") if rest else []
        matrix = self.node.get("strategy", "matrix")
        values = matrix.get(first) if matrix is not None else None
        included = matrix.get("include") if matrix is not None else None
        for item in values.new_items(f"matrix {path}") if values is not None else ():
            value = item.get(*keys)
            if value is not None:
                yield value
        for item in included.new_items(f"matrix {path}") if included is not None else ():
            value = item.get(first, *keys)
            if value is not None:
                yield value

    def _defaults(self, path: str) -> Iterator[Node]:
        for trigger in _TRIGGERS:
            default = self.node.document.top.get("on", trigger, "inputs", path, "default")
            if default is not None:
                yield default


def _job(job: _Job) -> Iterator[Found]:
    yield from _container(job.node.get("container"), job)
    services = job.node.get("services")
    for _, service in (
        services.entries()
        if services is not None and services.document.is_first("services", services.raw)
        else ()
    ):
        yield from _container(service, job)
    yield from _steps(job.node.get("steps"))


def _container(node: Node | None, job: _Job) -> Iterator[Found]:
    """Read a container: an image, or a mapping with one."""
    image = node.get("image") if node is not None and node.is_mapping else node
    if image is not None and "${{" in (image.text or ""):
        yield from _looked_up(image, job)
    elif image is not None:
        is_prefixed = (image.text or "").startswith(PREFIX)
        found = required_behind(image, PREFIX, name) if is_prefixed else required(image, name)
        if found is not None:
            yield found


def _looked_up(image: Node, job: _Job) -> Iterator[Found]:
    """Follow an expression to the values it can have; each of them is a place."""
    if not image.document.is_first("judged", image.raw):
        return
    match = _LOOKUP.fullmatch((image.text or "").strip())
    if match is None:
        yield skipped(image, PUT_TOGETHER, name, SkipKind.TEMPLATE)
        return
    expression = f"{match['root']}.{match['path']}"
    is_new = expression not in job.led
    values = list(job.values(match["root"], match["path"])) if is_new else []
    if not job.led.setdefault(expression, bool(values)):
        yield skipped(image, NO_VALUE, name, SkipKind.TEMPLATE)
        return
    image.document.taken.add(image.offset)
    for value in values:
        found = required(value, name)
        if found is not None:
            yield found


def _steps(steps: Node | None) -> Iterator[Found]:
    for step in steps.new_items("step") if steps is not None else ():
        uses = step.get("uses")
        yield from _docker(uses)
        action = "" if uses is None else (uses.text or "").partition("@")[0]
        for key in _INPUTS.get(action, ()):
            yield from _input(step.get("with", key))


def _input(node: Node | None) -> Iterator[Found]:
    """Read what an action that runs a container is given as its image."""
    if node is not None and "${{" in (node.text or ""):
        yield skipped(node, PUT_TOGETHER, name, SkipKind.TEMPLATE)
    elif node is not None and (found := required(node, name)) is not None:
        yield found


def _docker(node: Node | None) -> Iterator[Found]:
    if node is not None and (node.text or "").startswith(PREFIX):
        found = required_behind(node, PREFIX, name)
        if found is not None:
            yield found
