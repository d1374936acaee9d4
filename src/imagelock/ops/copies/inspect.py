"""Read a bundle offline: verify every byte of it, or list what it holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imagelock.errors import IntegrityError, NotFoundError, RegistryError
from imagelock.files import read_bytes
from imagelock.limits import LAYOUT_INDEX_BYTES
from imagelock.model.digest import Digest, same_digest
from imagelock.model.manifest import Index, parse_manifest
from imagelock.model.outcome import Outcome, finding
from imagelock.ops.copies import contents
from imagelock.ops.copies.bundle import LAYOUT, LAYOUT_BODY, index_of, open_store
from imagelock.ops.copies.items import CopyItem, CopyOptions, Tree
from imagelock.ops.copies.mirror import left_with_vendor
from imagelock.ops.copies.referrers import find_referrers
from imagelock.ops.copies.tree import read_tree
from imagelock.ops.parallel import map_concurrently
from imagelock.stores.oci_layout import strange_files
from imagelock.stores.oci_tar import INDEX, TarStore
from imagelock.stores.volumes import damaged_parts, sums_path, whole_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from imagelock.model.manifest import Descriptor
    from imagelock.model.outcome import Finding
    from imagelock.ops.copies.contents import Contents
    from imagelock.ops.parallel import Progress
    from imagelock.stores.local import LocalStore

_READERS = 4
"""Files hashed at one time: more than a few only make a disk seek."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image that a bundle holds or should hold; ``tag`` is None for one that has only a digest."""

    name: str
    tag: str | None
    digest: Digest
    referrer: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}" if self.tag is None else f"{self.name}:{self.tag}"


@dataclass(frozen=True, slots=True)
class BundledImage:
    """One line of ``bundle list``: platforms that are there and that are not, bytes of all blobs."""

    image: Image
    platforms: tuple[str, ...]
    absent: tuple[str, ...]
    size: int


def verify(path: Path, progress: Progress | None = None) -> Outcome:
    """Hash every manifest and blob of a bundle and compare it with the lock inside; ask no one."""
    try:
        store = open_store(path)
        inside = contents.read(store)
    except IntegrityError as error:
        return damaged("bundle-verify", path, error)
    found = list(_looked(store, inside))
    blobs = {blob.digest: (one, blob) for one, tree in found if isinstance(tree, Tree) for blob in tree.blobs}
    elsewhere = frozenset(inside.record.elsewhere) if inside is not None else frozenset()
    hashed = [(one, blob) for one, blob in blobs.values() if str(blob.digest) not in elsewhere]

    def prove(ask: tuple[Image, Descriptor]) -> Finding | None:
        if progress is not None:
            progress.start(f"{ask[0]} {ask[1].digest.short}", ask[1].size)
        return _verify_blob(store, *ask)

    if progress is not None:
        progress.expect(0, sum(blob.size for _, blob in hashed))
    wrong = map_concurrently(hashed, prove, jobs=_READERS, hosts=1, progress=progress)
    findings = [tree for _, tree in found if not isinstance(tree, Tree)] + [one for one in wrong if one]
    findings += _strange(path, {*blobs, *_manifests(found)})
    findings += _damaged_parts(path)
    return Outcome(
        command="bundle-verify",
        findings=(*_unfinished(path, inside), *_frame(store, found, inside), *findings),
        summary=_counts(inside, found, len(hashed), findings),
        advice=(
            *_remarks(store, inside, found),
            *left_with_vendor(_foreign(found).values()),
            *_names(store, path, inside),
        ),
    )


def known_by(path: Path) -> tuple[str, ...]:
    """Say what a bundle is known by, one fact each."""
    store = open_store(path)
    return tuple(_names(store, path, contents.read(store)))


def _names(store: LocalStore, path: Path, inside: Contents | None) -> Iterator[str]:
    """Yield what a bundle is known by: its own digest, its lock's, and the delivery it builds on."""
    yield f"{path.name}: {bundle_digest(store, path)}"
    if inside is not None:
        yield f"its lock: {contents.lock_digest(inside.lock)}"
        if inside.record.needs is not None:
            yield f"needs the delivery of {inside.record.needs.name}, whose lock is {inside.record.needs.lock}"


def bundle_digest(store: LocalStore, path: Path) -> Digest:
    """Return the digest of a bundle's ``index.json``: ``bundle create`` says the same one at its end."""
    body = store.file(INDEX) if isinstance(store, TarStore) else None
    return Digest.of(read_bytes(path / INDEX, LAYOUT_INDEX_BYTES) if body is None else body)


def damaged(command: str, path: Path, error: IntegrityError) -> Outcome:
    """Report a bundle whose own structure is damaged: nothing of it can be believed."""
    findings = (_damaged(path.name, error), *_damaged_parts(path))
    return Outcome(command=command, findings=findings, summary={"damaged": 1})


def blobs_of(store: LocalStore) -> dict[Digest, int]:
    """Return the size of each blob that a bundle's images point to and that is in it."""
    inside = contents.read(store)
    elsewhere = frozenset(inside.record.elsewhere) if inside is not None else frozenset()
    trees = [tree for _, tree in _looked(store, inside) if isinstance(tree, Tree)]
    return {
        blob.digest: blob.size for tree in trees for blob in tree.blobs if str(blob.digest) not in elsewhere
    }


def listing(path: Path) -> tuple[BundledImage, ...]:
    """List what a bundle holds, from its manifests alone."""
    store = open_store(path)
    inside = contents.read(store)
    return tuple(
        _listed(store, one, tree, inside) for one, tree in _looked(store, inside) if isinstance(tree, Tree)
    )


def _listed(store: LocalStore, image: Image, tree: Tree, inside: Contents | None) -> BundledImage:
    parsed = parse_manifest(tree.root.body, tree.root.media_type)
    children = parsed.images if isinstance(parsed, Index) else ()
    here = [str(child.platform) for child in children if child.digest not in tree.absent]
    gone = [str(child.platform) for child in children if child.digest in tree.absent]
    if not children and inside is not None:
        here = [
            str(part.platform)
            for entry in inside.lock.with_digest(image.name, image.digest)
            for part in entry.platforms
        ]
    del store
    size = sum(blob.size for blob in tree.blobs)
    return BundledImage(image, tuple(dict.fromkeys(here)), tuple(gone), size)


def _looked(store: LocalStore, inside: Contents | None) -> Iterator[tuple[Image, Tree | Finding]]:
    """Yield every image that should be there (without a lock: that is there) with its manifests."""
    absent = inside.record.absent if inside is not None else ()
    options = CopyOptions(
        skipped=frozenset(map(Digest.parse, absent)),
        foreign=inside is not None and inside.record.foreign_layers,
    )
    read: list[Image] = []
    for image in _expected(inside) if inside is not None else _recorded_images(store):
        read.append(image)
        yield image, _read_image(store, image, options)
    for image in _referrers(store, read, options):
        yield image, _read_image(store, image, options)


def _referrers(store: LocalStore, images: Sequence[Image], options: CopyOptions) -> Iterator[Image]:
    """Yield the signatures and other referrers of images; each says itself what it refers to."""
    items = [
        CopyItem(reference=str(one), source=one.name, target=one.name, digest=one.digest, tag=one.tag)
        for one in images
    ]
    found, _ = find_referrers(store, items, replace(options, referrers=()), jobs=_READERS)
    known = set(images)
    for item in found:
        image = Image(item.source, item.tag, item.digest, referrer=True)
        if image not in known:
            yield image


def _read_image(store: LocalStore, image: Image, options: CopyOptions) -> Tree | Finding:
    try:
        if image.tag is not None:
            now = store.resolve_tag(image.name, image.tag)
            if now is None or not same_digest(now, image.digest):
                return _missing(image, "the index of the layout does not name it")
        return read_tree(store, image.name, image.digest, options)
    except NotFoundError as error:
        return _missing(image, f"a manifest is missing: {error.where or error.message}")
    except RegistryError as error:
        return _damaged(image, error)


def _verify_blob(store: LocalStore, image: Image, blob: Descriptor) -> Finding | None:
    """Hash one blob; say what is wrong with it."""
    try:
        size = store.blob_size(image.name, blob.digest)
    except NotFoundError:
        return _missing(image, f"the blob {blob.digest} is missing")
    try:
        if size == blob.size and store.blob_size(image.name, blob.digest, verified=True) == size:
            return None
    except NotFoundError:
        pass
    return finding(
        "IL305",
        f"{image}: the blob {blob.digest} is damaged",
        reference=image,
        notes=[f"{size} bytes instead of {blob.size}"] if size != blob.size else [],
        hint="create the bundle again: only damaged content is fetched",
    )


def _manifests(found: list[tuple[Image, Tree | Finding]]) -> Iterator[Digest]:
    for _, tree in found:
        if isinstance(tree, Tree):
            yield from (one.digest for one in tree.manifests)


def _damaged_parts(path: Path) -> Iterator[Finding]:
    """Name the parts of a bundle that must be brought again: most often it is one of many."""
    for name in damaged_parts(whole_path(path)):
        yield finding(
            "IL305",
            f"{name} does not have the bytes that {sums_path(whole_path(path)).name} says",
            reference=name,
            hint="copy this part again",
        )


def _strange(path: Path, hashed: set[Digest]) -> Iterator[Finding]:
    """Yield the files of a directory that are links, or whose bytes are not their name (IL305)."""
    for name, reason in strange_files(path, hashed) if path.is_dir() else ():
        yield finding(
            "IL305",
            f"{name}: {reason}",
            reference=path.name,
            hint="take the file out of the bundle, then run the same `imagelock bundle create` again",
        )


def _expected(inside: Contents) -> Iterable[Image]:
    left_out = set(inside.record.left_out)
    return [
        Image(one.name, one.tag, one.digest) for one in inside.lock.images if one.image_id not in left_out
    ]


def _recorded_images(store: LocalStore) -> Iterator[Image]:
    """Yield what a layout records, the lock itself left out."""
    for name in store.repositories():
        if name == contents.NAME:
            continue
        for tag in store.tags(name):
            digest = store.resolve_tag(name, tag)
            if digest is not None:
                yield Image(name, tag, digest)
        for digest in store.untagged(name):
            yield Image(name, None, digest)


def _unfinished(path: Path, inside: Contents | None) -> tuple[Finding, ...]:
    if inside is not None:
        return ()
    return (
        finding(
            "IL306",
            f"{path.name} has no lock: an unfinished bundle, or another tool's layout",
            reference=path.name,
            hint="run the same `imagelock bundle create` again: it continues where it stopped",
        ),
    )


def _frame(
    store: LocalStore, found: list[tuple[Image, Tree | Finding]], inside: Contents | None
) -> Iterator[Finding]:
    """Yield what is wrong with a tar's files beside the blobs, whose bytes follow from the images."""
    trees = [(image, tree) for image, tree in found if isinstance(tree, Tree)]
    if not isinstance(store, TarStore) or inside is None or len(trees) < len(found):
        return
    images = [(image.name, image.tag, tree.root) for image, tree in trees]
    lock = (contents.NAME, contents.TAG, store.get_manifest(contents.NAME, contents.TAG))
    for name, body in ((INDEX, index_of([*images, lock])), (LAYOUT, LAYOUT_BODY)):
        if store.file(name) != body:
            yield finding("IL305", f"{name} does not match the images", reference=store.name)


def _counts(
    inside: Contents | None, found: list[tuple[Image, Tree | Finding]], blobs: int, findings: list[Finding]
) -> dict[str, int]:
    wrong = {item.reference for item in findings}
    referrers = sum(1 for image, _ in found if image.referrer)
    return {
        "images": sum(1 for image, _ in found if not image.referrer),
        "good": sum(1 for image, _ in found if str(image) not in wrong and not image.referrer),
        "wrong": sum(1 for image, _ in found if str(image) in wrong),
        **({"referrers": referrers} if referrers else {}),
        "blobs_hashed": blobs,
        "children_left_out": len(inside.record.absent) if inside is not None else 0,
        "foreign_layers_left_out": len(_foreign(found)),
        "images_left_out": len(inside.record.left_out) if inside is not None else 0,
    }


def _remarks(
    store: LocalStore, inside: Contents | None, found: list[tuple[Image, Tree | Finding]]
) -> tuple[str, ...]:
    if inside is None:
        return ()
    extra = sorted(str(one) for one in set(_recorded_images(store)) - {image for image, _ in found})
    return tuple(f"{one} is in the bundle, but not in its lock" for one in extra)


def _foreign(found: list[tuple[Image, Tree | Finding]]) -> dict[Digest, Descriptor]:
    """Return every layer that images need and that their vendor keeps, once."""
    return {layer.digest: layer for _, tree in found if isinstance(tree, Tree) for layer in tree.foreign}


def _missing(image: Image, why: str) -> Finding:
    return finding(
        "IL306",
        f"{image} is incomplete: {why}",
        reference=image,
        hint="run the same `imagelock bundle create` again",
    )


def _damaged(what: object, error: RegistryError) -> Finding:
    return finding(
        "IL305",
        f"{what}: {error.message}",
        reference=what,
        notes=[f"at {error.where}"] if error.where else [],
        hint=error.hint,
    )
