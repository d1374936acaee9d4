"""Write one tar from many threads at once: the place of every byte is known before the first is written.

Equal content gives equal bytes, whatever the number of threads: members are sorted, times, owners and
modes are fixed.  The bytes go into ``.NAME.imagelock-part`` beside the file, which is synced and renamed
at the end.  A killed run leaves that file; the next one hashes what it finds in each member's place and
takes only the rest in, so no journal can be wrong.  A finished file of the same length is begun with in the
same way (``adopted``), so that making it again fetches nothing.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import IntegrityError, UsageError
from imagelock.limits import PIECE_BYTES
from imagelock.model.digest import Digest, new_hasher, same_digest
from imagelock.stores.oci_tar import BLOCK
from imagelock.stores.volumes import Volumes, WritableVolumes, parts_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from imagelock.model.manifest import Descriptor
    from imagelock.stores.base import Content

_RECORD = tarfile.RECORDSIZE
_FILE_MODE = 0o644
_FOLDER_MODE = 0o755


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member is: its header's bytes and their offset, then its own bytes' offset and number."""

    header: bytes
    start: int
    data: int
    size: int

    @property
    def padding(self) -> bytes:
        """The zeros that fill the last block."""
        return bytes(-self.size % BLOCK)


def plan_members(sizes: Mapping[str, int]) -> tuple[dict[str, Place], int]:
    """Return the place of every file (and of the folders they are in), and the length of the whole tar."""
    folders = {f"{folder}/" for name in sizes for folder in _parents(name)}
    places, at = {}, 0
    for name in sorted((*sizes, *folders)):
        size = sizes.get(name, 0)
        header = _header(name, size)
        places[name] = Place(header, at, at + len(header), size)
        at += len(header) + size + -size % BLOCK
    return places, -(-(at + 2 * BLOCK) // _RECORD) * _RECORD


class TarWriter:
    """A tar on its way; as a store's target its blobs lie under ``blobs/<algorithm>/<hex>``.

    ``sizes`` are all files that it will hold.  ``names`` gives a blob's file another name.  Blobs must
    come from a :class:`~imagelock.stores.base.Source`, which proves them before their last piece.  ``length`` is
    what the whole tar takes, in bytes;
    ``part_size`` cuts it into parts of so many bytes.  Raises :class:`FileError` when another run writes the same file.
    """

    def __init__(
        self,
        path: Path,
        sizes: Mapping[str, int],
        names: Mapping[Digest, str] | None = None,
        part_size: int | None = None,
    ) -> None:
        self._path = path
        self._names = names or {}
        self._places, self.length = plan_members(sizes)
        self._whole: dict[str, bool] = {}
        self._old = False
        self.adopted = False
        self._file = WritableVolumes(path, self.length, part_size)
        self.paths = self._file.paths
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    # As a target of blobs and manifests.

    def has_manifest(self, repository: str, digest: Digest) -> bool:
        """Return False: a manifest in its place says nothing of its blobs, and is quickly written again."""
        del repository, digest
        return False

    def has_blob(self, repository: str, digest: Digest) -> bool:
        """Whether the blob's place holds it already, from a run that was killed; hashed once."""
        del repository  # One tar is one place.
        name = self._name(digest)
        known = self._whole.get(name)
        if known is None:
            known = self._whole[name] = self._old and name in self._places and self._holds(name, digest)
        return known

    def resolve_tag(self, repository: str, tag: str) -> Digest | None:
        """Return None: the index is written at the end, as a whole."""
        del repository, tag
        return None

    def mount(self, repository: str, digest: Digest, other: str) -> bool:
        """Whether the blob is here: all repositories share their blobs."""
        del other
        return self.has_blob(repository, digest)

    def put_blob(self, repository: str, descriptor: Descriptor, pieces: Iterable[bytes]) -> None:
        """Write a blob into its place."""
        del repository
        name = self._name(descriptor.digest)
        place, size = self._place(name), 0
        for piece in pieces:
            if size + len(piece) > place.size:
                break
            self._write(piece, place.data + size)
            size += len(piece)
        if size != place.size or place.size != descriptor.size:
            raise IntegrityError(f"expected {place.size} bytes, got {size}", where=str(descriptor.digest))
        self._whole[name] = True

    def put_manifest(
        self,
        repository: str,
        content: Content,
        tag: str | None = None,
        *,
        absent: Collection[Digest] = (),
    ) -> None:
        """Write a manifest into its place; its tag is the index's business."""
        del repository, tag, absent
        if not content.digest.matches(content.body):
            raise IntegrityError("the body does not match its digest", where=str(content.digest))
        self.put_file(self._name(content.digest), content.body)

    def put_file(self, name: str, body: bytes) -> None:
        """Write a file of the size that was announced."""
        place = self._place(name)
        if len(body) != place.size:
            raise UsageError(f"{len(body)} bytes instead of {place.size}", where=name)
        self._write(body, place.data)
        self._whole[name] = True

    def finish(self) -> None:
        """Sync and rename: from now on the file is there, as a whole.

        Raises :class:`UsageError` when a file was announced and not written.
        """
        missing = [name for name in self._places if not name.endswith("/") and not self._whole.get(name)]
        if missing:
            raise UsageError(f"{len(missing)} files were not written", where=missing[0])
        self._file.publish()

    # Inside.

    def _begin(self) -> None:
        """Write everything that is not a file's own bytes."""
        self._old = self._file.is_begun or self._adopt()
        end = 0
        for place in self._places.values():
            self._write(place.header, place.start)
            end = place.data + place.size
            self._write(place.padding, end)
            end += len(place.padding)
        self._write(bytes(self.length - end), end)

    def _adopt(self) -> bool:
        """Begin with the bytes of a finished file of the same length: most likely it is this one."""
        if not parts_of(self._path):
            return False
        finished = Volumes(self._path)
        if finished.size != self.length:
            return False
        at = 0
        while piece := finished.read(limits.MIB, at):
            self._write(piece, at)
            at += len(piece)
        self.adopted = True
        return True

    def _holds(self, name: str, digest: Digest) -> bool:
        place, hasher = self._places[name], new_hasher(digest.algorithm)
        at, end = place.data, place.data + place.size
        while at < end:
            piece = self._file.read(min(PIECE_BYTES, end - at), at)
            if not piece:
                return False
            hasher.update(piece)
            at += len(piece)
        return same_digest(Digest(digest.algorithm, hasher.hexdigest()), digest)

    def _write(self, piece: bytes, at: int) -> None:
        self._file.write(piece, at)

    def _name(self, digest: Digest) -> str:
        return self._names.get(digest) or f"blobs/{digest.algorithm}/{digest.hex}"

    def _place(self, name: str) -> Place:
        if name not in self._places:
            raise UsageError("not one of the announced files", where=name)
        return self._places[name]


def _parents(name: str) -> Iterator[str]:
    folder = name.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _header(name: str, size: int) -> bytes:
    """Return a member's header, with a pax header before it where ustar cannot say it."""
    member = tarfile.TarInfo(name.rstrip("/"))
    member.size = size
    member.mode = _FILE_MODE
    if name.endswith("/"):
        member.type, member.mode = tarfile.DIRTYPE, _FOLDER_MODE
    return member.tobuf(tarfile.PAX_FORMAT)
