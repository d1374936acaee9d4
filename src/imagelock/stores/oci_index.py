"""``index.json`` of an OCI layout that holds many repositories, read into a catalog and written from one.

Written sorted by name, so that equal content gives equal bytes.

An image under a full name (with its registry's host) is written once for each form in which a node asks
for it: ``name:tag``, ``name@digest`` and ``name:tag@digest``.  ``ctr images import`` makes a name of each
record and unpacks it, so what cannot be unpacked (signatures, the lock of a bundle) gets a record that
only imagelock reads.
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
from imagelock.stores.catalog import Catalog, Foreign, Repository, has_host, is_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.model.manifest import Descriptor
    from imagelock.model.platform import Platform
    from imagelock.model.strictjson import Json

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
"""The name that ``ctr images import`` gives an image, as it is."""
PRIVATE_NAME = "io.imagelock.ref.name"
"""The name of what is not an image: other tools must not take it for one."""
OWN_NAMESPACE = "imagelock/"
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
        repositories={name: _repository(*records) for name, records in names.items()},
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
            else (one, b",".join(_encode(name, key, one)))
            for key, one in _records(repository)
        }
        written = _Written(repository, records, [line for _, line in records.values()])
        self._known[name] = written
        return written.lines


def _record(names: _Names, descriptor: Descriptor) -> bool:
    """Enter one record; False when it names no repository of ours, or a name that is taken."""
    annotations = dict(descriptor.annotations)
    ref_name = annotations.get(PRIVATE_NAME) or annotations.get(REF_NAME, "")
    before, at, digest = ref_name.partition("@")
    if at and digest != str(descriptor.digest):
        return False
    name, colon, tag = before.rpartition(":")
    if colon and is_tag(tag):
        if not _fits(name, descriptor):
            return False
        # With a digest it is the third form of a record that has its own line.
        return bool(at) or names.setdefault(name, ({}, {}))[0].setdefault(tag, descriptor) is descriptor
    if not at or not _fits(before, descriptor):
        return False
    return names.setdefault(before, ({}, {}))[1].setdefault(descriptor.digest, descriptor) is descriptor


def _repository(tags: dict[str, Descriptor], untagged: dict[Digest, Descriptor]) -> Repository:
    """Return a repository; what has a tag was written by digest too, as a second form of its name."""
    tagged = {one.digest for one in tags.values()}
    left = {digest: one for digest, one in untagged.items() if digest not in tagged}
    return Repository(tags=tags, untagged=left)


def _fits(name: str, descriptor: Descriptor) -> bool:
    return is_name(name) and descriptor.media_type in ACCEPTED_TYPES


def _records(repository: Repository) -> Iterator[tuple[str | Digest, Descriptor]]:
    yield from sorted(repository.tags.items(), key=_first)
    yield from sorted(repository.untagged.items(), key=_first)


def _first(pair: tuple[_Key, Descriptor]) -> _Key:
    return pair[0]


def _encode(name: str, key: str | Digest, one: Descriptor) -> Iterator[bytes]:
    """Write one record, in each form of its name."""
    kept = {
        label: text
        for label, text in one.annotations
        if label not in {REF_NAME, CONTAINERD_NAME, PRIVATE_NAME}
    }
    wire: dict[str, Json] = {"mediaType": one.media_type, "digest": str(one.digest), "size": one.size}
    if one.platform is not None:
        wire["platform"] = _platform(one.platform)
    if one.artifact_type is not None:
        wire["artifactType"] = one.artifact_type
    for names in _names(name, key, one):
        wire["annotations"] = {**kept, **names}
        yield msgspec.json.encode(wire)


def _names(name: str, key: str | Digest, one: Descriptor) -> Iterator[dict[str, str]]:
    """Yield the annotations of each form of a record's name."""
    first = f"{name}:{key}" if isinstance(key, str) else f"{name}@{key}"
    if one.artifact_type is not None and (name.startswith(OWN_NAMESPACE) or has_host(name)):
        yield {PRIVATE_NAME: first}
    elif not has_host(name):
        yield {REF_NAME: first}
    else:
        others = (f"{name}@{one.digest}", f"{first}@{one.digest}") if isinstance(key, str) else ()
        for form in (first, *others):
            yield {REF_NAME: form, CONTAINERD_NAME: form}


def _platform(platform: Platform) -> dict[str, Json]:
    parts: dict[str, Json] = {
        "architecture": platform.architecture,
        "os": platform.os,
        "variant": platform.variant,
        "os.version": platform.os_version,
    }
    return {key: part for key, part in parts.items() if part}
