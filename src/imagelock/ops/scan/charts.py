"""Find Helm charts around files, and read packaged charts as texts.

A packaged chart (``*.tgz``) is read in memory and bounded: nothing is unpacked to disk, and an archive
that grows beyond its caps is refused.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import FileError, FormatError
from imagelock.files import decode, read_bytes
from imagelock.formats.helm.app_version import app_version_uses
from imagelock.formats.helm.digest_keys import digest_keys
from imagelock.formats.syntax.text import Chart, Text
from imagelock.formats.syntax.yaml_text import chunks, compose
from imagelock.limits import (
    CHART_ARCHIVE_BYTES,
    CHART_BYTES,
    CHART_DEPTH,
    CHART_FILES,
    CHART_SNIFF_BYTES,
    MIB,
    YAML_BYTES,
)
from imagelock.ops.scan.archives import Budget, members
from imagelock.paths import leads_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHART_FILE = "Chart.yaml"
VALUES_FILE = "values.yaml"
PACKAGE_SUFFIX = ".tgz"
READ_ONLY = "inside a packaged chart, which is not edited: pin its source or the values given to it"
_TEMPLATE_SUFFIXES = (".tpl", ".yaml", ".yml")
_TEXTS = (".yaml", ".yml", ".json", ".tpl")
_GZIP = 31


class Charts:
    """Which chart each folder belongs to, asked of the file system once a folder."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._known: dict[str, Chart | None] = {}
        self._overridden: dict[str, Chart] = {}

    def around(self, path: str, shown: str) -> Chart | None:
        """Return the chart whose folder a file lies in, no higher than the project."""
        folder, _, file_name = path.rpartition("/")
        chart = self._known[folder] if folder in self._known else self._of(folder, shown.rpartition("/")[0])
        if chart is None or "values" not in file_name or file_name == VALUES_FILE:
            return chart
        return self._overriding(chart, path, shown)

    def _overriding(self, chart: Chart, path: str, shown: str) -> Chart:
        """Return a chart with the keys for digests that its own values have: a file that overrides them needs these."""
        if chart.folder not in self._overridden:
            own = path.removesuffix(shown.removeprefix(f"{chart.folder}/"))
            file = Path(f"{own}/{VALUES_FILE}")
            readable = file.is_file() and not leads_out(file, self._root)
            keys = digest_keys(Text(VALUES_FILE, _text(file))) if readable else ()
            self._overridden[chart.folder] = replace(chart, digest_keys=keys)
        return self._overridden[chart.folder]

    def _of(self, folder: str, shown: str) -> Chart | None:
        passed = []
        while folder not in self._known:
            # The top folder has no name, and must not be taken for the one we are in.
            file = Path(f"{folder}/{CHART_FILE}")
            if file.is_file() and not leads_out(file, self._root):
                self._known[folder] = with_templates(
                    chart_of(_text(file), shown), partial(_templates, folder, self._root)
                )
            elif folder in (self._root, "") or not folder.startswith(self._root.rstrip("/") + "/"):
                self._known[folder] = None
            else:
                passed.append(folder)
                folder, shown = folder.rpartition("/")[0], shown.rpartition("/")[0]
        found = self._known[folder]
        self._known.update(dict.fromkeys(passed, found))
        return found


def _text(file: Path) -> str:
    try:
        return decode(read_bytes(file, MIB))
    except FileError:
        return ""


def chart_of(content: str, folder: str) -> Chart:
    """Return what a ``Chart.yaml`` says; one that cannot be read still makes its folder a chart."""
    text = Text(f"{folder}/{CHART_FILE}", content)
    try:
        document = next((item for chunk in chunks(text) if (item := compose(text, chunk)) is not None), None)
    except FormatError:
        document = None
    if document is None:
        return Chart(folder)
    version, dependencies = document.top.get("appVersion"), document.top.get("dependencies")
    known = version is not None and not version.is_null
    names = frozenset(
        name.text
        for item in (dependencies.items() if dependencies is not None else ())
        if (name := item.get("alias") or item.get("name")) is not None and name.text
    )
    return Chart(
        folder,
        version.scalar or None if version is not None and known else None,
        dependencies=names,
    )


def with_templates(chart: Chart, templates: Callable[[], Iterator[str]]) -> Chart:
    """Return the chart with an appVersion only as far as its templates take it for a tag.

    A chart without any template is judged by the convention, unless its values go to other charts.
    """
    if chart.app_version is None:
        return chart
    paths: set[str] = set()
    is_empty = True
    for content in templates():
        is_empty = False
        uses = app_version_uses(content)
        if uses is None:
            return chart
        paths |= uses
    if is_empty and not chart.dependencies:
        return chart
    return replace(chart, app_version=chart.app_version if paths else None, version_paths=frozenset(paths))


def _templates(folder: str, root: str) -> Iterator[str]:
    """Yield the templates of a chart's folder, helpers first: most charts say it there."""
    top = Path(folder, "templates")
    files = sorted(
        (path for path in top.rglob("*") if path.suffix in _TEMPLATE_SUFFIXES),
        key=lambda path: (path.suffix != ".tpl", path.as_posix()),
    )
    for path in files[:CHART_FILES]:
        if path.is_file() and not leads_out(path, root):
            yield _text(path)


@dataclass(frozen=True, slots=True)
class Packed:
    """One text of a packaged chart: its path inside the archive, its bytes, the chart it belongs to."""

    path: str
    data: bytes
    chart: Chart | None


def packed_texts(path: Path, shown: str) -> list[Packed]:
    """Return the texts of a packaged chart, those of charts packed inside it too; none for another archive.

    Raises :class:`FileError` for a chart beyond the caps, or one that is not a whole archive.
    """
    try:
        data = read_bytes(path, CHART_ARCHIVE_BYTES)
    except FileError as error:
        if "larger" not in error.message:
            raise
        # Some other archive: a chart of that size could not be installed by Helm either.
        return []
    return packed_charts(data, f"{shown}!")


def packed_charts(data: bytes, prefix: str) -> list[Packed]:
    """Return the texts of a packaged chart in memory, their paths behind ``prefix``; none for another archive."""
    return list(_packed(data, prefix, _budget(), 1))


def _budget() -> Budget:
    return Budget(data=CHART_BYTES, files=CHART_FILES)


def _packed(data: bytes, prefix: str, budget: Budget, depth: int) -> Iterator[Packed]:
    head = _unpacked(data, CHART_SNIFF_BYTES)
    if head is None or f"/{CHART_FILE}".encode() not in head:
        return
    whole = _unpacked(data, budget.data + 1)
    if whole is None:
        raise FileError("an incomplete archive")
    if len(whole) > budget.data:
        raise FileError(f"larger than {CHART_BYTES} bytes when unpacked")
    budget.data -= len(whole)
    found = list(members(whole, (*_TEXTS, PACKAGE_SUFFIX), budget, YAML_BYTES))
    folders = {
        name.rpartition("/")[0]: chart_of(decode(member), prefix + name.rpartition("/")[0])
        for name, member in found
        if name.endswith(f"/{CHART_FILE}")
    }
    folders = {
        folder: with_templates(chart, partial(_packed_templates, found, folder))
        for folder, chart in folders.items()
    }
    for name, member in found:
        if not name.endswith(PACKAGE_SUFFIX):
            yield Packed(prefix + name, member, _nearest(name, folders))
        elif depth < CHART_DEPTH:
            yield from _packed(member, f"{prefix}{name}!", budget, depth + 1)


def _packed_templates(found: list[tuple[str, bytes]], folder: str) -> Iterator[str]:
    for name, member in found:
        if name.startswith(f"{folder}/templates/") and name.endswith(_TEMPLATE_SUFFIXES):
            yield decode(member)


def _unpacked(data: bytes, limit: int) -> bytes | None:
    """Decompress at most ``limit`` bytes; None for what is not a gzip stream."""
    try:
        return zlib.decompressobj(_GZIP).decompress(data, limit)
    except zlib.error:
        return None


def _nearest(name: str, folders: dict[str, Chart]) -> Chart | None:
    folder = name
    while folder:
        folder = folder.rpartition("/")[0]
        if folder in folders:
            return folders[folder]
    return None
