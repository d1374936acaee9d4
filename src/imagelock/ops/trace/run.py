"""Trace the targets of a project, each for itself: a chart that fails takes no other with it."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagelock import helm_library
from imagelock.errors import FileError, LockError
from imagelock.files import Write, decode, encode, read_bytes, write_all
from imagelock.limits import LOCK_BYTES
from imagelock.model.finding_codes import Level
from imagelock.model.outcome import Outcome, finding
from imagelock.model.trace import TracedTarget, TraceRecord
from imagelock.ops.scan.collect import TRACE_NAME
from imagelock.ops.trace.outputs import OutputShapeError
from imagelock.ops.trace.targets import Untraceable, trace_targets
from imagelock.ops.trace.tracer import trace
from imagelock.ops.trace.workspace import Workspace
from imagelock.ops.verify.render_targets import say
from imagelock.program_path import find_program
from imagelock.tracefile.reader import parse_trace
from imagelock.tracefile.writer import render_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from imagelock.model.outcome import Finding
    from imagelock.ops.project import Project
    from imagelock.ops.scan.collect import Collection
    from imagelock.ops.trace.targets import TraceTarget

STALE = "the record of traces is stale: its files changed since"
_RUN_AGAIN = "run `imagelock trace`"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRequest:
    """What a run is asked for: ``paths`` choose targets by the files and folders they lie in, none means all."""

    paths: tuple[str, ...] = ()
    edit_templates: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """The record after a run, what was rendered for it, and what is known not to be renderable."""

    record: TraceRecord
    before: bytes | None
    rendered: tuple[tuple[TracedTarget, int, float], ...]
    untraceable: tuple[Untraceable, ...]


def trace_path(project: Project) -> Path:
    """Return where the record is: beside the lock."""
    return project.lock_path.with_name(TRACE_NAME)


def read_record(project: Project) -> tuple[TraceRecord, bytes | None]:
    """Return the record and its bytes; an empty one where there is none."""
    path = trace_path(project)
    if not path.is_file():
        return TraceRecord(), None
    if path.is_symlink():
        raise LockError("a link, which is not followed", where=project.shown(path), hint="make it a file")
    data = read_bytes(path, LOCK_BYTES)
    return parse_trace(decode(data), project.shown(path)), data


def run_trace(project: Project, collection: Collection, request: TraceRequest) -> Traced:
    """Trace what changed since the record, or all with ``fresh``; the rest of the record stays."""
    record, before = read_record(project)
    items = list(trace_targets(project, collection))
    wanted = [
        item for item in items if not isinstance(item, Untraceable) and _is_wanted(item, project, request)
    ]
    names = {kind: _renderer(kind) for kind in {item.target.kind for item in wanted}}
    known = {} if request.fresh else {target.name: target for target in record.targets}
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        done = list(
            pool.map(
                lambda item: _traced(item, project, names[item.target.kind], known.get(item.name), request),
                wanted,
            )
        )
    by_name = {item.name: item for item in wanted}
    done = [
        (_with_unreached(found, by_name[found.name], project, collection), renders, seconds)
        for found, renders, seconds in done
    ]
    results = {target.name: target for target, _, _ in done}
    alive = {item.name for item in items if not isinstance(item, Untraceable)}
    kept = {target.name: target for target in record.targets if target.name in alive}
    targets = {**kept, **results}
    return Traced(
        record=TraceRecord(tuple(targets[name] for name in sorted(targets))),
        before=before,
        rendered=tuple(done),
        untraceable=tuple(item for item in items if isinstance(item, Untraceable)),
    )


def _with_unreached(
    found: TracedTarget, item: TraceTarget, project: Project, collection: Collection
) -> TracedTarget:
    """Return a trace with the references in its values that no image of the output is built from."""
    if found.problem or item.target.kind == "kustomize":
        return found
    folder = item.target.folder
    files = (
        *item.target.values,
        *(f"{folder}/{name}".removeprefix("./") for name in ("values.yaml", "values.yml")),
    )
    reached = {(part.file, part.path.rpartition(".")[0]) for image in found.images for part in image.parts}
    reached |= {(part.file, part.path) for image in found.images for part in image.parts}
    missed = []
    for file in collection.files:
        path = file.path
        if path is None or not path.is_relative_to(project.root):
            continue
        name = path.relative_to(project.root).as_posix()
        for place in file.places if name in files else ():
            above = place.path.rpartition(".")[0]
            if (name, place.path) not in reached and not (above and (name, above) in reached):
                missed.append(f"{name} {place.path}: {str(place.reference).partition('@')[0]}")
    return replace(found, unreached=tuple(sorted(missed)))


def _is_wanted(item: TraceTarget, project: Project, request: TraceRequest) -> bool:
    if not request.paths:
        return True
    files = [item.target.folder, *item.target.values, *filter(None, [item.source])]
    for given in request.paths:
        path = os.path.normpath(project.directory / given)
        for name in files:
            own = os.path.normpath(project.root / name)
            if own == path or own.startswith(f"{path}/") or path.startswith(f"{own}/"):
                return True
    return False


def _traced(
    item: TraceTarget, project: Project, renderer: str, known: TracedTarget | None, request: TraceRequest
) -> tuple[TracedTarget, int, float]:
    """Return the trace of one target, the renders and the seconds it took; a known one costs none."""
    started = time.monotonic()
    empty = TracedTarget(name=item.name, kind=item.target.kind, inputs="", renderer=renderer)
    try:
        with Workspace(project.root, item) as work:
            inputs = work.inputs(known)
            if (
                known is not None
                and known.inputs == inputs
                and known.problem is None
                and not request.edit_templates
            ):
                return known, 0, time.monotonic() - started
            try:
                found = trace(work, item, renderer, edit_templates=request.edit_templates)
            except (FileError, OutputShapeError) as error:
                words = say(error) if isinstance(error, FileError) else str(error)
                found = replace(empty, inputs=inputs, problem=words)
            return found, work.renders, time.monotonic() - started
    except FileError as error:
        return replace(empty, problem=say(error)), 0, time.monotonic() - started


def _renderer(kind: str) -> str:
    """Return the renderer's name and version."""
    if kind == "kustomize":
        commands = (["kustomize", "version"], ["kubectl", "version", "--client", "-o", "json"])
        for command in commands:
            if find_program(command[0]) is not None:
                return f"{command[0]} {_version(command)}"
        return "kustomize"
    if find_program("helm") is None and helm_library.is_installed():
        return helm_library.version()
    return f"helm {_version(['helm', 'version', '--short'])}"


def _version(command: Sequence[str]) -> str:
    program = find_program(command[0])
    if program is None:
        return "missing"
    done = subprocess.run([program, *command[1:]], capture_output=True, timeout=30, check=False)
    words = done.stdout.decode("utf-8", "replace").strip()
    if words.startswith("{"):
        words = words.partition('"kustomizeVersion"')[2].partition('"')[2].partition('"')[0]
    return words.partition("+")[0].splitlines()[0] if words else "unknown"


def stale_targets(project: Project, collection: Collection, record: TraceRecord) -> tuple[set[str], set[str]]:
    """Return the recorded targets whose inputs changed or that are gone, and the targets without a record."""
    known = {target.name: target for target in record.targets}
    current: dict[str, str] = {}
    for item in trace_targets(project, collection):
        if isinstance(item, Untraceable):
            continue
        try:
            with Workspace(project.root, item, writes=False) as work:
                current[item.name] = work.inputs(known.get(item.name))
        except FileError:
            current[item.name] = ""
    stale = {name for name, target in known.items() if current.get(name) != target.inputs}
    return stale, current.keys() - known.keys()


def check_record(project: Project, collection: Collection) -> Outcome:
    """Judge the record without rendering: stale or missing traces are findings."""
    record, _ = read_record(project)
    stale, missing = stale_targets(project, collection, record)
    found = [_stale(name, STALE) for name in sorted(stale)]
    found += [_stale(name, "nothing is recorded of it") for name in sorted(missing)]
    counts = {"targets": len(record.targets), "stale": len(stale), "missing": len(missing)}
    return Outcome(command="trace", findings=tuple(found), summary=counts)


def _stale(name: str, reason: str) -> Finding:
    return finding("IL127", f"{name}: {reason}", level=Level.ERROR, hint=_RUN_AGAIN)


def write_record(project: Project, traced: Traced) -> bool:
    """Write the record if it changed; a project with nothing to render gets none."""
    data = encode(render_trace(traced.record))
    if data == traced.before or (traced.before is None and not traced.record.targets):
        return False
    write_all([Write(trace_path(project), traced.before, data)])
    return True


def trace_outcome(traced: Traced) -> Outcome:
    """Return what a run found out: what is not proved is a warning, each with its reason."""
    targets = [target for target, _, _ in traced.rendered]
    images = [image for target in targets for image in target.images]
    found = [
        _unproved(target.name, str(image.image), image.reason)
        for target in targets
        for image in target.images
        if not image.proved
    ]
    found += [
        finding("IL124", f"{target.name} is not traced: {target.problem}")
        for target in targets
        if target.problem
    ]
    found += [finding("IL124", f"{item.name} is not traced: {item.reason}") for item in traced.untraceable]
    frozen = [image for image in images if image.edit is not None and image.edit.kind == "empty-tag"]
    summary = {
        "targets": len(targets),
        "failed": sum(1 for target in targets if target.problem),
        "images": len(images),
        "traced": sum(1 for image in images if image.parts),
        "proved": sum(1 for image in images if image.proved),
        "renders": sum(renders for _, renders, _ in traced.rendered),
    }
    return Outcome(
        command="trace", findings=tuple(found), summary=summary, advice=tuple(_advice(frozen, targets))
    )


def _unproved(name: str, image: str, reason: str | None) -> Finding:
    return finding("IL124", f"{image} of {name}: no edit is proved: {reason}", reference=image)


def _advice(frozen: Sequence[object], targets: Iterable[TracedTarget]) -> list[str]:
    said = []
    if frozen:
        said.append(
            f"{len(frozen)} empty tags stand for the chart's appVersion: pinning writes the tag too, which freezes the version"
        )
    unreached = [words for target in targets for words in target.unreached]
    if unreached:
        said.append(
            f"{len(unreached)} references in values are in no rendered image: parts that are switched off"
        )
    return said
