"""Read ``image://REFERENCE/GLOB``: files of an image, through its registry, as a container would see them.

Layers are streamed newest first and every one is read to its end, which proves its digest; nothing is
written and nothing is run.  Follows the OCI image specification 1.1, "Image Layer Filesystem Changeset".
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imagelock import limits
from imagelock.errors import IntegrityError, NotFoundError, UsageError
from imagelock.model.manifest import Index, parse_manifest
from imagelock.model.reference import Reference
from imagelock.stores.layer_stream import FILE, FOLDER, HARD_LINK, LINK, TarStream, decompressed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.model.manifest import Descriptor
    from imagelock.ops.project import Project
    from imagelock.stores.base import Source
    from imagelock.stores.layer_stream import Entry

SCHEME = "image://"
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_ROUNDS = 4
"""How often layers are read again because a link led to a file that was not kept the first time."""


def split_source(text: str) -> tuple[Reference, str]:
    """Split a source into its image and its glob; raise :class:`UsageError` for what is none.

    The image has a tag or a digest: without one no one knows where its name ends.
    """
    words = text.removeprefix(SCHEME)
    parts = words.split("/")
    found: tuple[Reference, str] | None = None
    for i in range(1, len(parts)):
        reference = Reference.parse_or_none("/".join(parts[:i]))
        if reference is not None and reference.is_versioned:
            found = (reference, "/".join(parts[i:]).strip("/"))
    if found is None or not found[1]:
        raise UsageError(
            "no image and path", where=text, hint="write image://name:tag/path, or name@digest/path"
        )
    return found


def read_image(project: Project, text: str) -> list[tuple[str, bytes]]:
    """Return the files of an image source, each with its name as findings show it; asks the registry."""
    from imagelock.registry.client import RegistryClient  # noqa: PLC0415 - most runs read no image

    if project.settings.offline:
        raise UsageError(
            "files inside images are read from a registry", where=text, hint="run without --offline"
        )
    reference, glob = split_source(text)
    settings = project.settings
    with RegistryClient(project.config.hosts, jobs=settings.jobs, retry_time=settings.retry_time) as client:
        files = read_files(client, reference, glob)
    if not files:
        raise NotFoundError("the image does not have this file", where=text)
    return [(f"{SCHEME}{reference}/{path}", data) for path, data in files]


def read_files(store: Source, reference: Reference, glob: str) -> list[tuple[str, bytes]]:
    """Return the files that a glob means in an image, by path; of several platforms the first counts."""
    target = reference.digest or reference.pulled_tag or "latest"
    content = store.get_manifest(reference.name, target)
    parsed = parse_manifest(content.body, content.media_type)
    if isinstance(parsed, Index):
        if not parsed.images:
            raise NotFoundError("the index lists no image", where=str(reference))
        content = store.get_manifest(reference.name, parsed.images[0].digest)
        parsed = parse_manifest(content.body, content.media_type)
    if isinstance(parsed, Index):
        raise IntegrityError("an index within an index", where=str(reference))
    image = _Image(store, reference.name, tuple(reversed(parsed.layers)), glob.split("/"))
    return image.files()


@dataclass(slots=True)
class _Image:
    """What is known of an image while its layers are read.

    ``tree`` holds every visible entry by path, with the number of its layer; ``kept`` the files read.
    ``unread`` and ``room`` are what is left of the caps on decompressed bytes and on files kept.
    """

    store: Source
    name: str
    layers: tuple[Descriptor, ...]
    glob: list[str]
    tree: dict[str, tuple[Entry, int]] = field(default_factory=dict)
    folders: dict[str, set[str]] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)
    unread: int = field(default_factory=lambda: limits.IMAGE_BYTES)
    room: int = field(default_factory=lambda: limits.IMAGE_FILES_BYTES)

    def files(self) -> list[tuple[str, bytes]]:
        is_one = not any(mark in part for part in self.glob for mark in "*?[")
        path = "/".join(self.glob)
        for number in range(len(self.layers)):
            self._read(number)
            if (is_one and path in self.kept) or self._is_settled():
                break
        found = dict(self._resolved())
        for _ in range(_ROUNDS):
            missing = {real for real in found.values() if real not in self.kept}
            if not missing:
                break
            for number in sorted({self.tree[real][1] for real in missing}):
                self._read_again(number, missing)
        return [(shown, self.kept[real]) for shown, real in sorted(found.items()) if real in self.kept]

    def _is_settled(self) -> bool:
        """Whether the folder in which the glob begins to vary hides all below: no older layer counts."""
        fixed: list[str] = []
        for part in self.glob:
            if any(mark in part for mark in "*?["):
                break
            fixed.append(part)
        path = "/".join(fixed)
        return bool(path) and path in self.tree and self._is_covered(f"{path}/x")

    def _read(self, number: int) -> None:
        """Take the entries of one layer that no newer layer hides; its whiteouts count for older ones."""
        hidden, opaque = set[str](), set[str]()
        mine: dict[str, Entry] = {}
        stream = self._stream(number)
        for entry in stream:
            folder, _, last = entry.path.rpartition("/")
            if last == _OPAQUE:
                opaque.add(folder)
            elif last.startswith(_WHITEOUT):
                hidden.add(f"{folder}/{last[len(_WHITEOUT) :]}".lstrip("/"))
            elif entry.path and not self._is_hidden(entry.path):
                mine[entry.path] = entry
                if entry.kind == FILE and _matches(entry.path.split("/"), self.glob):
                    self._keep(entry, stream)
                else:
                    self.kept.pop(entry.path, None)
        for path, entry in mine.items():
            self.tree[path] = (entry, number)
            self._enter(path)
        if len(self.tree) > limits.LAYER_ENTRIES:
            raise IntegrityError(f"an image with more than {limits.LAYER_ENTRIES} files", where=self.name)
        self.hidden |= hidden
        self.opaque |= opaque

    def _enter(self, path: str) -> None:
        folder, _, last = path.rpartition("/")
        while last not in (names := self.folders.setdefault(folder, set())):
            names.add(last)
            folder, _, last = folder.rpartition("/")
            if not last:
                break

    def _read_again(self, number: int, wanted: set[str]) -> None:
        stream = self._stream(number)
        for entry in stream:
            if entry.kind == FILE and entry.path in wanted and self.tree[entry.path][1] == number:
                self._keep(entry, stream)

    def _stream(self, number: int) -> TarStream:
        return TarStream(self._counted(decompressed(self.store.open_blob(self.name, self.layers[number]))))

    def _counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pass a layer on while the image's budget lasts; what is read again counts again."""
        for piece in pieces:
            self.unread -= len(piece)
            if self.unread < 0:
                raise IntegrityError(
                    f"layers of more than {limits.IMAGE_BYTES} bytes, decompressed", where=self.name
                )
            yield piece

    def _keep(self, entry: Entry, stream: TarStream) -> None:
        data = stream.content(entry, limits.YAML_BYTES)
        self.kept[entry.path] = data
        self.room -= len(data)
        if self.room < 0:
            raise IntegrityError(
                f"the files meant are larger than {limits.IMAGE_FILES_BYTES} bytes together",
                where=self.name,
                hint="name fewer with the glob",
            )

    def _is_hidden(self, path: str) -> bool:
        known = self.tree.get(path)
        if (known is not None and known[0].kind != FOLDER) or path in self.hidden:
            return True
        return known is not None or self._is_covered(path)

    def _is_covered(self, path: str) -> bool:
        """Whether something above a path was removed, emptied or replaced by a newer layer."""
        folder = path.rpartition("/")[0]
        while folder:
            known = self.tree.get(folder)
            replaced = known is not None and known[0].kind != FOLDER
            if folder in self.hidden or folder in self.opaque or replaced:
                return True
            folder = folder.rpartition("/")[0]
        return "" in self.opaque

    def _resolved(self) -> Iterator[tuple[str, str]]:
        """Yield each path that the glob means, with the path of the file it leads to."""
        for shown in self._expanded("", self.glob):
            real = self._real(shown)
            if real is not None:
                yield shown, real

    def _expanded(self, folder: str, parts: list[str]) -> Iterator[str]:
        """Yield the paths that the rest of a glob means below a folder; links to folders are followed."""
        if not parts:
            yield folder
            return
        real = self._real(folder, wants_file=False) if folder else ""
        for name in sorted(self.folders.get(real or "", ())) if real is not None else ():
            if fnmatch.fnmatchcase(name, parts[0]):
                yield from self._expanded(f"{folder}/{name}".lstrip("/"), parts[1:])

    def _real(self, path: str, *, wants_file: bool = True) -> str | None:
        """Follow links as the kernel does inside the image; None where nothing is."""
        left = path.split("/")[::-1]
        at: list[str] = []
        links = 0
        while left:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                del at[-1:]
                continue
            here = "/".join([*at, part])
            known = self.tree.get(here)
            entry = known[0] if known is not None else None
            if entry is not None and entry.kind in (LINK, HARD_LINK):
                links += 1
                if links > limits.IMAGE_LINKS:
                    return None
                if entry.kind == HARD_LINK or entry.target.startswith("/"):
                    at = []
                left += entry.target.split("/")[::-1]
                continue
            at.append(part)
        real = "/".join(at)
        known = self.tree.get(real)
        is_file = known is not None and known[0].kind == FILE
        return real if is_file == wants_file and (is_file or real in self.folders) else None


def _matches(parts: list[str], glob: list[str]) -> bool:
    return len(parts) == len(glob) and all(map(fnmatch.fnmatchcase, parts, glob))
