"""Decide what a copy has to do: what is there already, what is missing, what must not be touched.

One copy serves mirror, bundle and load: both sides are stores (:mod:`imagelock.registry.store`).
:mod:`imagelock.ops.copies.transfer` carries the plan out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from imagelock.errors import IntegrityError, NoPlatformError, NotFoundError, RegistryError, ValueFormError
from imagelock.limits import INDEX_DEPTH
from imagelock.model.digest import Digest, same_digest
from imagelock.model.manifest import ACCEPTED_TYPES, FOREIGN_LAYER_TYPES, Index, parse_manifest
from imagelock.ops.resolve import ask_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from imagelock.model.manifest import Descriptor, Manifest
    from imagelock.model.platform import Platform
    from imagelock.registry.store import Claim, Content, Source, Target

_Answers: TypeAlias = "Mapping[tuple[str, Digest], bool | RegistryError]"
"""Whether a repository of the target has a manifest or blob, or why that cannot be told."""

_ATTESTED = "vnd.docker.reference.digest"
"""Which child an attestation belongs to, as buildkit writes it."""


class Verdict(Enum):
    """How one image ended; every image has exactly one."""

    COPIED = "copied"
    THERE = "there already"
    CONFLICT = "conflict"
    FAILED = "failed"
    UNKNOWN = "could not tell"
    HELD = "held back"
    """Fine by itself, but the whole is not finished because of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One image to copy: from a repository of the source to one of the target, perhaps under a tag.

    ``reference`` is what results call it.  ``children`` are platforms' digests that are known without
    asking.  ``move`` allows to take the tag away from another digest.
    """

    reference: str
    source: str
    target: str
    digest: Digest
    tag: str | None
    children: tuple[Digest, ...] = ()
    move: bool = False

    @property
    def goal(self) -> str:
        """Where the image goes, as a reference."""
        return f"{self.target}@{self.digest}" if self.tag is None else f"{self.target}:{self.tag}"

    def __str__(self) -> str:
        return self.reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one image ended, and why; ``now`` is what a conflicting tag points to."""

    item: Item
    verdict: Verdict
    error: RegistryError | None = None
    now: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of an image is wanted: its children of these platforms (none: all), nothing of ``elsewhere``.

    ``skipped`` are children that the source lacks on purpose, ``elsewhere`` is content that the final
    destination has already and that is left out here.  ``nearby`` names repositories of the target that
    should have a blob, to mount it from there.  ``deep`` believes no tag and no manifest of the target, but
    looks for every blob: for a store whose files may have been damaged.
    """

    platforms: tuple[Platform, ...] = ()
    skipped: frozenset[Digest] = frozenset()
    elsewhere: frozenset[Digest] = frozenset()
    nearby: Mapping[Digest, str] = field(default_factory=dict)
    deep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One image as read from the source: ``manifests`` with children first, the image itself last.

    ``absent`` are children and blobs left out on purpose, ``foreign`` layers that stay with their vendor.
    """

    manifests: tuple[Content, ...]
    blobs: tuple[Descriptor, ...]
    owners: Mapping[Digest, tuple[Digest, ...]]
    absent: frozenset[Digest] = frozenset()
    foreign: tuple[Descriptor, ...] = ()

    @property
    def root(self) -> Content:
        """The image itself."""
        return self.manifests[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One image with work to do: ``manifests`` and ``blobs`` are what the target lacks."""

    item: Item
    tree: Tree
    manifests: tuple[Content, ...]
    blobs: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a copy has to do, and what is settled already.

    ``known`` tells a repository of the target for blobs that it has somewhere.
    """

    items: tuple[Item, ...]
    jobs: tuple[Job, ...]
    settled: tuple[Result, ...]
    known: Mapping[Digest, str]

    @property
    def missing(self) -> dict[Digest, Descriptor]:
        """Every blob that must be sent, once."""
        return {blob.digest: blob for job in self.jobs for blob in job.blobs if blob.digest not in self.known}

    @property
    def size(self) -> int:
        """Bytes of blobs that must be sent."""
        return sum(blob.size for blob in self.missing.values())


class Remembering:
    """A source that reads each manifest once, whoever asks for it how often."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = Lock()
        self._contents: dict[Digest, Content] = {}

    def ask(self, repository: str, target: str | Digest) -> Claim:
        """Ask the source."""
        return self._source.ask(repository, target)

    def manifest(self, repository: str, target: str | Digest) -> Content:
        """Return a manifest; by digest the bytes are the same wherever they came from."""
        known = self._contents.get(target) if isinstance(target, Digest) else None
        if known is not None:
            return known
        content = self._source.manifest(repository, target)
        with self._lock:
            self._contents[content.digest] = content
        return content

    def blob(self, repository: str, digest: Digest, limit: int) -> bytes:
        """Read a small blob."""
        return self._source.blob(repository, digest, limit)

    def stream(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """Stream a blob."""
        return self._source.stream(repository, descriptor)


def plan(source: Source, target: Target, items: Sequence[Item], choice: Choice, *, jobs: int) -> Plan:
    """Ask both sides what has to be done; writes nothing.

    A tag that has the digest already settles an image with one question (and one for each known child).
    """
    looked = _each(items, lambda item: _look(source, target, item, choice), jobs)
    trees = {item: one for item, one in looked.items() if isinstance(one, Tree)}
    manifests = dict.fromkeys(
        (item.target, one.digest) for item, tree in trees.items() for one in tree.manifests
    )
    has = _whether(manifests, target.has_manifest, jobs)
    drafts = [_draft(item, tree, has, deep=choice.deep) for item, tree in trees.items()]
    blobs = dict.fromkeys((job.item.target, blob.digest) for job in drafts for blob in job.blobs)
    has.update(_whether(blobs, target.has_blob, jobs))
    errors = {item: one for item, one in looked.items() if isinstance(one, RegistryError)}
    errors.update((job.item, error) for job in drafts for error in _errors(job, has))
    settled = [one for one in looked.values() if isinstance(one, Result)]
    return Plan(
        items=tuple(items),
        jobs=tuple(_narrowed(job, has) for job in drafts if job.item not in errors),
        settled=(*settled, *(failure(item, error) for item, error in errors.items())),
        known={**choice.nearby, **{digest: name for name, digest in blobs if has[name, digest] is True}},
    )


def failure(item: Item, error: RegistryError) -> Result:
    """Return how an image ended that met this error: a definite no, or not to be told."""
    definite = isinstance(error, (NotFoundError, IntegrityError))
    return Result(item=item, verdict=Verdict.FAILED if definite else Verdict.UNKNOWN, error=error)


def standing(target: Target, item: Item) -> Result | None:
    """Return the result of an item whose tag is taken: by the right digest, or by another one."""
    if item.tag is None:
        return None
    now = target.tagged(item.target, item.tag)
    if now is None:
        return None
    if same_digest(now, item.digest):
        return Result(item=item, verdict=Verdict.THERE)
    return None if item.move else Result(item=item, verdict=Verdict.CONFLICT, now=now)


def held(results: Iterable[Result]) -> tuple[Result, ...]:
    """Return the results of a whole that is not finished: nothing of it was copied to where it should be."""
    good = (Verdict.COPIED, Verdict.THERE)
    return tuple(replace(one, verdict=Verdict.HELD) if one.verdict in good else one for one in results)


def keep_tag(digest: Digest) -> str:
    """Return the tag that keeps an image without one from a registry's garbage collection."""
    return f"imagelock-{digest.short}"


def _look(source: Source, target: Target, item: Item, choice: Choice) -> Tree | Result:
    """Settle an item by its tag alone, or read the whole image."""
    taken = standing(target, item)
    if taken is not None and taken.verdict is Verdict.CONFLICT:
        return taken
    if taken is not None and not choice.deep and _has_children(target, item, choice):
        return taken
    return read_tree(source, item.source, item.digest, choice)


def _has_children(target: Target, item: Item, choice: Choice) -> bool:
    """Whether all children are there: some registries take an index without them."""
    if choice.platforms:
        return True
    return all(target.has_manifest(item.target, digest) for digest in item.children)


def _each(
    items: Sequence[Item], look: Callable[[Item], Tree | Result], jobs: int
) -> dict[Item, Tree | Result | RegistryError]:
    """Look at many images at once; a registry's error is an answer too."""

    def one(item: Item) -> Tree | Result | RegistryError:
        try:
            return look(item)
        except RegistryError as error:
            return error

    return dict(zip(items, ask_all(items, one, jobs=jobs, hosts=1, progress=None), strict=True))


def _whether(
    places: Iterable[tuple[str, Digest]], ask: Callable[[str, Digest], bool], jobs: int
) -> dict[tuple[str, Digest], bool | RegistryError]:
    """Ask the target for many manifests or blobs at once, in the same way."""

    def one(place: tuple[str, Digest]) -> bool | RegistryError:
        try:
            return ask(*place)
        except RegistryError as error:
            return error

    asks = tuple(places)
    return dict(zip(asks, ask_all(asks, one, jobs=jobs, hosts=1, progress=None), strict=True))


def _draft(item: Item, tree: Tree, has: _Answers, *, deep: bool) -> Job:
    """Return a job with the manifests that are missing and every blob these point to (``deep``: every blob)."""
    manifests = tuple(one for one in tree.manifests if has[item.target, one.digest] is not True)
    parents = tree.manifests if deep else manifests
    needed = {digest for one in parents for digest in tree.owners[one.digest]}
    blobs = tuple(blob for blob in tree.blobs if blob.digest in needed)
    return Job(item=item, tree=tree, manifests=manifests, blobs=blobs)


def _errors(job: Job, has: _Answers) -> Iterator[RegistryError]:
    """Yield what went wrong when the target was asked for a job's parts."""
    digests = (*(one.digest for one in job.manifests), *(one.digest for one in job.blobs))
    for digest in digests:
        answer = has[job.item.target, digest]
        if isinstance(answer, RegistryError):
            yield answer


def _narrowed(job: Job, has: _Answers) -> Job:
    return replace(job, blobs=tuple(one for one in job.blobs if has[job.item.target, one.digest] is not True))


# Reading one image.


def read_tree(source: Source, repository: str, digest: Digest, choice: Choice) -> Tree:
    """Read an image's manifests, all levels, and list the blobs they point to.

    Raises :class:`IntegrityError` for a body that is no manifest, lies about sizes, contains itself or is
    nested too deep, and :class:`NoPlatformError` when no child has a wanted platform.
    """
    reading = _Reading(source, repository, choice)
    reading.read(digest, None, ())
    return reading.tree()


class _Reading:
    """What was found of one image so far."""

    def __init__(self, source: Source, repository: str, choice: Choice) -> None:
        self._source = source
        self._repository = repository
        self._choice = choice
        self._manifests: dict[Digest, Content] = {}
        self._blobs: dict[Digest, Descriptor] = {}
        self._owners: dict[Digest, tuple[Digest, ...]] = {}
        self._absent: set[Digest] = set()
        self._foreign: dict[Digest, Descriptor] = {}

    def tree(self) -> Tree:
        """Return the image."""
        return Tree(
            manifests=tuple(self._manifests.values()),
            blobs=tuple(self._blobs.values()),
            owners=self._owners,
            absent=frozenset(self._absent),
            foreign=tuple(self._foreign.values()),
        )

    def read(self, digest: Digest, said: Descriptor | None, above: tuple[Digest, ...]) -> None:
        """Read one manifest and, before it is listed, everything below it."""
        where = f"{self._repository}@{digest}"
        if len(above) > INDEX_DEPTH or any(same_digest(digest, one) for one in above):
            raise IntegrityError("an index that contains itself, or is nested too deep", where=where)
        if digest in self._manifests:
            return
        content = self._source.manifest(self._repository, digest)
        if said is not None and len(content.body) != said.size:
            raise IntegrityError(
                f"the index says {said.size} bytes, the manifest has {len(content.body)}", where=where
            )
        try:
            parsed = parse_manifest(content.body, said.media_type if said else content.media_type)
        except ValueFormError as error:
            raise IntegrityError(error.message, where=where, hint=error.hint) from error
        self._owners[digest] = tuple(self._below(parsed, (*above, digest)))
        self._manifests[digest] = content

    def _below(self, parsed: Manifest | Index, above: tuple[Digest, ...]) -> Iterator[Digest]:
        """Take in what a manifest points to; yield the blobs among it."""
        if isinstance(parsed, Index):
            for child in self._wanted(parsed):
                if child.media_type in ACCEPTED_TYPES:
                    self.read(child.digest, child, above)
                elif self._blob(child):
                    yield child.digest
        else:
            for blob in parsed.blobs:
                if self._blob(blob):
                    yield blob.digest

    def _blob(self, blob: Descriptor) -> bool:
        """Take in a blob; False when it is not to be copied."""
        if blob.media_type in FOREIGN_LAYER_TYPES:
            self._foreign[blob.digest] = blob
            return False
        if blob.digest in self._choice.elsewhere:
            self._absent.add(blob.digest)
            return False
        known = self._blobs.setdefault(blob.digest, blob)
        if known.size != blob.size:
            raise IntegrityError(
                f"two sizes for one blob: {known.size} and {blob.size} bytes",
                where=f"{self._repository}@{blob.digest}",
            )
        return True

    def _wanted(self, index: Index) -> tuple[Descriptor, ...]:
        """Return the children to copy: of the wanted platforms, with their attestations."""
        here = tuple(child for child in index.manifests if child.digest not in self._choice.skipped)
        self._absent.update(child.digest for child in index.manifests if child not in here)
        if not self._choice.platforms:
            return here
        images = {child.digest for child in here if self._fits(child)}
        kept = tuple(
            child
            for child in here
            if child.digest in images or _attested(child) in {str(digest) for digest in images}
        )
        if not images:
            wanted = ", ".join(map(str, self._choice.platforms))
            raise NoPlatformError(f"the image has no {wanted}", where=self._repository)
        self._absent.update(child.digest for child in index.manifests if child not in kept)
        return kept

    def _fits(self, child: Descriptor) -> bool:
        platform = child.platform
        if platform is None:
            return True
        return any(platform.satisfies(wanted) for wanted in self._choice.platforms)


def _attested(child: Descriptor) -> str | None:
    return dict(child.annotations).get(_ATTESTED)
