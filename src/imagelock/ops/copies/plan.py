"""Plan a copy: what is there already, what is missing, and what must not be touched.

One copy serves mirror, bundle and load: both sides are stores (:mod:`imagelock.stores.base`).
:mod:`imagelock.ops.copies.transfer` carries the plan out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from imagelock.errors import IntegrityError, NotFoundError, RegistryError, WriteRefusedError
from imagelock.model.digest import same_digest
from imagelock.ops.copies.items import CopyJob, CopyStatus, Plan, Result, Tree
from imagelock.ops.copies.referrers import find_referrers
from imagelock.ops.copies.tree import read_tree
from imagelock.ops.parallel import map_concurrently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from imagelock.model.digest import Digest
    from imagelock.ops.copies.items import CopyItem, CopyOptions
    from imagelock.stores.base import Source, Target

_Answers: TypeAlias = "Mapping[tuple[str, Digest], bool | RegistryError]"
"""Whether a repository of the target has a manifest or blob, or why that cannot be determined."""


def plan(
    source: Source, target: Target, items: Sequence[CopyItem], options: CopyOptions, *, jobs: int
) -> Plan:
    """Ask both sides what has to be done; writes nothing.

    A tag that has the digest already settles an image with one question (and one for each known child).
    """
    unlisted: tuple[Result, ...] = ()
    if options.referrers is not None:
        more, unlisted = find_referrers(source, items, options, jobs=jobs)
        items = tuple(dict.fromkeys((*items, *more)))
    looked = _read_many(items, lambda item: _examine(source, target, item, options), jobs)
    trees = {item: one for item, one in looked.items() if isinstance(one, Tree)}
    manifests = dict.fromkeys(
        (item.target, one.digest) for item, tree in trees.items() for one in tree.manifests
    )
    has = _exist_many(manifests, target.has_manifest, jobs)
    drafts = [_draft(item, tree, has, deep=options.deep) for item, tree in trees.items()]
    blobs = dict.fromkeys((job.item.target, blob.digest) for job in drafts for blob in job.blobs)
    has.update(_exist_many(blobs, target.has_blob, jobs))
    errors = {item: one for item, one in looked.items() if isinstance(one, RegistryError)}
    errors.update((job.item, error) for job in drafts for error in _errors(job, has))
    settled = [one for one in looked.values() if isinstance(one, Result)]
    return Plan(
        items=(*items, *(one.item for one in unlisted)),
        jobs=tuple(_narrowed(job, has) for job in drafts if job.item not in errors),
        settled=(*settled, *unlisted, *(failure(item, error) for item, error in errors.items())),
        known={**options.nearby, **{digest: name for name, digest in blobs if has[name, digest] is True}},
    )


def failure(item: CopyItem, error: RegistryError) -> Result:
    """Return how an image ended that met this error: a definite no, or could-not-tell."""
    definite = isinstance(error, (NotFoundError, IntegrityError, WriteRefusedError))
    return Result(item=item, verdict=CopyStatus.FAILED if definite else CopyStatus.UNKNOWN, error=error)


def existing_tag(target: Target, item: CopyItem) -> Result | None:
    """Return the result of an item whose tag is taken: by the right digest, or by another one."""
    if item.tag is None:
        return None
    now = target.resolve_tag(item.target, item.tag)
    if now is None:
        return None
    if same_digest(now, item.digest):
        return Result(item=item, verdict=CopyStatus.THERE)
    return None if item.move else Result(item=item, verdict=CopyStatus.CONFLICT, now=now)


def hold_back(results: Iterable[Result]) -> tuple[Result, ...]:
    """Return the results of a whole that is not finished: nothing of it was copied to where it should be."""
    good = (CopyStatus.COPIED, CopyStatus.THERE)
    return tuple(replace(one, verdict=CopyStatus.HELD) if one.verdict in good else one for one in results)


def keep_tag(digest: Digest) -> str:
    """Return the tag that keeps an image without one from a registry's garbage collection."""
    return f"imagelock-{digest.short}"


def _examine(source: Source, target: Target, item: CopyItem, options: CopyOptions) -> Tree | Result:
    """Settle an item by its tag alone, or read the whole image."""
    taken = existing_tag(target, item)
    if taken is not None and taken.verdict is CopyStatus.CONFLICT:
        return taken
    if taken is not None and not options.deep and _has_children(target, item, options):
        return taken
    return read_tree(source, item.source, item.digest, options)


def _has_children(target: Target, item: CopyItem, options: CopyOptions) -> bool:
    """Whether all children are there: some registries take an index without them."""
    if options.platforms:
        return True
    return all(target.has_manifest(item.target, digest) for digest in item.children)


def _read_many(
    items: Sequence[CopyItem], look: Callable[[CopyItem], Tree | Result], jobs: int
) -> dict[CopyItem, Tree | Result | RegistryError]:
    """Look at many images at once; a registry's error is an answer too."""

    def one(item: CopyItem) -> Tree | Result | RegistryError:
        try:
            return look(item)
        except RegistryError as error:
            return error

    return dict(zip(items, map_concurrently(items, one, jobs=jobs, hosts=1, progress=None), strict=True))


def _exist_many(
    places: Iterable[tuple[str, Digest]], ask: Callable[[str, Digest], bool], jobs: int
) -> dict[tuple[str, Digest], bool | RegistryError]:
    """Ask the target for many manifests or blobs at once, in the same way."""

    def one(place: tuple[str, Digest]) -> bool | RegistryError:
        try:
            return ask(*place)
        except RegistryError as error:
            return error

    wanted = tuple(places)
    return dict(zip(wanted, map_concurrently(wanted, one, jobs=jobs, hosts=1, progress=None), strict=True))


def _draft(item: CopyItem, tree: Tree, has: _Answers, *, deep: bool) -> CopyJob:
    """Return a job with the manifests that are missing and every blob these point to (``deep``: every blob)."""
    manifests = tuple(one for one in tree.manifests if has[item.target, one.digest] is not True)
    parents = tree.manifests if deep else manifests
    needed = {digest for one in parents for digest in tree.owners[one.digest]}
    blobs = tuple(blob for blob in tree.blobs if blob.digest in needed)
    return CopyJob(item=item, tree=tree, manifests=manifests, blobs=blobs)


def _errors(job: CopyJob, has: _Answers) -> Iterator[RegistryError]:
    """Yield what went wrong when the target was asked for a job's parts."""
    digests = (*(one.digest for one in job.manifests), *(one.digest for one in job.blobs))
    for digest in digests:
        answer = has[job.item.target, digest]
        if isinstance(answer, RegistryError):
            yield answer


def _narrowed(job: CopyJob, has: _Answers) -> CopyJob:
    return replace(job, blobs=tuple(one for one in job.blobs if has[job.item.target, one.digest] is not True))
