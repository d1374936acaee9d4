"""Read what is packed: the texts of Debian packages and of applications' archives, with the charts inside.

``tags suggest`` asks it which floating tags are in what was built; nothing is unpacked to disk, and nothing
here can be written.  A package is opened by ``dpkg-deb`` where that is installed, else by arpy (the extra ``deb``).
"""

from __future__ import annotations

import lzma
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.files import decode, read_bytes
from imagelock.formats.scan import find
from imagelock.formats.syntax.text import Text
from imagelock.limits import PACKAGE_BYTES, PACKAGE_DEPTH, PACKAGE_FILES, YAML_BYTES
from imagelock.model.finding_codes import Level
from imagelock.model.outcome import finding
from imagelock.ops.scan.archives import Budget, members
from imagelock.ops.scan.charts import packed_charts
from imagelock.ops.scan.scanned_file import ScannedFile
from imagelock.program_path import find_program
from imagelock.subprocesses import deb_contents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Chart
    from imagelock.model.outcome import Finding
    from imagelock.ops.scan.collect import Collection

READ_ONLY = "inside a package, which is not edited: change what it is built from"
_DEB = ".deb"
_TARS = (".tgz", ".tar.gz")
_TEXTS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class _Member:
    """One text: its path through all packages, its bytes, and the chart it belongs to."""

    path: str
    data: bytes
    chart: Chart | None = None


def packed_files(collection: Collection) -> Iterator[ScannedFile | Finding]:
    """Yield what the packages of a project hold that its scan did not read; one that cannot be read is a finding."""
    known = {file.name.partition("!")[0] for file in collection.files if "!" in file.name}
    for visited in collection.visited:
        if visited.is_outside or visited.name in known or not visited.name.endswith((_DEB, *_TARS)):
            continue
        try:
            yield from _scanned(Path(visited.path), visited.name)
        except FileError as error:
            # An archive of something else in the project must not fail the run.
            yield finding("IL114", error.message, file=visited.name, hint=error.hint, level=Level.WARNING)


def _scanned(path: Path, name: str) -> Iterator[ScannedFile]:
    budget = Budget(data=PACKAGE_BYTES, files=PACKAGE_FILES)
    if name.endswith(_DEB):
        members = _tar(_deb(path), f"{name}!", budget, 1)
    else:
        members = _opened(read_bytes(path, PACKAGE_BYTES), f"{name}!", budget, 1)
    for member in members:
        text = Text(member.path, decode(member.data), member.chart)
        found = find(text, None, ())
        if found:
            yield ScannedFile.of(text, None, member.data, tuple(found)).not_writable(READ_ONLY)


def _opened(data: bytes, prefix: str, budget: Budget, depth: int) -> Iterator[_Member]:
    """Yield the texts of an archive, packed or not: a chart as a chart, everything else as it is."""
    charts = packed_charts(data, prefix)
    if charts:
        for item in charts:
            yield _Member(item.path, item.data, item.chart)
        return
    whole = _unpacked(data, budget.data + 1)
    if len(whole) > budget.data:
        raise FileError(f"larger than {PACKAGE_BYTES} bytes when unpacked")
    budget.data -= len(whole)
    yield from _tar(whole, prefix, budget, depth)


def _unpacked(data: bytes, limit: int) -> bytes:
    """Decompress at most ``limit`` bytes of gzip or xz; anything else is taken as it is."""
    try:
        if data[:2] == b"\x1f\x8b":
            return zlib.decompressobj(31).decompress(data, limit)
        if data[:6] == b"\xfd7zXZ\x00":
            return lzma.LZMADecompressor().decompress(data, limit)
    except (zlib.error, lzma.LZMAError) as error:
        raise FileError("an incomplete archive") from error
    return data


def _tar(data: bytes, prefix: str, budget: Budget, depth: int) -> Iterator[_Member]:
    """Yield the texts of a tar, those of packages inside it too."""
    wanted = (*_TEXTS, *_TARS) if depth < PACKAGE_DEPTH else _TEXTS
    for name, content in members(data, wanted, budget, PACKAGE_BYTES):
        if name.lower().endswith(_TEXTS):
            yield _Member(prefix + name, content[:YAML_BYTES])
        else:
            yield from _opened(content, f"{prefix}{name}!", budget, depth + 1)


def _deb(path: Path) -> bytes:
    """Return the files of a Debian package as a tar, unpacked."""
    if find_program("dpkg-deb") is not None:
        return deb_contents(path)
    try:
        import arpy  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no types; used where dpkg-deb is missing
    except ImportError as error:
        hint = "install dpkg, or imagelock[deb]"
        raise FileError("dpkg-deb is not installed, and a Debian package needs it", hint=hint) from error
    try:
        with path.open("rb") as file, arpy.Archive(fileobj=file) as archive:
            archive.read_all_headers()
            name = next((name for name in archive.archived_files if name.startswith(b"data.tar")), None)
            if name is None:
                raise FileError("no Debian package: it has no data.tar")
            return _decompressed(archive.archived_files[name].read(PACKAGE_BYTES + 1), name.decode())
    except arpy.ArchiveFormatError as error:
        raise FileError("no Debian package: it is no ar archive") from error
    except OSError as error:
        raise FileError((error.strerror or str(error)).lower()) from error


def _decompressed(data: bytes, name: str) -> bytes:
    if name.endswith(".zst"):
        from imagelock.stores.layer_stream import zstd_module  # noqa: PLC0415 - only such packages need it

        zstd = zstd_module()
        try:
            whole: bytes = zstd.ZstdDecompressor().decompress(data, PACKAGE_BYTES + 1)
        except zstd.ZstdError as error:
            raise FileError("an incomplete package") from error
    else:
        whole = _unpacked(data, PACKAGE_BYTES + 1)
    if len(whole) > PACKAGE_BYTES:
        raise FileError(f"larger than {PACKAGE_BYTES} bytes when unpacked")
    return whole
