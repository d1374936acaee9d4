"""From names to digests: many questions at once, each answered, failed or left open, none lost."""

from __future__ import annotations

import _thread
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from imagelock.errors import IntegrityError, RegistryError, ValueFormError
from imagelock.limits import CONFIG_BYTES, INDEX_CHILDREN, INDEX_DEPTH
from imagelock.model.digest import same_digest
from imagelock.model.lock import LockedImage, PlatformImage
from imagelock.model.manifest import CONFIG_TYPES, Index, Manifest, parse_config_platform, parse_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from imagelock.model.digest import Digest
    from imagelock.model.manifest import Descriptor
    from imagelock.model.platform import Platform
    from imagelock.registry.store import ManifestReader

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

THREADS = 64
"""Threads at most, whatever the number of hosts; a host's own connections are limited by the client."""


class Progress(Protocol):
    """What is told while many things are asked: one call for each that is answered."""

    def advance(self, what: str) -> None:
        """Say that one more is done."""


@dataclass(frozen=True, slots=True)
class Want:
    """One thing to resolve: a name with a tag, with a digest to prove, or with both.

    With both, the digest is read and the tag is only recorded.
    """

    name: str
    tag: str | None
    digest: Digest | None

    @property
    def shown(self) -> str:
        """The want as a reference."""
        tag = "" if self.tag is None else f":{self.tag}"
        return f"{self.name}{tag}" + ("" if self.digest is None else f"@{self.digest}")


@dataclass(frozen=True, slots=True)
class Failed:
    """A want that was not answered, and why."""

    error: RegistryError


Resolved: TypeAlias = LockedImage | Failed


@dataclass(frozen=True, slots=True)
class Detail:
    """How much to read of each image: configs of these platforms, or of all with ``full``."""

    platforms: tuple[Platform, ...] = ()
    full: bool = False

    def is_lacking_in(self, image: LockedImage) -> bool:
        """Whether an entry of the lock does not know all that is asked for."""
        if image.media_type is None:
            return True
        return any(part.config is None and self.wants_config(part.platform) for part in image.platforms)

    def wants_config(self, platform: Platform) -> bool:
        """Whether the config digest of this platform shall be known."""
        return self.full or any(platform.satisfies(wanted) for wanted in self.platforms)


def ask_all(
    asks: Sequence[Ask], answer: Callable[[Ask], Answer], *, jobs: int, hosts: int, progress: Progress | None
) -> list[Answer]:
    """Answer everything with threads, in the order asked; what ``answer`` raises ends it all.

    Nobody waits then for what has begun, nor on an interrupt or at the end of the process: a silent
    registry would hold it up for its whole deadline.
    """
    crew = _Crew(asks, answer, progress)
    try:
        return crew.answers(_start(crew.work, min(THREADS, len(asks), jobs * max(hosts, 1))))
    except BaseException:
        crew.dismiss()
        raise


def _start(work: Callable[[], None], count: int) -> int:
    """Start threads and return how many: where a container has no room for more, fewer do the work.

    The ``threading`` module waits until each one runs; with 64 that takes as long as two round trips.
    """
    for number in range(count):
        try:
            _thread.start_new_thread(work, ())
        except RuntimeError:
            if number == 0:
                raise
            return number
    return count


class _Crew(Generic[Ask, Answer]):
    """Threads that answer one list of questions; a future for each would cost as much as asking."""

    def __init__(
        self, asks: Sequence[Ask], answer: Callable[[Ask], Answer], progress: Progress | None
    ) -> None:
        self._answer = answer
        self._progress = progress
        self._waiting = deque(enumerate(asks))
        self._answers: dict[int, Answer] = {}
        self._error: BaseException | None = None
        self._ended = threading.Semaphore(0)

    def work(self) -> None:
        """Answer until nothing waits."""
        try:
            while True:
                try:
                    number, ask = self._waiting.popleft()
                except IndexError:
                    return
                self._answers[number] = self._answer(ask)
                if self._progress is not None:
                    self._progress.advance(str(ask))
        except BaseException as error:  # noqa: BLE001  # raised where the answers are waited for
            self._error = self._error or error
            self.dismiss()
        finally:
            self._ended.release()

    def dismiss(self) -> None:
        """Let nothing more begin."""
        self._waiting.clear()

    def answers(self, workers: int) -> list[Answer]:
        """Wait for so many workers and return the answers in order; raise what the first of them raised."""
        for _ in range(workers):
            self._ended.acquire()
            if self._error is not None:
                raise self._error
        return [self._answers[number] for number in range(len(self._answers))]


def resolve_all(
    reader: ManifestReader,
    wants: Sequence[Want],
    detail: Detail,
    *,
    jobs: int,
    progress: Progress | None = None,
) -> dict[Want, Resolved]:
    """Resolve many wants; every one of them has an answer."""

    def answer(want: Want) -> Resolved:
        try:
            return resolve(reader, want, detail)
        except RegistryError as error:
            return Failed(error)

    hosts = len({want.name.partition("/")[0] for want in wants})
    answers = ask_all(wants, answer, jobs=jobs, hosts=hosts, progress=progress)
    return dict(zip(wants, answers, strict=True))


def resolve(reader: ManifestReader, want: Want, detail: Detail) -> LockedImage:
    """Read what a want names and describe it as an entry of the lock.

    One GET for an index, one more (its config) for a single image; children only as ``detail`` asks.
    """
    content = reader.manifest(want.name, want.digest or want.tag or "latest")
    parsed = _parsed(content.body, content.media_type, want.shown)
    platforms: tuple[PlatformImage, ...] = ()
    if isinstance(parsed, Index):
        platforms = tuple(_children(reader, want.name, parsed, detail, (content.digest,)))
    elif parsed.config.media_type in CONFIG_TYPES:
        platforms = (_single(reader, want.name, parsed, content.digest),)
    answered_elsewhere = content.host != want.name.partition("/")[0]
    return LockedImage(
        name=want.name,
        tag=want.tag,
        digest=content.digest,
        media_type=parsed.media_type,
        size=len(content.body),
        platforms=tuple(sorted(platforms, key=lambda part: (part.platform, str(part.digest)))),
        resolved_from=content.host if answered_elsewhere and want.digest is None else None,
    )


def _children(
    reader: ManifestReader, name: str, index: Index, detail: Detail, above: tuple[Digest, ...]
) -> Iterator[PlatformImage]:
    """Yield the platforms of an index, nested ones included; a cycle or too deep a nesting is refused."""
    if len(above) > INDEX_DEPTH:
        raise IntegrityError(f"indexes nested deeper than {INDEX_DEPTH}", where=name)
    seen = 0
    for child in index.manifests:
        if child.is_index:
            if any(same_digest(child.digest, digest) for digest in above):
                raise IntegrityError("an index that contains itself", where=f"{name}@{child.digest}")
            inner = _read(reader, name, child)
            if not isinstance(inner, Index):
                raise IntegrityError("an index that is none", where=f"{name}@{child.digest}")
            yield from _children(reader, name, inner, detail, (*above, child.digest))
        elif child.platform is not None and not child.platform.is_unknown:
            seen += 1
            if seen > INDEX_CHILDREN:
                raise IntegrityError(f"more than {INDEX_CHILDREN} platforms", where=name)
            yield _child(reader, name, child, child.platform, detail)


def _child(
    reader: ManifestReader, name: str, child: Descriptor, platform: Platform, detail: Detail
) -> PlatformImage:
    if not detail.wants_config(platform) or not child.is_manifest:
        return PlatformImage(platform=platform, digest=child.digest)
    manifest = _read(reader, name, child)
    if not isinstance(manifest, Manifest):
        raise IntegrityError("a manifest that is none", where=f"{name}@{child.digest}")
    return PlatformImage(
        platform=platform,
        digest=child.digest,
        config=manifest.config.digest,
        size=manifest.download_size,
    )


def _single(reader: ManifestReader, name: str, manifest: Manifest, digest: Digest) -> PlatformImage:
    body = reader.blob(name, manifest.config.digest, CONFIG_BYTES)
    try:
        platform = parse_config_platform(body)
    except ValueFormError as error:
        raise IntegrityError(
            f"the image's config: {error.message}", where=f"{name}@{manifest.config.digest}"
        ) from error
    return PlatformImage(
        platform=platform, digest=digest, config=manifest.config.digest, size=manifest.download_size
    )


def _read(reader: ManifestReader, name: str, child: Descriptor) -> Manifest | Index:
    content = reader.manifest(name, child.digest)
    if len(content.body) != child.size:
        raise IntegrityError(
            f"the index says {child.size} bytes, the manifest has {len(content.body)}",
            where=f"{name}@{child.digest}",
        )
    return _parsed(content.body, child.media_type, f"{name}@{child.digest}")


def _parsed(body: bytes, media_type: str, where: str) -> Manifest | Index:
    try:
        return parse_manifest(body, media_type)
    except ValueFormError as error:
        raise IntegrityError(error.message, where=where, hint=error.hint) from error
