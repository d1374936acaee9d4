"""``bundle``: the lock's images as one OCI image layout, a directory or a tar, with the lock inside.

The lock is an artifact of its own in the layout (:mod:`imagelock.ops.copies.contents`), written last: a layout
without it is an unfinished bundle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from imagelock.errors import FileError
from imagelock.model.digest import Digest
from imagelock.model.manifest import Index, parse_manifest
from imagelock.ops.copies import contents, transfer
from imagelock.ops.copies.items import CopyItem, CopyOptions, CopyStatus, Result
from imagelock.ops.copies.mirror import left_with_vendor
from imagelock.ops.copies.plan import hold_back, plan
from imagelock.ops.copies.transfer import Done
from imagelock.ops.copies.tree import CachingSource, read_tree
from imagelock.stores.catalog import Catalog
from imagelock.stores.manifest_links import record_of
from imagelock.stores.oci_index import index_json
from imagelock.stores.oci_layout import LayoutStore
from imagelock.stores.oci_tar import INDEX, TarStore
from imagelock.stores.oci_tar_writer import TarWriter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from imagelock.model.lock import Lock
    from imagelock.model.manifest import Descriptor
    from imagelock.ops.copies.contents import Record
    from imagelock.ops.copies.items import Plan
    from imagelock.ops.parallel import Progress
    from imagelock.stores.base import Content, HeadResult, Source
    from imagelock.stores.local import LocalStore

LAYOUT = "oci-layout"
LAYOUT_BODY = msgspec.json.encode({"imageLayoutVersion": "1.0.0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to put into a bundle: everything, some platforms, or what ``since`` does not have."""

    lock: Lock
    path: Path
    options: CopyOptions
    since: Lock | None = None
    jobs: int


@dataclass(frozen=True, slots=True)
class BundleResult:
    """The result of creating a bundle: how each image ended, and remarks for the user."""

    done: Done
    advice: tuple[str, ...] = ()


def is_tar(path: Path) -> bool:
    """Whether a bundle of this name is one tar file."""
    return path.suffix == ".tar"


def create(request: Request, registries: Source, progress: Progress | None = None) -> BundleResult:
    """Create a bundle, or continue an interrupted one.

    It gets its lock, and so is finished, only when every image is in it.
    """
    source = CachingSource(registries)
    items, left_out = _items(request)
    elsewhere, unread = _delivered(request, source)
    options = replace(request.options, elsewhere=frozenset(elsewhere))
    whole = plan(source, _Nothing(), items, options, jobs=request.jobs)
    advice = (*_unread(unread), *left_with_vendor(whole.foreign.values()))
    if whole.settled:
        return BundleResult(Done(_in_order(whole, hold_back(_pending(whole)))), advice)
    options = replace(options, referrers=None)  # They are items of the plan by now.
    record = contents.Record(
        platforms=tuple(map(str, request.options.platforms)),
        absent=_absent(whole),
        elsewhere={str(digest): name for digest, name in sorted(elsewhere.items())},
        left_out=left_out,
        foreign_layers=request.options.foreign,
    )
    packed = contents.pack(request.lock, record)
    writer = _write_tar if is_tar(request.path) else _write_directory
    return BundleResult(writer(request, whole, options, _Joined(packed, source), progress), advice)


def open_store(path: Path) -> LocalStore:
    """Open a bundle or any other OCI layout for reading, a directory or a tar."""
    if path.is_dir():
        return LayoutStore(path, create=False)
    return TarStore(path)


def load_options(record: Record | None, names: Sequence[CopyItem]) -> CopyOptions:
    """Return how to read a bundle for loading: what it lacks on purpose, and where that should be."""
    if record is None:
        return CopyOptions(referrers=())
    targets = {item.source: item.target for item in names}
    nearby = {Digest.parse(text): targets.get(name) for text, name in record.elsewhere.items()}
    return CopyOptions(
        skipped=frozenset(map(Digest.parse, record.absent)),
        foreign=record.foreign_layers,
        referrers=(),
        nearby={digest: name for digest, name in nearby.items() if name is not None},
    )


def index_of(images: Sequence[tuple[str, str | None, Content]]) -> bytes:
    """Return the ``index.json`` of a layout with these images, as a directory has it after the same copies."""
    catalog = Catalog()
    for name, tag, root in images:
        parsed = parse_manifest(root.body, root.media_type)
        covered = [child.digest for child in parsed.manifests] if isinstance(parsed, Index) else []
        one = record_of(root, parsed)
        catalog = catalog.put(name, catalog.repository(name).put(one, tag, covered))
    return index_json(catalog)


# Writing.


def _write_directory(
    request: Request, whole: Plan, options: CopyOptions, source: _Joined, progress: Progress | None
) -> Done:
    target = LayoutStore(request.path)
    # Deep, so that running it again makes a damaged directory whole.
    todo = plan(source, target, whole.items, replace(options, deep=True), jobs=request.jobs)
    done = transfer.apply(todo, source, target, jobs=request.jobs, progress=progress)
    if _finished(done):
        todo = plan(source, target, (source.lock_item,), CopyOptions(), jobs=request.jobs)
        transfer.apply(todo, source, target, jobs=request.jobs)
        contents.forget_others(target, source.lock_item.digest)
    return done


def _write_tar(
    request: Request, whole: Plan, options: CopyOptions, source: _Joined, progress: Progress | None
) -> Done:
    lock_tree = read_tree(source, contents.NAME, source.lock_item.digest, CopyOptions())
    items = (*whole.items, source.lock_item)
    trees = {job.item: job.tree for job in whole.jobs} | {source.lock_item: lock_tree}
    index = index_of([(item.target, item.tag, trees[item].root) for item in items])
    sizes = {INDEX: len(index), LAYOUT: len(LAYOUT_BODY)}
    for tree in trees.values():
        sizes.update((_blob(one.digest), len(one.body)) for one in tree.manifests)
        sizes.update((_blob(one.digest), one.size) for one in tree.blobs)
    with TarWriter(request.path, sizes) as tar:
        todo = plan(source, tar, items, options, jobs=request.jobs)
        done = transfer.apply(todo, source, tar, jobs=request.jobs, progress=progress)
        done = Done(done.results[:-1], done.moved)
        if not _finished(done):
            return Done(hold_back(done.results), done.moved)
        tar.put_file(INDEX, index)
        tar.put_file(LAYOUT, LAYOUT_BODY)
        tar.finish()
        if tar.adopted and not any(job.blobs for job in todo.jobs):
            return Done(tuple(replace(one, verdict=CopyStatus.THERE) for one in done.results), done.moved)
    return done


def _blob(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"


def _finished(done: Done) -> bool:
    return all(one.verdict in (CopyStatus.COPIED, CopyStatus.THERE) for one in done.results)


# Deciding.


def _items(request: Request) -> tuple[tuple[CopyItem, ...], tuple[str, ...]]:
    """Return what goes in, and the entries that an earlier delivery has under the same name."""
    before = {image.image_id for image in request.since.images} if request.since is not None else set()
    items = dict.fromkeys(
        CopyItem(
            reference=image.reference,
            source=image.name,
            target=image.name,
            digest=image.digest,
            tag=image.tag,
        )
        for image in request.lock.images
        if image.image_id not in before
    )
    left_out = sorted(image.image_id for image in request.lock.images if image.image_id in before)
    return tuple(items), tuple(left_out)


def _delivered(request: Request, source: Source) -> tuple[dict[Digest, str], int]:
    """Return the blobs of an earlier delivery with a repository that has each, and how many images failed."""
    if request.since is None:
        return {}, 0
    items = tuple(
        dict.fromkeys(
            CopyItem(
                reference=one.reference, source=one.name, target=one.name, digest=one.digest, tag=one.tag
            )
            for one in request.since.images
        )
    )
    old = plan(source, _Nothing(), items, CopyOptions(platforms=request.options.platforms), jobs=request.jobs)
    found: dict[Digest, str] = {}
    for job in old.jobs:
        for blob in job.tree.blobs:
            found.setdefault(blob.digest, job.item.source)
    return found, len(old.settled)


def _unread(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (f"{count} images of the earlier lock could not be read: shared content is sent again",)


def _absent(whole: Plan) -> tuple[str, ...]:
    """Return every child that is left out of an image, by digest."""
    return tuple(sorted({str(digest) for job in whole.jobs for digest in job.tree.absent}))


def _pending(whole: Plan) -> tuple[Result, ...]:
    planned = tuple(Result(item=job.item, verdict=CopyStatus.COPIED) for job in whole.jobs)
    return (*whole.settled, *planned)


def _in_order(whole: Plan, results: Sequence[Result]) -> tuple[Result, ...]:
    by_item = {one.item: one for one in results}
    return tuple(by_item[item] for item in whole.items)


class _Nothing:
    """A target that has nothing, so a plan for it reads every image and lists all of its content."""

    def resolve_tag(self, repository: str, tag: str) -> Digest | None:
        """Know no tag."""
        del repository, tag
        return None

    def has_manifest(self, repository: str, digest: Digest) -> bool:
        """Have none."""
        del repository, digest
        return False

    has_blob = has_manifest

    def mount(self, repository: str, digest: Digest, other: str) -> bool:
        """Do nothing."""
        del repository, digest, other
        return False

    def put_blob(self, repository: str, descriptor: Descriptor, pieces: object) -> None:
        """Refuse."""
        raise FileError("a plan writes nothing", where=f"{repository}@{descriptor.digest} {pieces}")

    def put_manifest(
        self,
        repository: str,
        content: Content,
        tag: str | None = None,
        *,
        absent: Collection[Digest] = (),
    ) -> None:
        """Refuse."""
        raise FileError("a plan writes nothing", where=f"{repository}:{tag} {content.digest} {absent}")


class _Joined:
    """The images' source, and the artifact with the lock, as one source."""

    def __init__(self, packed: contents.Packed, images: Source) -> None:
        self.lock_item = packed.item
        self._packed = packed.store
        self._images = images

    def head(self, repository: str, target: str | Digest) -> HeadResult:
        """Ask the one that has the repository."""
        return self._of(repository).head(repository, target)

    def get_manifest(self, repository: str, target: str | Digest) -> Content:
        """Read from the one that has the repository."""
        return self._of(repository).get_manifest(repository, target)

    def get_blob(self, repository: str, digest: Digest, limit: int) -> bytes:
        """Read from the one that has the repository."""
        return self._of(repository).get_blob(repository, digest, limit)

    def referrers(self, repository: str, subject: Digest) -> tuple[Descriptor, ...]:
        """Ask the one that has the repository."""
        return self._of(repository).referrers(repository, subject)

    def open_blob(self, repository: str, descriptor: Descriptor) -> Iterator[bytes]:
        """Stream from the one that has the repository."""
        return self._of(repository).open_blob(repository, descriptor)

    def _of(self, repository: str) -> Source:
        return self._packed if repository == contents.NAME else self._images
