"""Read what a stored manifest or index points to, and describe it to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.errors import IntegrityError, InvalidValueError
from imagelock.limits import MANIFEST_BYTES
from imagelock.model.manifest import (
    ACCEPTED_TYPES,
    CONFIG_TYPES,
    Descriptor,
    Index,
    Manifest,
    parse_manifest,
)

if TYPE_CHECKING:
    from imagelock.stores.base import Content


_LAYER_PREFIXES = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")


def children_of(parsed: Manifest | Index | None) -> tuple[Descriptor, ...]:
    """Return the manifests that an index points to."""
    if not isinstance(parsed, Index):
        return ()
    return tuple(child for child in parsed.manifests if child.media_type in ACCEPTED_TYPES)


def contents_of(parsed: Manifest | Index | None) -> tuple[Descriptor, ...]:
    """Return everything a manifest or index points to and cannot be whole without."""
    if parsed is None:
        return ()
    return parsed.manifests if isinstance(parsed, Index) else parsed.blobs


def read_manifest(content: Content) -> Manifest | Index:
    """Prove a manifest's bytes and read them; raise :class:`IntegrityError` with the cause."""
    if len(content.body) > MANIFEST_BYTES:
        raise IntegrityError(f"longer than {MANIFEST_BYTES} bytes", where=str(content.digest))
    if not content.digest.matches(content.body):
        raise IntegrityError("the body does not match its digest", where=str(content.digest))
    try:
        return parse_manifest(content.body, content.media_type)
    except InvalidValueError as error:
        raise IntegrityError(error.message, where=str(content.digest), hint=error.hint) from error


def record_of(content: Content, parsed: Manifest | Index) -> Descriptor:
    """Describe a manifest as a local store records it; what is not an image has an artifact type."""
    return Descriptor(
        media_type=parsed.media_type,
        digest=content.digest,
        size=len(content.body),
        artifact_type=artifact_kind(parsed),
    )


def artifact_kind(parsed: Manifest | Index) -> str | None:
    """Return what an artifact is: by its own word, its config, or the layers of a cosign tag; None for an image."""
    if parsed.artifact_type is not None:
        return parsed.artifact_type
    if isinstance(parsed, Index):
        return None
    if parsed.config.media_type not in CONFIG_TYPES:
        return parsed.config.media_type
    return next((one.media_type for one in parsed.layers if not _is_layer(one.media_type)), None)


def _is_layer(media_type: str) -> bool:
    return media_type.startswith(_LAYER_PREFIXES)


def referrer_of(descriptor: Descriptor, parsed: Manifest | Index) -> Descriptor:
    """Describe a manifest as the referrers API lists it (OCI distribution specification 1.1)."""
    kind = parsed.artifact_type
    if kind is None and isinstance(parsed, Manifest):
        kind = parsed.config.media_type
    return Descriptor(
        media_type=parsed.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        artifact_type=kind,
        annotations=parsed.annotations,
    )
