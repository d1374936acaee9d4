"""One scanned file: what it holds, and its bytes for edits and excerpts.

A product has files of a hundred megabytes together, and what a run needs of most of them is what was found.
So bytes stay in memory up to a budget; what is beyond it is read again and must still be the same.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from imagelock.errors import FileChangedError, FileError
from imagelock.files import decode, read_bytes
from imagelock.formats.classify.renamed import meant
from imagelock.formats.syntax.text import Text
from imagelock.limits import KEPT_BYTES, SCAN_FILE_MOST_BYTES
from imagelock.model.ignore_comments import NO_IGNORES, ignores
from imagelock.model.olm import PREFIX
from imagelock.model.place import Place
from imagelock.ops.scan.packing import PackedFound, PlacesOf, kept

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from imagelock.formats.relations.base import Statement
    from imagelock.formats.syntax.text import Chart
    from imagelock.model.context import FileContext
    from imagelock.model.ignore_comments import Ignores
    from imagelock.model.place import Found
    from imagelock.model.rule import ScanRule

T = TypeVar("T")

_FINGERPRINT_BYTES = 16
IMAGE_SCHEME = "image://"
_IGNORE_MARK = "imagelock:"


class ByteBudget:
    """Counts the bytes of files that a run keeps."""

    def __init__(self, budget: int = KEPT_BYTES) -> None:
        self._left = budget

    def has_room(self, data: bytes) -> bool:
        """Take room for ``data`` if there is still some."""
        if len(data) > self._left:
            return False
        self._left -= len(data)
        return True


_NONE = ByteBudget(0)


class FileContent:
    """The bytes of one file, in memory or read again; ``path`` is None for text that does not come from a file."""

    def __init__(
        self, path: str | None, data: bytes | None, fingerprint: bytes = b"", name: str = ""
    ) -> None:
        self._path = path
        self._name = name
        self._data = data
        self._fingerprint = fingerprint

    @classmethod
    def of(
        cls, path: str | None, data: bytes, memory: ByteBudget | None = None, name: str = ""
    ) -> FileContent:
        """Keep ``data``, or where ``memory`` has no room for it what tells whether the file is the same.

        ``name`` is how errors call the file.
        """
        if path is None or memory is None or memory.has_room(data):
            return cls(path, data)
        return cls(path, None, fingerprint(data), name)

    def read(self) -> bytes:
        """Return the bytes that were looked at; raises :class:`FileChangedError` when they are gone."""
        if self._data is not None or self._path is None:
            return self._data or b""
        try:
            data = read_bytes(self._path, SCAN_FILE_MOST_BYTES)
        except FileError as error:
            raise FileError(error.message, where=self._name, hint=error.hint) from error
        if fingerprint(data) != self._fingerprint:
            raise FileChangedError(
                "this file changed while imagelock was running",
                where=self._name,
                hint="run the command again",
            )
        return data


def fingerprint(data: bytes) -> bytes:
    """Return what tells these bytes from any others."""
    return hashlib.blake2b(data, digest_size=_FINGERPRINT_BYTES).digest()


@dataclass(frozen=True)
class ScannedFile:
    """One file and what it holds; ``place`` is its path, None for standard input and files inside others.

    ``may_ignore`` says that the file has a comment for imagelock, ``has_variables`` that it has a variable for an
    image as OLM's operators take them; ``context`` is what other files say of it, ``said``
    what it says of others.
    """

    name: str
    place: str | None
    content: FileContent
    found: Sequence[Found]
    rules: tuple[ScanRule, ...] = ()
    chart: Chart | None = None
    may_ignore: bool = True
    has_variables: bool = True
    context: FileContext | None = None
    said: tuple[Statement, ...] = ()

    @classmethod
    def of(
        cls,
        text: Text,
        path: str | None,
        data: bytes,
        found: Sequence[Found],
        rules: tuple[ScanRule, ...] = (),
        memory: ByteBudget | None = None,
        said: tuple[Statement, ...] = (),
    ) -> ScannedFile:
        """Return a file that was just read; bytes are kept of those with places, which may be edited."""
        has_places = any(isinstance(item, Place) for item in found)
        content = FileContent.of(path, data, memory if has_places or memory is None else _NONE, text.path)
        return cls(
            text.path,
            path,
            content,
            kept(found),
            rules,
            text.chart,
            may_ignore=_IGNORE_MARK in text.content,
            has_variables=PREFIX in text.content,
            context=text.context,
            said=said,
        )

    @cached_property
    def path(self) -> Path | None:
        """Where the file is."""
        return None if self.place is None else Path(self.place)

    @property
    def is_inside_image(self) -> bool:
        """Whether the file was read out of an image: it is locked, and never written."""
        return self.place is None and self.name.startswith(IMAGE_SCHEME)

    @property
    def data(self) -> bytes:
        """The bytes that were looked at; see :meth:`FileContent.read` for what it raises."""
        return _data(self.content)

    @property
    def text(self) -> Text:
        """The same as text."""
        return _text(self.name, self.content, self.chart, self.context)

    @cached_property
    def places(self) -> Sequence[Place]:
        """The references of the file; those of a large file are made each time they are gone through."""
        if isinstance(self.found, PackedFound):
            return PlacesOf(self.found)
        return tuple(item for item in self.found if isinstance(item, Place))

    @cached_property
    def ignores(self) -> Ignores:
        """The file's ignore comments."""
        return ignores(self.text.content) if self.may_ignore else NO_IGNORES

    def within(self, context: FileContext) -> ScannedFile:
        """Return the file with its names judged by what other files say of them."""
        return replace(self, found=kept(meant(self.found, context)), context=context)

    def with_keys(self) -> ScannedFile:
        """Return the file with the places as they are where the project inserts keys."""
        if all(place.insertion is None for place in self.places):
            return self
        return replace(
            self, found=kept(item.with_key if isinstance(item, Place) else item for item in self.found)
        )

    def not_writable(self, reason: str) -> ScannedFile:
        """Return the file with no place that can be pinned."""
        return replace(
            self,
            found=kept(
                replace(item, slots=(), refusal=reason, insertion=None) if isinstance(item, Place) else item
                for item in self.found
            ),
        )


class _Recent:
    """The texts and bytes used last, up to a budget of bytes; one that is larger is kept until the next."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: OrderedDict[object, tuple[int, Any]] = OrderedDict()
        self._used = 0

    def get(self, key: object, make: Callable[[], T], size_of: Callable[[T], int]) -> T:
        """Return what belongs to a key, made again where it is no longer kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
            known: T = self._kept[key][1]
            return known
        value = make()
        self._kept[key] = size_of(value), value
        self._used += size_of(value)
        while self._used > self._budget and len(self._kept) > 1:
            self._used -= self._kept.popitem(last=False)[1][0]
        return value


_texts, _bytes = _Recent(KEPT_BYTES), _Recent(KEPT_BYTES)


def _text(name: str, content: FileContent, chart: Chart | None, context: FileContext | None) -> Text:
    return _texts.get(
        (name, content, chart, context),
        lambda: Text(name, decode(_data(content)), chart, context),
        lambda text: len(text.content),
    )


def _data(content: FileContent) -> bytes:
    return _bytes.get(content, content.read, len)
