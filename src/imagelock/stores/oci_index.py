"""``index.json`` of an OCI layout that holds many repositories, read into a catalog and written from one.

Written sorted by name, so that equal content gives equal bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from imagelock.errors import InvalidValueError
from imagelock.model import strictjson
from imagelock.model.digest import Digest
from imagelock.model.manifest import ACCEPTED_TYPES, OCI_INDEX, parse_descriptor
from imagelock.model.reference import is_tag
from imagelock.stores.catalog import Catalog, Foreign, Repository, is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.model.manifest import Descriptor
    from imagelock.model.platform import Platform
    from imagelock.model.strictjson import Json

REF_NAME = "org.opencontainers.image.ref.name"
_HEAD = f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":['.encode()
_Key = TypeVar("_Key", str, Digest)

_Names: TypeAlias = "dict[str, tuple[dict[str, Descriptor], dict[Digest, Descriptor]]]"


def read_index(body: bytes) -> Catalog:
    """Read ``index.json``; raise :class:`InvalidValueError` when it is not one.

    Of several records with one name the first counts; the others are kept like those of other tools.
    """
    document = strictjson.loads(body)
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise InvalidValueError("not an image index", text="")
    manifests = document.get("manifests")
    if not isinstance(manifests, list):
        raise InvalidValueError("manifests is not a list", text="")
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
    """Write a catalog as ``index.json``, once."""
    return IndexWriter().write(catalog)


@dataclass(slots=True)
class _Written:
    """A repository as it was written last: its records by key, and all of them in order."""

    repository: Repository
    records: dict[str | Digest, tuple[Descriptor, bytes]]
    lines: list[bytes]


class IndexWriter:
    """Writes catalogs as ``index.json``; a record that did not change is not encoded again.

    A push changes one record of thousands, and all of them are written each time.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Written] = {}

    def write(self, catalog: Catalog) -> bytes:
        """Return the bytes of ``index.json``."""
        lines = [msgspec.json.encode(one.json) for one in catalog.foreign]
        for name, repository in sorted(catalog.repositories.items()):
            lines += self._lines(name, repository)
        return _HEAD + b",".join(lines) + b"]}"

    def _lines(self, name: str, repository: Repository) -> list[bytes]:
        known = self._known.get(name)
        if known is not None and known.repository is repository:
            return known.lines
        before = known.records if known is not None else {}
        records = {
            key: found
            if (found := before.get(key)) is not None and found[0] is one
            else (one, _encode(name, key, one))
            for key, one in _records(repository)
        }
        written = _Written(repository, records, [line for _, line in records.values()])
        self._known[name] = written
        return written.lines


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


def _records(repository: Repository) -> Iterator[tuple[str | Digest, Descriptor]]:
    yield from sorted(repository.tags.items(), key=_first)
    yield from sorted(repository.untagged.items(), key=_first)


def _first(pair: tuple[_Key, Descriptor]) -> _Key:
    return pair[0]


def _encode(name: str, key: str | Digest, one: Descriptor) -> bytes:
    """Write one record."""
    ref_name = f"{name}:{key}" if isinstance(key, str) else f"{name}@{key}"
    wire: dict[str, Json] = {"mediaType": one.media_type, "digest": str(one.digest), "size": one.size}
    if one.platform is not None:
        wire["platform"] = _platform(one.platform)
    if one.artifact_type is not None:
        wire["artifactType"] = one.artifact_type
    wire["annotations"] = {**dict(one.annotations), REF_NAME: ref_name}
    return msgspec.json.encode(wire)


def _platform(platform: Platform) -> dict[str, Json]:
    parts: dict[str, Json] = {
        "architecture": platform.architecture,
        "os": platform.os,
        "variant": platform.variant,
        "os.version": platform.os_version,
    }
    return {key: part for key, part in parts.items() if part}
