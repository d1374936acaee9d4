"""``bundle``: the lock's images as one OCI image layout, a directory or a tar, with the lock inside.

The lock is an artifact of its own in the layout (:mod:`imagelock.ops.copies.contents`), written last: a layout
without it is an unfinished bundle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from imagelock.files import read_bytes
from imagelock.limits import LAYOUT_INDEX_BYTES
from imagelock.model.digest import Digest
from imagelock.model.manifest import Index, parse_manifest
from imagelock.ops.copies import contents, transfer
from imagelock.ops.copies.items import CopyItem, CopyOptions, CopyStatus, Result
from imagelock.ops.copies.mirror import left_with_vendor
from imagelock.ops.copies.plan import hold_back, plan
from imagelock.ops.copies.sources import Joined, Nothing
from imagelock.ops.copies.transfer import Done
from imagelock.ops.copies.tree import CachingSource, read_tree
from imagelock.stores.catalog import Catalog
from imagelock.stores.manifest_links import record_of
from imagelock.stores.oci_index import index_json
from imagelock.stores.oci_layout import LayoutStore
from imagelock.stores.oci_tar import INDEX, TarStore
from imagelock.stores.oci_tar_writer import TarWriter, plan_members
from imagelock.stores.volumes import whole_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from imagelock.model.lock import Lock
    from imagelock.ops.copies.contents import Record
    from imagelock.ops.copies.items import Plan
    from imagelock.ops.parallel import Progress
    from imagelock.stores.base import Content, Source
    from imagelock.stores.local import LocalStore

LAYOUT = "oci-layout"
LAYOUT_BODY = msgspec.json.encode({"imageLayoutVersion": "1.0.0"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to put into a bundle: everything, some platforms, or what ``since`` does not have.

    ``since_name`` is what people call the earlier delivery.  ``part_size`` cuts a tar into parts of so many bytes.
    """

    lock: Lock
    path: Path
    options: CopyOptions
    since: Lock | None = None
    since_name: str = ""
    part_size: int | None = None
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What a bundle will hold: images with work to do in ``whole``, and where each of its parts comes from."""

    request: Request
    whole: Plan
    options: CopyOptions
    source: Joined
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A finished bundle: its bytes, the digest of its ``index.json``, which names everything in it, its files."""

    size: int
    digest: Digest
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class BundleResult:
    """The result of creating a bundle: how each image ended, remarks for the user, and what is there now."""

    done: Done
    advice: tuple[str, ...] = ()
    written: Written | None = None


def is_tar(path: Path) -> bool:
    """Whether a bundle of this name is one tar file, or a part of one."""
    return whole_path(path).suffix == ".tar"


def prepare(request: Request, registries: Source) -> Prepared:
    """Read every manifest that the bundle needs, and decide what goes in; write nothing."""
    source = CachingSource(registries)
    items, left_out = _items(request)
    elsewhere, unread = _delivered(request, source)
    options = replace(request.options, elsewhere=frozenset(elsewhere))
    whole = plan(source, Nothing(), items, options, jobs=request.jobs)
    record = contents.Record(
        platforms=tuple(map(str, request.options.platforms)),
        absent=_absent(whole),
        elsewhere={str(digest): name for digest, name in sorted(elsewhere.items())},
        left_out=left_out,
        foreign_layers=request.options.foreign,
        needs=_needs(request),
    )
    return Prepared(
        request=request,
        whole=whole,
        options=replace(options, referrers=None),  # They are items of the plan by now.
        source=Joined(contents.pack(request.lock, record), source),
        advice=(*_unread(unread), *left_with_vendor(whole.foreign.values())),
    )


def needed(prepared: Prepared) -> int:
    """Return the bytes that the finished bundle takes."""
    files = _files(prepared)
    return plan_members(files.sizes)[1] if is_tar(prepared.request.path) else sum(files.sizes.values())


def write(prepared: Prepared, progress: Progress | None = None) -> BundleResult:
    """Write a bundle, or continue an interrupted one.

    It gets its lock, and so is finished, only when every image is in it.
    """
    whole = prepared.whole
    if whole.settled:
        return BundleResult(Done(_in_order(whole, hold_back(_pending(whole)))), prepared.advice)
    writer = _write_tar if is_tar(prepared.request.path) else _write_directory
    done, written = writer(prepared, progress)
    return BundleResult(done, prepared.advice, written)


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


def _write_directory(prepared: Prepared, progress: Progress | None) -> tuple[Done, Written | None]:
    request, source = prepared.request, prepared.source
    target = LayoutStore(request.path)
    # Deep, so that running it again makes a damaged directory whole.
    deep = replace(prepared.options, deep=True)
    todo = plan(source, target, prepared.whole.items, deep, jobs=request.jobs)
    done = transfer.apply(todo, source, target, jobs=request.jobs, progress=progress)
    if not _finished(done):
        return done, None
    todo = plan(source, target, (source.lock_item,), CopyOptions(), jobs=request.jobs)
    transfer.apply(todo, source, target, jobs=request.jobs)
    contents.forget_others(target, source.lock_item.digest)
    index = read_bytes(request.path / INDEX, LAYOUT_INDEX_BYTES)
    files = _files(prepared)
    size = sum(files.sizes.values()) - len(files.index) + len(index)
    return done, Written(size=size, digest=Digest.of(index), files=(request.path,))


def _write_tar(prepared: Prepared, progress: Progress | None) -> tuple[Done, Written | None]:
    request, source, files = prepared.request, prepared.source, _files(prepared)
    with TarWriter(request.path, files.sizes, part_size=request.part_size) as tar:
        todo = plan(source, tar, files.items, prepared.options, jobs=request.jobs)
        done = transfer.apply(todo, source, tar, jobs=request.jobs, progress=progress)
        done = Done(done.results[:-1], done.moved)
        if not _finished(done):
            return Done(hold_back(done.results), done.moved), None
        tar.put_file(INDEX, files.index)
        tar.put_file(LAYOUT, LAYOUT_BODY)
        tar.finish()
        written = Written(size=tar.length, digest=Digest.of(files.index), files=tar.paths)
        if tar.adopted and not any(job.blobs for job in todo.jobs):
            there = tuple(replace(one, verdict=CopyStatus.THERE) for one in done.results)
            return Done(there, done.moved), written
    return done, written


@dataclass(frozen=True, slots=True)
class _Files:
    """Every file of a bundle with its size, the index as it will be, and what is copied, the lock last."""

    sizes: dict[str, int]
    index: bytes
    items: tuple[CopyItem, ...]


def _files(prepared: Prepared) -> _Files:
    source, whole = prepared.source, prepared.whole
    lock_tree = read_tree(source, contents.NAME, source.lock_item.digest, CopyOptions())
    items = (*whole.items, source.lock_item)
    trees = {job.item: job.tree for job in whole.jobs} | {source.lock_item: lock_tree}
    index = index_of([(item.target, item.tag, trees[item].root) for item in items])
    sizes = {INDEX: len(index), LAYOUT: len(LAYOUT_BODY)}
    for tree in trees.values():
        sizes.update((_blob(one.digest), len(one.body)) for one in tree.manifests)
        sizes.update((_blob(one.digest), one.size) for one in tree.blobs)
    return _Files(sizes, index, items)


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


def _needs(request: Request) -> contents.Needs | None:
    if request.since is None:
        return None
    return contents.Needs(name=request.since_name, lock=str(contents.lock_digest(request.since)))


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
    old = plan(source, Nothing(), items, CopyOptions(platforms=request.options.platforms), jobs=request.jobs)
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
