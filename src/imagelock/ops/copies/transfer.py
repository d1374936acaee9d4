"""Carry out the plan of a copy: several blobs at once, children before parents, the tag last.

A blob that several images share is sent once, to one repository, and mounted into the others.  Memory
holds a few pieces a thread, whatever the blobs' sizes.  One image's failure is that image's result.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagelock.errors import IncompleteError, IntegrityError, RegistryError
from imagelock.model.manifest import ACCEPTED_TYPES
from imagelock.ops.copies.items import CopyStatus, Result
from imagelock.ops.copies.plan import existing_tag, failure, keep_tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.model.digest import Digest
    from imagelock.model.manifest import Descriptor
    from imagelock.ops.copies.items import CopyItem, CopyJob, Plan
    from imagelock.ops.copies.straight import Straight
    from imagelock.ops.parallel import Progress
    from imagelock.stores.base import Source, Target

STREAMS = 8
"""Blobs under way at one time, at most: more only share the same bandwidth."""
_ATTEMPTS = 2
"""A blob with a wrong digest is asked for once more, on another connection."""


@dataclass(slots=True)
class Moved:
    """What went over the wire; safe to count from many threads."""

    blobs: int = 0
    size: int = 0
    mounted: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, size: int) -> None:
        """Count one blob of so many bytes."""
        with self._lock:
            self.blobs += 1
            self.size += size

    def mount(self) -> None:
        """Count one blob that did not have to move."""
        with self._lock:
            self.mounted += 1


@dataclass(frozen=True, slots=True)
class Done:
    """Every image's result, in the order of the plan's items, and what was moved for it."""

    results: tuple[Result, ...]
    moved: Moved = field(default_factory=Moved)


def apply(
    plan: Plan,
    source: Source,
    target: Target,
    *,
    jobs: int,
    progress: Progress | None = None,
    straight: Straight | None = None,
) -> Done:
    """Copy what the plan says; every item of it has a result.

    ``straight`` knows which blobs the target can get from their files.  What is not a registry's error (a full
    disk) ends the copy and is raised.
    """
    return _Transfer(plan, source, target, progress, straight).run(min(jobs, STREAMS))


@dataclass(slots=True)
class _Blob:
    """One blob to send, the repositories that need it, and the jobs that wait for it."""

    descriptor: Descriptor
    sources: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Label:
    """The name of a blob for people: an image it belongs to, and the first characters of its digest."""

    item: CopyItem
    blob: _Blob

    def __str__(self) -> str:
        return f"{self.item.reference} {self.blob.descriptor.digest.short}"


class _Pieces:
    """A blob's bytes, read again on each iteration: what a registry refused halfway can be sent again."""

    def __init__(
        self,
        source: Source,
        repository: str,
        descriptor: Descriptor,
        stop: threading.Event,
        progress: Progress | None,
    ) -> None:
        self._source = source
        self._repository = repository
        self._descriptor = descriptor
        self._stop = stop
        self._progress = progress

    def __iter__(self) -> Iterator[bytes]:
        position = 0
        for piece in self._source.open_blob(self._repository, self._descriptor):
            if self._stop.is_set():
                raise RegistryError("interrupted")
            position += len(piece)
            if self._progress is not None:
                self._progress.reach(position)
            yield piece


class _Transfer:
    """The state of one run; methods with a leading verb run in worker threads."""

    def __init__(
        self,
        plan: Plan,
        source: Source,
        target: Target,
        progress: Progress | None,
        straight: Straight | None,
    ) -> None:
        self._plan = plan
        self._straight = straight
        self._source = source
        self._target = target
        self._progress = progress
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._moved = Moved()
        self._results: dict[int, Result] = {}
        self._errors: dict[int, RegistryError] = {}
        self._blobs = _blobs(plan)
        self._waiting = [len(job.blobs) for job in plan.jobs]

    def run(self, threads: int) -> Done:
        if self._progress is not None:
            self._progress.expect(len(self._plan.jobs), sum(blob.descriptor.size for blob in self._blobs))
        with ThreadPoolExecutor(threads, thread_name_prefix="copy") as pool:
            tasks = [pool.submit(self._send, blob) for blob in self._blobs]
            tasks += [pool.submit(self._end, i) for i, job in enumerate(self._plan.jobs) if not job.blobs]
            try:
                for task in tasks:
                    task.result()
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        found = {one.item: one for one in (*self._plan.settled, *self._results.values())}
        return Done(tuple(found[item] for item in self._plan.items), self._moved)

    def _send(self, blob: _Blob) -> None:
        """Bring one blob to every repository that needs it, then end the images that waited for it only."""
        error = None
        if self._progress is not None:
            self._progress.start(_Label(self._plan.jobs[blob.jobs[0]].item, blob), blob.descriptor.size)
        try:
            self._distribute(blob)
        except RegistryError as problem:
            error = problem
        if self._progress is not None:
            self._progress.end()
        ready = []
        with self._lock:
            for number in blob.jobs:
                self._waiting[number] -= 1
                if error is not None:
                    self._errors.setdefault(number, error)
                if not self._waiting[number]:
                    ready.append(number)
        for number in ready:
            self._end(number)

    def _distribute(self, blob: _Blob) -> None:
        digest = blob.descriptor.digest
        # The source may be the same registry; a target tells by itself whether it is.
        near = self._plan.known.get(digest, blob.sources[0])
        for repository in blob.targets:
            if self._target.mount(repository, digest, near):
                self._moved.mount()
            else:
                self._stream(blob, repository)
            near = repository

    def _stream(self, blob: _Blob, repository: str) -> None:
        straight = self._straight
        if straight is None or not straight.send(blob.descriptor, repository, self._stop, self._progress):
            self._send_hashed(blob, repository)
        self._moved.add(blob.descriptor.size)

    def _send_hashed(self, blob: _Blob, repository: str) -> None:
        pieces = _Pieces(self._source, blob.sources[0], blob.descriptor, self._stop, self._progress)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._target.put_blob(repository, blob.descriptor, pieces)
            except IntegrityError:
                if attempt == _ATTEMPTS:
                    raise
            else:
                break

    def _end(self, number: int) -> None:
        """Put an image's manifests and its tag, once all blobs are there."""
        job, error = self._plan.jobs[number], self._errors.get(number)
        try:
            result = failure(job.item, error) if error is not None else self._finish_image(job)
        except RegistryError as problem:
            result = failure(job.item, problem)
        with self._lock:
            self._results[number] = result
            if self._progress is not None:
                self._progress.advance()

    def _finish_image(self, job: CopyJob) -> Result:
        """Put children, then the image itself with its tag, unless someone took the tag meanwhile."""
        item, root = job.item, job.tree.root
        for content in job.manifests:
            if content is not root:
                self._target.put_manifest(item.target, content, absent=job.tree.absent)
        taken = existing_tag(self._target, item)
        if taken is not None and (taken.verdict is CopyStatus.CONFLICT or not (job.manifests or job.blobs)):
            return taken
        if item.tag is None and not (job.manifests or job.blobs):
            return Result(item=item, verdict=CopyStatus.THERE)
        absent = job.tree.absent
        try:
            self._target.put_manifest(item.target, root, item.tag, absent=absent)
        except IncompleteError:
            if absent:
                self._keep_parts(job)
            raise
        return Result(item=item, verdict=CopyStatus.COPIED)

    def _keep_parts(self, job: CopyJob) -> None:
        """Tag the platforms of an index that was refused, so that they are not collected."""
        for content in job.tree.manifests:
            if content is not job.tree.root and content.media_type in ACCEPTED_TYPES:
                self._target.put_manifest(job.item.target, content, keep_tag(content.digest))


def _blobs(plan: Plan) -> list[_Blob]:
    """Return every blob to send once, in the order of the images, with all who need it."""
    found: dict[Digest, _Blob] = {}
    for number, job in enumerate(plan.jobs):
        for descriptor in job.blobs:
            blob = found.setdefault(descriptor.digest, _Blob(descriptor))
            blob.jobs.append(number)
            blob.sources.append(job.item.source)
            if job.item.target not in blob.targets:
                blob.targets.append(job.item.target)
    return list(found.values())
