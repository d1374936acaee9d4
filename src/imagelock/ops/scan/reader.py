"""Read files one after the other: what the formats find in them, and what cannot be read."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from imagelock.errors import FileError
from imagelock.files import UTF_8, decode, encoding_of, read_bytes, read_up_to
from imagelock.formats.lists import by_content
from imagelock.formats.relations.all import said as statements
from imagelock.formats.scan import DOCUMENT_SUFFIXES, find
from imagelock.formats.syntax.text import Text
from imagelock.limits import MIB, SCAN_FILE_BYTES
from imagelock.model.outcome import finding
from imagelock.model.place import Skipped
from imagelock.ops.scan.charts import PACKAGE_SUFFIX, READ_ONLY, Charts, packed_texts
from imagelock.ops.scan.file_patterns import matches_file
from imagelock.ops.scan.memory import give_back
from imagelock.ops.scan.scanned_file import ByteBudget, ScannedFile
from imagelock.paths import LEADS_OUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from imagelock.model.context import FileContext
    from imagelock.model.outcome import Finding
    from imagelock.model.place import Found
    from imagelock.model.rule import ScanRule
    from imagelock.ops.scan.walk import Visited

_SNIFF_BYTES = 8192
_LARGER = "raise `[scan] max-file-size`, or leave it out with `[scan] exclude`, in imagelock.toml"
_SAVE = "save it as UTF-8 text, or leave it out with `[scan] exclude` in imagelock.toml"
_STEP_BYTES = 64 * 1024
_LARGE_BYTES = 8 * MIB
"""A file after which the memory that reading it took goes back to the system."""


class FileReader:
    """Reads the files of one run; ``force`` names the format of those that were named themselves."""

    def __init__(
        self,
        root: Path,
        rules: Sequence[ScanRule],
        force: str | None,
        contexts: Mapping[str, FileContext] | None = None,
        *,
        limit: int = SCAN_FILE_BYTES,
    ) -> None:
        self._charts = Charts(root)
        self._force = force
        self._memory = ByteBudget()
        self._contexts = contexts or {}
        self._again = partial(FileReader, root, rules, force, limit=limit)
        self._limit = limit
        self.rules_of = _rules_by_file(tuple(rules))

    def keep(self, budget: int) -> None:
        """Keep so many bytes of files from now on; whoever needs others reads them again."""
        self._memory = ByteBudget(budget)

    def within(self, contexts: Mapping[str, FileContext]) -> FileReader:
        """Return a reader of the same files that knows what other files say of them."""
        return self._again(contexts)

    def context_of(self, name: str) -> FileContext | None:
        """Return what other files say of a file."""
        return self._contexts.get(name)

    def read(self, file: Visited) -> list[ScannedFile] | Finding:
        """Return what a file holds, nothing if that is nothing; a finding when it cannot be read.

        Raises :class:`FileError` for one that was named itself.
        """
        path, name, is_named, is_outside = file
        try:
            if path.endswith(PACKAGE_SUFFIX) and not is_outside:
                return list(self._packed(Path(path), name))
            data = read_bytes(path, self._limit) if is_named else _read(path, self._limit)
            content = "" if data is None else _decoded(data, name, is_named=is_named)
        except FileError as error:
            if is_named:
                raise FileError(error.message, where=name, hint=error.hint) from error
            return finding("IL114", error.message, file=name, hint=error.hint)
        if data is None:
            return []
        text = Text(name, content, self._charts.around(path, name), self.context_of(name))
        rules = self.rules_of(name)
        found = self._named(text, rules) if is_named else find(text, None, rules)
        said = () if is_outside or text.context is not None else statements(text)
        if not found and not said:
            return []
        if is_outside:
            # Its words are someone else's: that there is something is all that may be said.
            return finding("IL114", LEADS_OUT, file=name, hint="--trust-config follows it")
        scanned = ScannedFile.of(text, path, data, found, rules, self._memory, said)
        if len(data) > _LARGE_BYTES:
            del text, content, data, found
            give_back()
        return [scanned]

    def read_text(self, name: str, data: bytes, *, is_named: bool = False) -> ScannedFile:
        """Scan a text that does not come from a file, such as standard input, which the user names."""
        text = Text(name, decode(data))
        rules = self.rules_of(name)
        found = self._named(text, rules) if is_named else find(text, self._force, rules)
        return ScannedFile.of(text, None, data, tuple(found), rules)

    def _named(self, text: Text, rules: tuple[ScanRule, ...]) -> list[Found]:
        """Return what a text holds that the user named: where no format knows it, the list of images that it is."""
        found = find(text, self._force, rules)
        if self._force is None and all(
            isinstance(item, Skipped) and not item.kind.is_expected for item in found
        ):
            return by_content.find(text) or found
        return found

    def _packed(self, path: Path, name: str) -> Iterator[ScannedFile]:
        """Yield the texts of a packaged chart that hold something; none of them can be written."""
        rules = self.rules_of(name)
        for item in packed_texts(path, name):
            text = Text(item.path, decode(item.data), item.chart)
            found = find(text, None, rules)
            if found:
                yield ScannedFile.of(text, None, item.data, found).not_writable(READ_ONLY)


def _decoded(data: bytes, name: str, *, is_named: bool) -> str:
    """Decode a file; one that begins like UTF-16 and is not is only reported where it should be a text."""
    try:
        return decode(data)
    except FileError:
        if is_named or name.lower().endswith(DOCUMENT_SUFFIXES):
            raise
        return ""


def _rules_by_file(rules: tuple[ScanRule, ...]) -> Callable[[str], tuple[ScanRule, ...]]:
    """Return which rules count in a file."""
    if not any(rule.files for rule in rules):
        return lambda _: rules
    return lambda name: tuple(rule for rule in rules if not rule.files or matches_file(rule.files, name))


def _read(path: str, limit: int) -> bytes | None:
    """Return the bytes of a folder's file; None for one that is binary.  Raises :class:`FileError` for a larger text."""
    try:
        # Not blocking: what was a file when its folder was listed may be a named pipe by now.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            data = os.read(descriptor, _STEP_BYTES)
            if data.find(b"\0", 0, _SNIFF_BYTES) >= 0 and encoding_of(data) == UTF_8:
                if path.lower().endswith(DOCUMENT_SUFFIXES):
                    raise FileError("holds NUL bytes", where=path, hint=_SAVE)
                return None
            data += read_up_to(descriptor, limit + 1 - len(data))
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileError((error.strerror or str(error)).lower(), where=path) from error
    if len(data) > limit:
        raise FileError(f"larger than {limit // MIB} MiB", where=path, hint=_LARGER)
    return data
