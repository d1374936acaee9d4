"""``bundle create --archive docker-archive``: one file for each image, as ``docker load`` reads it.

The form of ``docker save``: a ``manifest.json``, the config and the layers.  Layers stay as they are
(compressed): docker, podman and skopeo take them, and the config's diff IDs prove them there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from imagelock.errors import IntegrityError, PlatformNotFoundError, RegistryError, UsageError
from imagelock.model.manifest import CONFIG_TYPES, Index, Manifest, parse_manifest
from imagelock.ops.copies.bundle import BundleResult
from imagelock.ops.copies.items import CopyItem, CopyOptions, CopyStatus, Result
from imagelock.ops.copies.plan import failure, keep_tag, plan
from imagelock.ops.copies.sources import Nothing
from imagelock.ops.copies.transfer import STREAMS, Done, Moved
from imagelock.ops.copies.tree import CachingSource, read_tree
from imagelock.ops.parallel import map_concurrently
from imagelock.stores.oci_tar_writer import TarWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from imagelock.model.digest import Digest
    from imagelock.model.lock import LockedImage
    from imagelock.model.platform import Platform
    from imagelock.ops.copies.bundle import Request
    from imagelock.ops.copies.items import Plan, Tree
    from imagelock.ops.parallel import Progress
    from imagelock.stores.base import Source

_MANIFEST = "manifest.json"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


def full_name(image: LockedImage) -> str:
    """Return a file name that no other name, tag or digest has."""
    mark = image.tag or image.digest.short
    # An escaped character cannot come from another name: "_" itself is doubled.
    parts = image.name.replace("_", "__").replace("/", "_s").replace(":", "_c")
    return f"{_UNSAFE.sub('_x', parts)}-{mark.replace('_', '__')}"


def epiphany_name(image: LockedImage) -> str:
    """Return ``<last part of the name>-<tag>``, as Epiphany's download role names files."""
    return f"{image.name.rpartition('/')[2]}-{image.tag or image.digest.short}"


NAMINGS: Mapping[str, Callable[[LockedImage], str]] = {"full": full_name, "epiphany": epiphany_name}
"""The values of ``--naming``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedArchives:
    """One archive for each item of ``whole``."""

    request: Request
    whole: Plan
    source: Source
    advice: tuple[str, ...] = ()


def prepare(request: Request, registries: Source, naming: Callable[[LockedImage], str]) -> PreparedArchives:
    """Read every manifest that the archives need; write nothing.

    Raises :class:`UsageError` when two images would get one name, and for several platforms at once.
    """
    if len(request.options.platforms) > 1 or request.since is not None:
        raise UsageError(
            "a docker-archive holds one platform of complete images",
            hint="give one --platform and a directory of its own, without --since",
        )
    source = CachingSource(registries)
    items = _files(request, naming)
    options = CopyOptions(platforms=request.options.platforms)
    return PreparedArchives(
        request=request, whole=plan(source, Nothing(), items, options, jobs=request.jobs), source=source
    )


def write(prepared: PreparedArchives, progress: Progress | None = None) -> BundleResult:
    """Write one archive per image into the directory; one image's failure is that image's result."""
    request, source, moved = prepared.request, prepared.source, Moved()
    settled = {one.item: one for one in prepared.whole.settled}

    def one(item: CopyItem) -> Result:
        if item in settled:
            return settled[item]
        try:
            return _write(item, request.path / item.target, request.options.platforms, source, moved)
        except RegistryError as error:
            return failure(item, error)

    items = prepared.whole.items
    results = map_concurrently(items, one, jobs=min(request.jobs, STREAMS), hosts=1, progress=progress)
    return BundleResult(Done(tuple(results), moved))


def _files(request: Request, naming: Callable[[LockedImage], str]) -> tuple[CopyItem, ...]:
    """Return each image with its file's name; refuse names that are not unique."""
    files: dict[str, LockedImage] = {}
    for image in request.lock.images:
        name = f"{naming(image)}.tar"
        # File systems that ignore case would lose one of two names that differ in nothing else.
        other = files.setdefault(name.lower(), image)
        if other is not image:
            raise UsageError(
                f"{other.reference} and {image.reference} would both be named {name}",
                hint="--naming full gives every image a unique name",
            )
    return tuple(
        CopyItem(
            reference=image.reference,
            source=image.name,
            target=f"{naming(image)}.tar",
            digest=image.digest,
            tag=image.tag or keep_tag(image.digest),
        )
        for image in request.lock.images
    )


def _write(
    item: CopyItem, path: Path, platforms: tuple[Platform, ...], source: Source, moved: Moved
) -> Result:
    manifest = _runnable(item, read_tree(source, item.source, item.digest, CopyOptions(platforms=platforms)))
    names = {blob.digest: f"{blob.digest.hex}.tar.gz" for blob in manifest.layers}
    names[manifest.config.digest] = f"{manifest.config.digest.hex}.json"
    index = msgspec.json.encode(
        [
            {
                "Config": names[manifest.config.digest],
                "RepoTags": [f"{item.source}:{item.tag}"],
                "Layers": [names[blob.digest] for blob in manifest.layers],
            }
        ]
    )
    blobs = {blob.digest: blob for blob in manifest.blobs}
    sizes = {names[digest]: blob.size for digest, blob in blobs.items()} | {_MANIFEST: len(index)}
    with TarWriter(path, sizes, names) as tar:
        missing = [blob for blob in blobs.values() if not tar.has_blob(item.target, blob.digest)]
        for blob in missing:
            tar.put_blob(item.target, blob, source.open_blob(item.source, blob))
            moved.add(blob.size)
        tar.put_file(_MANIFEST, index)
        tar.finish()
        there = tar.adopted and not missing
    return Result(item=item, verdict=CopyStatus.THERE if there else CopyStatus.COPIED)


def _runnable(item: CopyItem, tree: Tree) -> Manifest:
    """Return the one manifest that can run."""
    found = []
    for content in tree.manifests:
        parsed = parse_manifest(content.body, content.media_type)
        if isinstance(parsed, Manifest) and _is_image(parsed, content.digest, tree):
            found.append(parsed)
    if not found:
        raise PlatformNotFoundError("it has no runnable image", where=item.reference)
    if len(found) > 1:
        raise UsageError(
            f"{item.reference} has {len(found)} platforms, but an archive holds one",
            hint="choose one: --platform linux/amd64",
        )
    if any(layer.digest not in {blob.digest for blob in tree.blobs} for layer in found[0].layers):
        raise IntegrityError(
            "a layer must stay with its vendor, but an archive needs all layers", where=item.reference
        )
    return found[0]


def _is_image(parsed: Manifest, digest: Digest, tree: Tree) -> bool:
    """Whether this is an image and no attestation, which only its index tells."""
    root = parse_manifest(tree.root.body, tree.root.media_type)
    known = {child.digest: child for child in root.manifests} if isinstance(root, Index) else {}
    child = known.get(digest)
    if child is not None and child.platform is not None and child.platform.is_unknown:
        return False
    return parsed.config.media_type in CONFIG_TYPES
