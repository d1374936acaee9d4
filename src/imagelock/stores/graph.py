"""What points to what in a local store: manifests, the children of indexes, blobs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from imagelock.errors import IntegrityError, InvalidValueError, NotFoundError
from imagelock.limits import INDEX_DEPTH, MANIFEST_BYTES
from imagelock.model.manifest import parse_manifest
from imagelock.stores.manifest_links import children_of, contents_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from imagelock.model.digest import Digest
    from imagelock.model.manifest import Descriptor, Index, Manifest
    from imagelock.stores.catalog import Catalog, Repository

_REMEMBERED_MANIFESTS = 4096


class Graph:
    """Follows what manifests point to; what was read is remembered, since a digest names its bytes.

    ``catalog`` gives the current snapshot, ``read`` a stored body of at most so many bytes, proved.
    """

    def __init__(self, catalog: Callable[[], Catalog], read: Callable[[Digest, int], bytes]) -> None:
        self._catalog = catalog
        self._read = read
        self._parsed: dict[Digest, Manifest | Index] = {}
        self._members: dict[str, tuple[Repository, Mapping[Digest, Descriptor]]] = {}
        self._guard = threading.Lock()

    def parse(self, digest: Digest) -> Manifest | Index | None:
        """Read what a manifest points to; None when it is missing or damaged."""
        known = self._parsed.get(digest)
        if known is not None:
            return known
        try:
            parsed = parse_manifest(self._read(digest, MANIFEST_BYTES))
        except (NotFoundError, IntegrityError, InvalidValueError):
            return None
        with self._guard:
            if len(self._parsed) >= _REMEMBERED_MANIFESTS:
                self._parsed.clear()
            self._parsed[digest] = parsed
        return parsed

    def is_unreadable(self, digest: Digest) -> bool:
        """Whether a manifest is stored, but damaged or no manifest: what it points to cannot be known."""
        if self.parse(digest) is not None:
            return False
        try:
            parse_manifest(self._read(digest, MANIFEST_BYTES))
        except NotFoundError:
            return False
        except (IntegrityError, InvalidValueError):
            return True
        return False

    def members(self, name: str, catalog: Catalog | None = None) -> Mapping[Digest, Descriptor]:
        """Return every manifest of a repository: the recorded ones and the children of its indexes."""
        records = (catalog or self._catalog()).repository(name)
        known = self._members.get(name)
        if known is not None and known[0] is records:
            return known[1]
        members = self.reach(records.recorded.values())
        self._members[name] = (records, members)
        return members

    def reach(self, start: Iterable[Descriptor]) -> dict[Digest, Descriptor]:
        """Return these manifests and all that the indexes among them point to, by digest."""
        found = {one.digest: one for one in start}
        level = [one for one in found.values() if one.is_index]
        for _ in range(INDEX_DEPTH):
            children = [child for one in level for child in children_of(self.parse(one.digest))]
            level = [child for child in children if child.digest not in found and child.is_index]
            found.update({child.digest: child for child in children if child.digest not in found})
        return found

    def pointed_to(self, members: Mapping[Digest, Descriptor]) -> set[Digest]:
        """Return the children of the indexes among these manifests."""
        indexes = [one for one in members.values() if one.is_index]
        return {child.digest for one in indexes for child in children_of(self.parse(one.digest))}

    def used(self, catalog: Catalog) -> set[Digest]:
        """Return every digest that some record needs, those of other tools included."""
        manifests = set(self.reach(one.descriptor for one in catalog.foreign))
        for name in catalog.repositories:
            manifests.update(self.members(name, catalog))
        contents = {one.digest for digest in manifests for one in contents_of(self.parse(digest))}
        return manifests | contents
