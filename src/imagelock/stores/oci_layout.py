"""A store in a directory: the OCI image specification's "Image Layout", for many repositories.

``oci-layout``, ``index.json`` and ``blobs/<algorithm>/<hex>``.  A manifest's record in ``index.json`` is a
descriptor whose annotation ``org.opencontainers.image.ref.name`` is ``repository:tag``, or
``repository@digest`` when it has no tag; ``skopeo … oci:DIR:repository:tag`` and ``umoci`` take these as
they are.  Records of other tools that name no repository (``skopeo … oci:DIR:latest``) are kept
untouched and not served.

Writing is safe from crashes and other processes.  Blobs arrive in ``blobs/.upload-*`` and are renamed
after their hash was checked and their bytes were synced; ``index.json`` is replaced as a whole by a writer
that holds the directory's lock (``flock`` on the directory itself, so no lock file is left).  Changes that
wait for each other go into one replacement, and each returns only after its own is on disk.  An upload
holds a lock on its file: what is not locked belongs to a dead process, and opening the store removes it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from imagelock.errors import FileError, InvalidValueError
from imagelock.limits import LAYOUT_INDEX_BYTES
from imagelock.model import strictjson
from imagelock.model.digest import Digest, same_digest
from imagelock.stores.backend import Stamp, hash_file
from imagelock.stores.base import FileSegment
from imagelock.stores.catalog import Catalog
from imagelock.stores.local import LocalStore
from imagelock.stores.oci_index import IndexWriter, read_index

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from imagelock.model.digest import Buffer

_VERSION = "1.0.0"
_PREFIX = ".upload-"
_TEMPORARY = (f"blobs/{_PREFIX}*", ".index.json-*", ".oci-layout-*")


class LayoutStore(LocalStore):
    """A :class:`~imagelock.stores.local.LocalStore` in a directory.

    With ``create`` a missing or empty directory becomes an empty layout and leftovers of dead processes
    are removed; without, nothing is written until something is stored.  Raises :class:`FileError` when
    the directory is not a layout or cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True) -> None:
        directory = _Directory(Path(path))
        directory.prepare(create=create)
        super().__init__(directory)


@dataclass(slots=True, eq=False)
class _Change:
    """One change of the catalog on its way in, and how it ended."""

    decide: Callable[[Catalog], Catalog]
    then: Callable[[Catalog], None] | None
    done: bool = False
    error: BaseException | None = None

    def apply(self, catalog: Catalog) -> Catalog:
        """Return the changed catalog, or the same one and keep the error."""
        try:
            return self.decide(catalog)
        except Exception as error:  # noqa: BLE001 - raised again in the thread whose change it is
            self.error = error
            return catalog


class _Directory:
    """The back end: files, and the snapshot of ``index.json`` that was read last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self.blobs = path / "blobs"
        self._index = path / "index.json"
        self._guard = threading.Lock()
        self._writer = IndexWriter()
        self._seen: tuple[Stamp | None, Catalog] = (None, Catalog())
        self._queue = threading.Lock()
        self._waiting: list[_Change] = []

    def prepare(self, *, create: bool) -> None:
        """Check that this is a layout of a version we know; with ``create`` make it one."""
        with _file_errors(self.path):
            if create:
                self.path.mkdir(parents=True, exist_ok=True)
                with self.locked():
                    self._initialise()
                    self._sweep()
            version = _layout_version(self.path / "oci-layout")
        if version is None:
            raise FileError("not an OCI image layout: no oci-layout file", where=self.name)
        if version != _VERSION:
            raise FileError(f"an OCI image layout of version {version[:20]}, not {_VERSION}", where=self.name)
        self.catalog()

    def _initialise(self) -> None:
        marker = self.path / "oci-layout"
        if marker.exists():
            return
        if any(not one.name.startswith(".") for one in self.path.iterdir()):
            raise FileError(
                "not an OCI image layout, and not empty", where=self.name, hint="name another directory"
            )
        self.blobs.mkdir(exist_ok=True)
        self._replace(self._index, self._writer.write(Catalog()))
        self._replace(marker, msgspec.json.encode({"imageLayoutVersion": _VERSION}))

    def _sweep(self) -> None:
        """Remove the temporary files of processes that are gone; live uploads hold a lock on theirs."""
        for pattern in _TEMPORARY:
            for file in self.path.glob(pattern):
                with contextlib.suppress(FileNotFoundError, BlockingIOError), file.open("rb") as held:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    file.unlink()

    # Blobs.

    def create(self) -> _Sink:
        with _file_errors(self.blobs), self.locked():
            # Under the lock, so that no one sweeps the file between its creation and its own lock.
            return _Sink(self, self.blobs / f"{_PREFIX}{secrets.token_hex(8)}")

    def stamp(self, digest: Digest) -> Stamp | None:
        try:
            status = self.file(digest).lstat()
        except OSError:
            return None
        # A link may lead to anybody's file, and change after it was proved: a layout holds files.
        return _file_stamp(status) if stat.S_ISREG(status.st_mode) else None

    def open(self, digest: Digest) -> BinaryIO | None:
        with _file_errors(self.file(digest)):
            try:
                return open(self.file(digest), "rb", opener=_open_file)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno == errno.ELOOP:
                    return None
                raise

    def segments(self, digest: Digest) -> Iterator[FileSegment]:
        file = self.open(digest)
        if file is not None:
            with file:
                yield FileSegment(file.fileno(), 0, os.fstat(file.fileno()).st_size)

    def remove(self, digest: Digest) -> None:
        with _file_errors(self.file(digest)):
            self.file(digest).unlink(missing_ok=True)

    def contents(self) -> Iterator[tuple[Digest, int, float]]:
        for file in sorted(self.blobs.glob("*/*")):
            digest = _digest_of_name(file)
            status = file.lstat() if digest is not None else None
            if digest is not None and status is not None and stat.S_ISREG(status.st_mode):
                yield digest, status.st_size, status.st_mtime

    def file(self, digest: Digest) -> Path:
        return self.blobs / digest.algorithm / digest.hex

    # The catalog.

    def catalog(self) -> Catalog:
        """Return the snapshot; it is read again when another process has replaced the file."""
        seen, catalog = self._seen
        if seen is not None and _stamp(self._index) == seen:
            return catalog
        with self._guard:
            return self._load()

    def update(
        self, decide: Callable[[Catalog], Catalog], then: Callable[[Catalog], None] | None = None
    ) -> None:
        change = _Change(decide, then)
        with self._queue:
            self._waiting.append(change)
        with self._guard:
            if not change.done:  # Who had the guard before may have carried this change out as well.
                self._carry_out()
        if change.error is not None:
            raise change.error

    def _carry_out(self) -> None:
        """Write every change that waits, in order, with one replacement of ``index.json``."""
        with self._queue:
            changes, self._waiting = self._waiting, []
        try:
            with _file_errors(self.path), self.locked():
                current = changed = self._load()
                for change in changes:
                    changed = change.apply(changed)
                if changed is not current:
                    self._replace(self._index, self._writer.write(changed))
                    self._seen = (_stamp(self._index), changed)
                for change in changes:
                    if change.then is not None and change.error is None:
                        change.then(changed)
        except BaseException as error:  # Each waiting thread must learn that its change was not made.
            for change in changes:
                change.error = change.error or error
            if not isinstance(error, Exception):
                raise
        finally:
            for change in changes:
                change.done = True

    def _load(self) -> Catalog:
        with _file_errors(self._index), self._index.open("rb") as file:
            stamp = _file_stamp(os.fstat(file.fileno()))
            if self._seen[0] == stamp:
                return self._seen[1]
            body = file.read(LAYOUT_INDEX_BYTES + 1)
        if len(body) > LAYOUT_INDEX_BYTES:
            raise FileError(f"longer than {LAYOUT_INDEX_BYTES} bytes", where=str(self._index))
        try:
            catalog = read_index(body)
        except InvalidValueError as error:
            raise FileError(error.message, where=str(self._index)) from error
        self._seen = (stamp, catalog)
        return catalog

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be alone among all writers of this directory, threads and processes."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _replace(self, target: Path, body: bytes) -> None:
        """Write a file of the layout's root: temporary file, sync, rename, sync of the directory."""
        temporary = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
        try:
            with temporary.open("xb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_directory(self.path)


class _Sink:
    """A blob's file on its way in; its lock says that its process lives."""

    def __init__(self, directory: _Directory, path: Path) -> None:
        self._directory = directory
        self._path = path
        self._file = path.open("x+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.discard()
            raise

    def append(self, piece: Buffer) -> None:
        with _file_errors(self._path):
            view = memoryview(piece)
            while view:
                view = view[self._file.write(view) :]

    def reread(self) -> BinaryIO:
        with _file_errors(self._path):
            return self._path.open("rb")

    def publish(self, digest: Digest) -> None:
        """Sync, rename, sync: after this the blob survives a crash of the machine.

        A blob that was there already is replaced: it may be damaged, and this one is proved.
        """
        target = self._directory.file(digest)
        with _file_errors(target):
            os.fsync(self._file.fileno())
            target.parent.mkdir(exist_ok=True)
            self._path.replace(target)
            _sync_directory(target.parent)

    def discard(self) -> None:
        self._path.unlink(missing_ok=True)
        self._file.close()


def _layout_version(marker: Path) -> str | None:
    try:
        with marker.open("rb") as file:
            document = strictjson.loads(file.read(4096))
    except FileNotFoundError:
        return None
    except InvalidValueError as error:
        raise FileError(error.message, where=str(marker)) from error
    version = document.get("imageLayoutVersion") if isinstance(document, dict) else None
    return version if isinstance(version, str) else "unknown"


def _open_file(path: str, flags: int) -> int:
    """Open a file and never what a link leads to."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)


def strange_files(path: Path, hashed: Collection[Digest] = ()) -> Iterator[tuple[str, str]]:
    """Yield what in a layout's directory is not what its name says, with the reason: links, names, bytes.

    The bytes of ``hashed`` were looked at already.
    """
    for name in ("oci-layout", "index.json", "blobs"):
        if (path / name).is_symlink():
            yield name, "a symbolic link"
    for file in sorted((path / "blobs").glob("*/*")) if not (path / "blobs").is_symlink() else ():
        shown = file.relative_to(path).as_posix()
        if file.is_symlink() or file.parent.is_symlink():
            yield shown, "a symbolic link"
        elif not file.is_file():
            yield shown, "not a regular file"
        elif (digest := _digest_of_name(file)) is None:
            yield shown, "a name that is not a digest"
        elif digest not in hashed:
            with file.open("rb") as stream:
                if not same_digest(hash_file(stream, digest.algorithm), digest):
                    yield shown, "bytes that do not hash to its name"


def _digest_of_name(file: Path) -> Digest | None:
    try:
        return Digest.parse(f"{file.parent.name}:{file.name}")
    except InvalidValueError:
        return None


def _stamp(path: Path) -> Stamp | None:
    try:
        return _file_stamp(path.stat())
    except OSError:
        return None


def _file_stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_size, (status.st_ino, status.st_mtime_ns, status.st_ctime_ns))


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors into ours, with the file's name."""
    try:
        yield
    except OSError as error:
        raise FileError(error.strerror or str(error), where=str(path)) from error
