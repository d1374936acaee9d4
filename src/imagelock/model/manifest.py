"""Manifests and indexes, read strictly from bytes.

Follows the OCI image specification 1.1 (manifest, image index, descriptor) and the Docker image
manifest version 2, schema 2.  Two readers must never understand one body differently: duplicate keys,
a body that is both a manifest and an index, and a media type that contradicts the shape are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError
from imagelock.lazy_regex import lazy_regex
from imagelock.limits import INDEX_CHILDREN, KIB
from imagelock.model import strictjson
from imagelock.model.digest import Digest
from imagelock.model.platform import Platform

if TYPE_CHECKING:
    from imagelock.model.strictjson import Json

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_SCHEMA1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)

MANIFEST_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST)
INDEX_TYPES = (OCI_INDEX, DOCKER_INDEX)
ACCEPTED_TYPES = (*INDEX_TYPES, *MANIFEST_TYPES)
"""Every media type imagelock asks a registry for, indexes first: some registries take the order."""
FOREIGN_LAYER_TYPES = (
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
)
"""Layers that stay with their vendor (Windows bases): an image is whole without them."""
CONFIG_TYPES = (OCI_CONFIG, DOCKER_CONFIG)
"""Config blobs that describe an image that can run, and so tell a platform."""

_MEDIA_TYPE = lazy_regex(
    r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """One pointer to content: what it is, its digest, its size in bytes."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    artifact_type: str | None = None
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def is_index(self) -> bool:
        """Whether this points to an index."""
        return self.media_type in INDEX_TYPES

    @property
    def is_manifest(self) -> bool:
        """Whether this points to an image manifest."""
        return self.media_type in MANIFEST_TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One image (or artifact) of one platform."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Everything the manifest points to that is not a manifest: the config, then the layers."""
        return (self.config, *self.layers)

    @property
    def download_size(self) -> int:
        """Bytes a node pulls for this image: config and layers, as stored."""
        return sum(blob.size for blob in self.blobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One image of several platforms: a list of manifests (or of further indexes)."""

    media_type: str
    manifests: tuple[Descriptor, ...]
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def images(self) -> tuple[Descriptor, ...]:
        """The children that a node can run: those with a known platform (no attestations)."""
        return tuple(
            child for child in self.manifests if child.platform is not None and not child.platform.is_unknown
        )


def parse_manifest(body: bytes, media_type: str | None = None) -> Manifest | Index:
    """Read a manifest or index; ``media_type`` is the Content-Type it came with, if any.

    Raises :class:`InvalidValueError` for everything that is neither, contradicts itself, or is Docker's
    schema 1 (whose digest does not cover its bytes).
    """
    # Who proves a manifest and who uses it are two, and both need it read: what was read last is at hand.
    return _recent(body, media_type) if len(body) <= _RECENT_BYTES else _read(body, media_type)


def _read(body: bytes, media_type: str | None) -> Manifest | Index:
    document = strictjson.loads(body)
    if not isinstance(document, dict):
        raise InvalidValueError("a manifest is a JSON object", text="")
    if document.get("schemaVersion") != 2:
        raise InvalidValueError(_not_version_2(document), text="", hint=_SCHEMA1_HINT)
    kind = _kind(document, media_type)
    if kind in INDEX_TYPES:
        return _index(document, kind)
    return _manifest(document, kind)


_RECENT_BYTES = 64 * KIB
_recent = lru_cache(maxsize=256)(_read)
_SCHEMA1_HINT = "push the image again with a current docker, podman or skopeo"


def _not_version_2(document: dict[str, Json]) -> str:
    if document.get("schemaVersion") == 1:
        return "Docker schema 1 manifests are not supported: they have no stable digest"
    return "not a manifest: schemaVersion is not 2"


def _kind(document: dict[str, Json], media_type: str | None) -> str:
    """Decide what the body is; every sign that is there must agree."""
    inside = document.get("mediaType")
    if inside is not None and not isinstance(inside, str):
        raise InvalidValueError("mediaType is not a string", text="")
    outside = media_type if media_type in ACCEPTED_TYPES else None
    if media_type in DOCKER_SCHEMA1:
        raise InvalidValueError(_not_version_2({"schemaVersion": 1}), text="", hint=_SCHEMA1_HINT)
    if inside and outside and inside != outside:
        raise InvalidValueError(f"the body says {inside}, the registry says {outside}", text="")
    has_children, has_config = "manifests" in document, "config" in document or "layers" in document
    if has_children == has_config:
        raise InvalidValueError(
            "neither a manifest nor an index: it must have config and layers, or manifests", text=""
        )
    kind = inside or outside or (OCI_INDEX if has_children else OCI_MANIFEST)
    if kind not in ACCEPTED_TYPES:
        raise InvalidValueError(f"unknown manifest type {kind[:120]}", text="")
    if (kind in INDEX_TYPES) != has_children:
        raise InvalidValueError(f"the body does not have the form of {kind}", text="")
    return kind


def _manifest(document: dict[str, Json], kind: str) -> Manifest:
    layers = document.get("layers")
    if not isinstance(layers, list):
        raise InvalidValueError("layers is not a list", text="")
    return Manifest(
        media_type=kind,
        config=_descriptor(document.get("config"), "config"),
        layers=tuple(_descriptor(layer, f"layers[{i}]") for i, layer in enumerate(layers)),
        artifact_type=_optional_text(document, "artifactType"),
        subject=_subject(document),
        annotations=_annotations(document.get("annotations"), "manifest"),
    )


def _index(document: dict[str, Json], kind: str) -> Index:
    children = document.get("manifests")
    if not isinstance(children, list):
        raise InvalidValueError("manifests is not a list", text="")
    if len(children) > INDEX_CHILDREN:
        raise InvalidValueError(f"an index with more than {INDEX_CHILDREN} children", text="")
    return Index(
        media_type=kind,
        manifests=tuple(_descriptor(child, f"manifests[{i}]") for i, child in enumerate(children)),
        artifact_type=_optional_text(document, "artifactType"),
        subject=_subject(document),
        annotations=_annotations(document.get("annotations"), "manifest"),
    )


def parse_descriptor(value: Json, where: str) -> Descriptor:
    """Read one descriptor out of JSON that is not a manifest (an OCI layout's ``index.json``).

    ``where`` names it in the :class:`InvalidValueError` that is raised when it is none.
    """
    return _descriptor(value, where)


def _subject(document: dict[str, Json]) -> Descriptor | None:
    subject = document.get("subject")
    return None if subject is None else _descriptor(subject, "subject")


def _descriptor(value: Json, where: str) -> Descriptor:
    if not isinstance(value, dict):
        raise InvalidValueError(f"{where} is not a descriptor", text="")
    media_type, digest, size = value.get("mediaType"), value.get("digest"), value.get("size")
    if not isinstance(media_type, str) or not _MEDIA_TYPE.fullmatch(media_type):
        raise InvalidValueError(f"{where}.mediaType is not a media type", text="")
    if not isinstance(digest, str):
        raise InvalidValueError(f"{where}.digest is missing", text="")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**63:
        raise InvalidValueError(f"{where}.size is not a size", text="")
    try:
        parsed = Digest.parse(digest)
    except InvalidValueError as error:
        raise InvalidValueError(f"{where}.digest: {error.message}", text=digest) from error
    return Descriptor(
        media_type=media_type,
        digest=parsed,
        size=size,
        platform=_platform(value.get("platform"), where),
        artifact_type=_optional_text(value, "artifactType"),
        annotations=_annotations(value.get("annotations"), where),
    )


def _platform(value: Json, where: str) -> Platform | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidValueError(f"{where}.platform is not an object", text="")
    parts = {key: value.get(key, "") for key in ("os", "architecture", "variant", "os.version")}
    texts = {key: part for key, part in parts.items() if isinstance(part, str)}
    if len(texts) != len(parts) or not texts["os"] or not texts["architecture"]:
        raise InvalidValueError(f"{where}.platform has no os and architecture", text="")
    return Platform(
        os=texts["os"],
        architecture=texts["architecture"],
        variant=texts["variant"],
        os_version=texts["os.version"],
    )


def _annotations(value: Json, where: str) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise InvalidValueError(f"{where}.annotations is not an object", text="")
    pairs = tuple((key, text) for key, text in value.items() if isinstance(text, str))
    if len(pairs) != len(value):
        raise InvalidValueError(f"{where}.annotations has a value that is not a string", text="")
    return pairs


def _optional_text(document: dict[str, Json], key: str) -> str | None:
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidValueError(f"{key} is not a string", text="")
    return value or None


def parse_config_platform(body: bytes) -> Platform:
    """Read the platform out of an image's config blob (``os``, ``architecture``, ``variant``)."""
    document = strictjson.loads(body)
    if not isinstance(document, dict):
        raise InvalidValueError("an image config is a JSON object", text="")
    platform = _platform(document, "config")
    if platform is None:
        raise InvalidValueError("an image config has os and architecture", text="")
    return platform


def descriptor_fields(one: Descriptor) -> dict[str, str | int | dict[str, str]]:
    """Return a descriptor as JSON writes it (OCI image specification, "OCI Content Descriptors")."""
    fields: dict[str, str | int | dict[str, str]] = {
        "mediaType": one.media_type,
        "digest": str(one.digest),
        "size": one.size,
    }
    if one.artifact_type is not None:
        fields["artifactType"] = one.artifact_type
    if one.annotations:
        fields["annotations"] = dict(one.annotations)
    return fields
