"""GitLab pipelines: ``image`` and ``services`` of the file, of ``default`` and of every job.

Both may be texts or mappings with ``name``; hidden jobs (``.name``) count, because others extend them.
A file that an ``include`` names is recognised by its jobs like any other.  An image that is one variable
leads to the values that the file gives it, in ``variables`` or a job's matrix; other variables are skipped,
and ``!reference`` points to another place of the pipeline.  Follows GitLab's CI/CD YAML syntax reference.
"""

from __future__ import annotations

import re
from collections import ChainMap, defaultdict
from typing import TYPE_CHECKING

from imagelock.formats.classify.candidates import required, skipped
from imagelock.formats.classify.defaults import GITLAB, followed
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import SkipKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Mark
    from imagelock.formats.syntax.tree import Document, Node
    from imagelock.model.place import Found

name = "gitlab-ci"
summary = "GitLab pipelines: image and services, global, of default, of jobs and hidden jobs"
marks: tuple[Mark, ...] = (
    *("\nimage", "\nservices", "\ndefault", "\n."),
    *(" script:", "_script:", "{script:", 'script":', "\nspec"),
)

_FILE_NAME = lazy_regex(r"(?:.*\.)?gitlab-ci(?:[._-].*)?\.ya?ml", re.IGNORECASE)
_SCRIPTS = ("script", "before_script", "after_script", "run")
_JOB_KEYS = frozenset(
    [
        *("after_script", "allow_failure", "artifacts", "before_script", "cache", "coverage", "dependencies"),
        *("environment", "except", "extends", "hooks", "id_tokens", "identity", "image", "inherit"),
        *("interruptible", "manual_confirmation", "needs", "only", "pages", "parallel", "release"),
        *("resource_group", "retry", "rules", "run", "script", "secrets", "services", "stage", "start_in"),
        *("tags", "timeout", "trigger", "variables", "when", "dast_configuration", "<<"),
    ]
)
_NO_JOBS = frozenset(["variables", "workflow", "include", "stages", "spec", "cache", "image", "services"])
VARIABLE = "a variable of the pipeline"
# The whole text must be one variable: only then its value is the image.
_WHOLE = lazy_regex(r"\$(?:(?P<bare>\w+)|\{(?P<braced>\w+)\})", re.ASCII)
INPUT = "an input: the image is its default, where the file declares one"
_INPUT = lazy_regex(r"\$\[\[\s*inputs\.(?P<name>[\w-]+)[^\]]*\]\]", re.ASCII)
_INPUT_IMAGE = lazy_regex(
    r"^[ ]*(?:- )?(?:image|name):[ ]+[\"']?\$\[\[\s*inputs\.(?P<name>[\w-]+)\s*\]\][\"']?[ ]*$",
    re.ASCII | re.MULTILINE,
)
"""Where an image is an input and nothing else."""
REFERENCED = "a !reference to another place of the pipeline"
_REFERENCE_TAG = "!reference"


def claims(document: Document) -> bool:
    """Take files by their name, and documents of jobs: their keys are GitLab's, and one runs a script."""
    top = document.top
    if top.get("apiVersion") is not None or not top.is_mapping:
        return False
    if _FILE_NAME.fullmatch(document.text.file_name) or _is_header(document):
        return True
    jobs = [(key, job) for key, job in top.entries() if key not in _NO_JOBS and job.is_mapping]
    return bool(jobs) and all(_is_job(key, job) for key, job in jobs) and any(_is_plain(*job) for job in jobs)


def _is_job(key: str, job: Node) -> bool:
    return key.startswith(".") or all(name in _JOB_KEYS for name, _ in job.entries())


def _is_plain(key: str, job: Node) -> bool:
    """Whether this is a job beyond doubt: it runs a script, or is hidden and names what it runs in."""
    if any(job.get(script) is not None for script in _SCRIPTS):
        return True
    return key.startswith(".") and all(name in _JOB_KEYS for name, _ in job.entries())


def _is_header(document: Document) -> bool:
    """Whether this is the header of a file, which declares the inputs of what follows."""
    top = document.top
    inputs = top.get("spec", "inputs")
    return inputs is not None and list(top.keys()) == ["spec"] and "$[[" in document.text.content


def _inputs(document: Document) -> Iterator[Found]:
    """Yield the defaults of the inputs that an image of the file is made of."""
    used = {match["name"] for match in _INPUT_IMAGE.finditer(document.text.content)}
    inputs = document.top.get("spec", "inputs")
    for key, item in inputs.entries() if inputs is not None else ():
        default = item.get("default") if key in used else None
        found = required(default, name, variables=VARIABLE) if default is not None and default.text else None
        if found is not None:
            yield found


def find(document: Document) -> Iterator[Found]:
    """Yield the images of the file itself, then those of its jobs."""
    if _is_header(document):
        yield from _inputs(document)
        return
    top = document.top
    jobs = [("", top), *((key, job) for key, job in top.entries() if key not in _NO_JOBS)]
    variables = _Variables()
    for key, job in jobs:
        if document.is_first("variables", job.raw):
            variables.add(job, is_shared=key in ("", "default") or key.startswith("."))
    for _, job in jobs:
        if document.is_first("job", job.raw):
            yield from _job(job, variables)


class _Variables:
    """The values that a file gives its variables, each of them a place once.

    A job's own come first, then those of the file, of its defaults and of hidden jobs, which others extend;
    where neither has the variable, those of all other jobs.
    """

    def __init__(self) -> None:
        self._own: dict[int, dict[str, list[Node]]] = {}
        self._shared: defaultdict[str, list[Node]] = defaultdict(list)
        self._others: defaultdict[str, list[Node]] = defaultdict(list)
        self._reported: set[tuple[int, str]] = set()

    def add(self, owner: Node, *, is_shared: bool) -> None:
        """Take note of the variables of a job, or of the file itself."""
        own: defaultdict[str, list[Node]] = defaultdict(list)
        rows = owner.get("parallel", "matrix")
        for row in (owner.get("variables"), *(rows.new_items("row") if rows is not None else ())):
            if row is None or not row.document.is_first("row of variables", row.raw):
                continue
            for key, value in row.entries():
                written = value.get("value") if value.is_mapping else value
                for node in (written, *written.new_items("value")) if written is not None else ():
                    if node.text:
                        own[key].append(node)
        self._own[id(owner.raw)] = own
        for key, nodes in own.items():
            (self._shared if is_shared else self._others)[key] += nodes

    def seen_by(self, owner: Node) -> ChainMap[str, list[Node]]:
        """Return the values that count in a job, by the variable."""
        return ChainMap(
            *(dict(known) for known in (self._own.get(id(owner.raw), {}), self._shared, self._others))
        )

    def lead(self, text: str, owner: Node) -> list[Node] | None:
        """Return where the values of a text that is one variable are; nothing the second time, None without any."""
        match = _WHOLE.fullmatch(text.strip())
        variable = (match["bare"] or match["braced"]) if match is not None else ""
        own = self._own.get(id(owner.raw), {})
        known = next((values for values in (own, self._shared, self._others) if variable in values), None)
        if known is None:
            return None
        if (id(known), variable) in self._reported:
            return []
        self._reported.add((id(known), variable))
        return known[variable]


def _job(job: Node, variables: _Variables) -> Iterator[Found]:
    for key, value in job.entries():
        if key == "image":
            yield from _image(value, job, variables)
        elif key == "services" and value.raw.tag == _REFERENCE_TAG:
            yield skipped(value, REFERENCED, name, SkipKind.TEMPLATE)
        elif key == "services":
            for service in value.new_items("service"):
                yield from _image(service, job, variables)


def _image(node: Node, job: Node, variables: _Variables) -> Iterator[Found]:
    image = node.get("name") if node.is_mapping else node
    if image is None:
        return
    if image.raw.tag == _REFERENCE_TAG:
        yield skipped(image, REFERENCED, name, SkipKind.TEMPLATE)
        return
    values = variables.lead(image.text or "", job)
    is_declared = "inputs:" in image.document.text.content
    if values is None and is_declared and _INPUT.search(image.text or "") is not None:
        yield skipped(image, INPUT, name, SkipKind.REPLACED)
        return
    if values is None and _WHOLE.fullmatch(image.text or "") is None and GITLAB.search(image.text or ""):
        yield from followed(image, GITLAB, variables.seen_by(job), name, VARIABLE)
        return
    if values is not None:
        image.document.taken.add(image.offset)
    for value in (image,) if values is None else values:
        found = required(value, name, variables=VARIABLE)
        if found is not None:
            yield found
