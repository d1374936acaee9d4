"""Tiny made-up images for the demo and the tests: valid, distinct, and the same on every run."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from imagelock.model.digest import Digest
from imagelock.model.manifest import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
)
from imagelock.model.platform import Platform
from imagelock.stores.base import Content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagelock.stores.base import Target

_Wire: TypeAlias = "dict[str, str | int | dict[str, str]]"
_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_STATEMENT = "application/vnd.in-toto+json"
_CREATED = "1970-01-01T00:00:00Z"

LINUX_AMD64 = Platform("linux", "amd64")
LINUX_ARM64 = Platform("linux", "arm64", "v8")
UNKNOWN = Platform("unknown", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleImage:
    """One image: everything to push, in the order in which it has to be pushed.

    ``content`` is what a tag points to.  ``children`` are the manifests of its index (none for a single
    image), ``platforms`` the digests of those that can run.
    """

    content: Content
    children: tuple[Content, ...]
    platforms: tuple[tuple[Platform, Digest], ...]
    blobs: tuple[tuple[Descriptor, bytes], ...]

    @property
    def digest(self) -> Digest:
        """What the tag's digest is."""
        return self.content.digest


@dataclass(frozen=True, slots=True)
class _Child:
    """One manifest with its blobs."""

    content: Content
    platform: Platform
    blobs: tuple[tuple[Descriptor, bytes], ...]


def sample_image(
    seed: str,
    platforms: Platform | Sequence[Platform] = LINUX_AMD64,
    *,
    docker: bool = False,
    attestation: bool = False,
) -> SampleImage:
    """Make an image; each ``seed`` gives another one, the same seed always the same.

    One platform gives a manifest, a sequence an index.  ``docker`` takes Docker's media types (schema 2)
    in place of OCI's; ``attestation`` adds an ``unknown/unknown`` child, as buildkit does.
    """
    if isinstance(platforms, Platform):
        return _single(_runnable(seed, platforms, docker=docker))
    children = [_runnable(seed, platform, docker=docker) for platform in platforms]
    runnable = tuple((child.platform, child.content.digest) for child in children)
    if attestation:
        children.append(_attestation(seed, children[0].content.digest))
    return SampleImage(
        content=_index(children, docker=docker),
        children=tuple(child.content for child in children),
        platforms=runnable,
        blobs=tuple({blob[0].digest: blob for child in children for blob in child.blobs}.values()),
    )


def push_sample(target: Target, repository: str, tag: str | None, image: SampleImage) -> Digest:
    """Put an image into a store: blobs first, then children, then what the tag points to."""
    for descriptor, data in image.blobs:
        target.put_blob(repository, descriptor, iter((data,)))
    for child in image.children:
        target.put_manifest(repository, child)
    target.put_manifest(repository, image.content, tag)
    return image.digest


def _single(child: _Child) -> SampleImage:
    return SampleImage(
        content=child.content,
        children=(),
        platforms=((child.platform, child.content.digest),),
        blobs=child.blobs,
    )


def _runnable(seed: str, platform: Platform, *, docker: bool) -> _Child:
    tar = _tar("etc/sample", f"{seed} for {platform}\n".encode())
    layer = _blob(_DOCKER_LAYER if docker else _OCI_LAYER, gzip.compress(tar, mtime=0))
    config = {
        "created": _CREATED,
        **_platform(platform),
        "config": {"Labels": {"imagelock.sample": seed}, "Cmd": ["/etc/sample"]},
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(tar))]},
        "history": [{"created": _CREATED, "created_by": f"sample {seed}"}],
    }
    blobs = (_blob(DOCKER_CONFIG if docker else OCI_CONFIG, msgspec.json.encode(config)), layer)
    return _Child(_manifest(DOCKER_MANIFEST if docker else OCI_MANIFEST, blobs), platform, blobs)


def _attestation(seed: str, subject: Digest) -> _Child:
    statement = {"_type": "https://in-toto.io/Statement/v0.1", "subject": [str(subject)], "seed": seed}
    config = {**_platform(UNKNOWN), "rootfs": {"type": "layers", "diff_ids": []}}
    blobs = (
        _blob(OCI_CONFIG, msgspec.json.encode(config)),
        _blob(_STATEMENT, msgspec.json.encode(statement)),
    )
    return _Child(_manifest(OCI_MANIFEST, blobs), UNKNOWN, blobs)


def _index(children: Sequence[_Child], *, docker: bool) -> Content:
    kind = DOCKER_INDEX if docker else OCI_INDEX
    entries = [{**_wire(_describe(one.content)), "platform": _platform(one.platform)} for one in children]
    return _content(kind, {"schemaVersion": 2, "mediaType": kind, "manifests": entries})


def _manifest(kind: str, blobs: Sequence[tuple[Descriptor, bytes]]) -> Content:
    config, *layers = (_wire(descriptor) for descriptor, _ in blobs)
    return _content(kind, {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers})


def _content(kind: str, document: dict[str, int | str | _Wire | list[_Wire]]) -> Content:
    body = msgspec.json.encode(document)
    return Content(body=body, digest=Digest.of(body), media_type=kind, host="sample")


def _describe(content: Content) -> Descriptor:
    return Descriptor(media_type=content.media_type, digest=content.digest, size=len(content.body))


def _blob(kind: str, data: bytes) -> tuple[Descriptor, bytes]:
    return Descriptor(media_type=kind, digest=Digest.of(data), size=len(data)), data


def _wire(one: Descriptor) -> _Wire:
    return {"mediaType": one.media_type, "digest": str(one.digest), "size": one.size}


def _platform(platform: Platform) -> dict[str, str]:
    parts = {
        "architecture": platform.architecture,
        "os": platform.os,
        "variant": platform.variant,
        "os.version": platform.os_version,
    }
    return {key: part for key, part in parts.items() if part}


def _tar(name: str, data: bytes) -> bytes:
    """Return a tar archive of one file, with nothing in it that changes from run to run."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        member.mode = 0o644
        archive.addfile(member, io.BytesIO(data))
    return target.getvalue()
