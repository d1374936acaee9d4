"""Read dumps: the output of ``kubectl get pods,deployments,… -A -o json`` (or yaml), plain or gzipped.

Lists, single objects and several documents in one file are read object by object; a dump that ends in
the middle is an error, never a smaller cluster.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec

from imagelock.cluster.jsonstream import JsonStream, is_page
from imagelock.cluster.objects import decode
from imagelock.cluster.running import UnreadableObject
from imagelock.errors import FileError, FormatError
from imagelock.limits import KIB, YAML_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagelock.cluster.jsonstream import BinaryReader, JSONItem
    from imagelock.cluster.running import Observed

STDIN = "-"
_HINT = "give the output of `kubectl get pods,deployments -A -o json`"
_GZIP = b"\x1f\x8b"
_LOOK = 64 * KIB


def read_dump(path: Path, name: str) -> Iterator[Observed]:
    """Yield what one dump holds; ``name`` is the file as messages show it, ``-`` is standard input.

    Raises :class:`FileError` for a file that cannot be read, is not a dump, or is cut short.
    """
    where = "<stdin>" if name == STDIN else name
    with ExitStack() as stack:
        try:
            raw = sys.stdin.buffer if name == STDIN else stack.enter_context(path.open("rb"))
            yield from _observed(_unpacked(raw), where)
        except OSError as error:
            raise FileError((error.strerror or str(error)).lower(), where=where) from error
        except (EOFError, zlib.error) as error:
            raise FileError("the gzip file is damaged or cut short", where=where) from error
        except FormatError as error:
            raise FileError(error.message, where=where, hint=error.hint or _HINT) from error


class _Ahead:
    """A stream whose beginning was looked at already."""

    def __init__(self, head: bytes, stream: BinaryReader) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        """Return the beginning first."""
        head, self._head = self._head[:size], self._head[size:]
        return head or self._stream.read(size)


def _unpacked(raw: BinaryReader) -> BinaryReader:
    head = raw.read(1)
    head += raw.read(1) if head else b""
    stream = _Ahead(head, raw)
    if head == _GZIP:
        return gzip.GzipFile(fileobj=stream)  # type: ignore[call-overload,no-any-return] # it only reads
    return stream


def _observed(stream: BinaryReader, name: str) -> Iterator[Observed]:
    head = b""
    while not head.strip():
        more = stream.read(_LOOK)
        if not more:
            raise FormatError("the dump is empty")
        head += more
    stream = _Ahead(head, stream)
    if head.lstrip().startswith(b"{"):
        documents = JsonStream(stream)
        for piece in documents.pieces():
            yield from decoded(piece)
        if documents.is_partial:
            yield _page(name)
    else:
        yield from _from_yaml(_at_most(stream, YAML_BYTES + 1), name)


def _page(name: str) -> UnreadableObject:
    return UnreadableObject(
        what=name,
        reason="only one page of a list, which continues with objects that are not in it",
        hint="`kubectl get pods,deployments -A -o json` asks for every page",
    )


def _at_most(stream: BinaryReader, size: int) -> bytes:
    parts = []
    while size > 0 and (more := stream.read(size)):
        parts.append(more)
        size -= len(more)
    return b"".join(parts)


def _decoded(data: bytes, of: str | None) -> tuple[Observed, ...]:
    try:
        return decode(data, of)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"an object of the dump cannot be read: {error}") from error


def decoded(piece: JSONItem) -> tuple[Observed, ...]:
    """Return what one object of a list runs; raise :class:`FormatError` when it is none."""
    return _decoded(piece.data, piece.of)


def _from_yaml(data: bytes, name: str) -> Iterator[Observed]:
    """Read ``-o yaml``, whole: YAML cannot be cut without reading it."""
    import yaml  # noqa: PLC0415 - dumps are JSON nearly always

    if len(data) > YAML_BYTES:
        raise FileError(
            f"a YAML dump larger than {YAML_BYTES} bytes",
            where=name,
            hint="use -o json instead, which can be read piece by piece",
        )
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(data, Loader=yaml.CSafeLoader)):
            raise FormatError("a YAML dump with aliases does not come from kubectl")
        documents = [item for item in yaml.load_all(data, Loader=yaml.CSafeLoader) if item is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FormatError(f"neither JSON nor YAML: {str(error).splitlines()[0]}") from error
    for document in documents:
        yield from _document(document)
        if isinstance(document, dict) and "items" in document and is_page(document.get("metadata")):
            yield _page(name)


def _document(document: Any) -> Iterator[Observed]:
    if not isinstance(document, dict):
        raise FormatError("neither a Kubernetes object nor a list of them")
    items = document.get("items")
    if not isinstance(items, list):
        yield from _decoded(msgspec.json.encode(document), None)
        return
    of = str(document.get("kind", "")).removesuffix("List") or None
    for item in items:
        yield from _decoded(msgspec.json.encode(item), of)
