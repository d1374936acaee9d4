"""``index.json`` of an OCI layout that holds many repositories, read into a catalog and written from one.

Written sorted by name, so that equal content gives equal bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from imagelock.errors import ValueFormError
from imagelock.model import strictjson
from imagelock.model.manifest import ACCEPTED_TYPES, OCI_INDEX, parse_descriptor
from imagelock.model.reference import is_tag
from imagelock.registry.catalog import Catalog, Foreign, Repository, is_name

if TYPE_CHECKING:
    from imagelock.model.digest import Digest
    from imagelock.model.manifest import Descriptor
    from imagelock.model.platform import Platform
    from imagelock.model.strictjson import Json

REF_NAME = "org.opencontainers.image.ref.name"

_Names: TypeAlias = "dict[str, tuple[dict[str, Descriptor], dict[Digest, Descriptor]]]"


def read_index(body: bytes) -> Catalog:
    """Read ``index.json``; raise :class:`ValueFormError` when it is not one.

    Of several records with one name the first counts; the others are kept like those of other tools.
    """
    document = strictjson.loads(body)
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise ValueFormError("not an image index", text="")
    manifests = document.get("manifests")
    if not isinstance(manifests, list):
        raise ValueFormError("manifests is not a list", text="")
    names: _Names = {}
    foreign: list[Foreign] = []
    for position, value in enumerate(manifests):
        descriptor = parse_descriptor(value, f"manifests[{position}]")
        if not _record(names, descriptor):
            foreign.append(Foreign(descriptor, value))
    return Catalog(
        repositories={
            name: Repository(tags=tags, untagged=untagged) for name, (tags, untagged) in names.items()
        },
        foreign=tuple(foreign),
    )


def index_json(catalog: Catalog) -> bytes:
    """Write a catalog as ``index.json``."""
    ours = [
        _wire(descriptor, ref_name)
        for name, repository in sorted(catalog.repositories.items())
        for ref_name, descriptor in _records(name, repository)
    ]
    theirs = [one.json for one in catalog.foreign]
    return msgspec.json.encode({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*theirs, *ours]})


def _record(names: _Names, descriptor: Descriptor) -> bool:
    """Enter one record; False when it names no repository of ours, or a name that is taken."""
    ref_name = dict(descriptor.annotations).get(REF_NAME, "")
    name, at, _ = ref_name.partition("@")
    if at:
        if ref_name != f"{name}@{descriptor.digest}" or not _fits(name, descriptor):
            return False
        return names.setdefault(name, ({}, {}))[1].setdefault(descriptor.digest, descriptor) is descriptor
    name, colon, tag = ref_name.rpartition(":")
    if not colon or not is_tag(tag) or not _fits(name, descriptor):
        return False
    return names.setdefault(name, ({}, {}))[0].setdefault(tag, descriptor) is descriptor


def _fits(name: str, descriptor: Descriptor) -> bool:
    return is_name(name) and descriptor.media_type in ACCEPTED_TYPES


def _records(name: str, repository: Repository) -> list[tuple[str, Descriptor]]:
    tagged = [(f"{name}:{tag}", one) for tag, one in sorted(repository.tags.items())]
    untagged = sorted((f"{name}@{digest}", one) for digest, one in repository.untagged.items())
    return tagged + untagged


def _wire(one: Descriptor, ref_name: str) -> dict[str, Json]:
    wire: dict[str, Json] = {"mediaType": one.media_type, "digest": str(one.digest), "size": one.size}
    if one.platform is not None:
        wire["platform"] = _platform(one.platform)
    if one.artifact_type is not None:
        wire["artifactType"] = one.artifact_type
    wire["annotations"] = {**dict(one.annotations), REF_NAME: ref_name}
    return wire


def _platform(platform: Platform) -> dict[str, Json]:
    parts: dict[str, Json] = {
        "architecture": platform.architecture,
        "os": platform.os,
        "variant": platform.variant,
        "os.version": platform.os_version,
    }
    return {key: part for key, part in parts.items() if part}
