"""Read ``images.lock`` strictly.

One TOML block per image, sorted by name, tag and digest, with a blank line between blocks; nothing in it
changes unless an image does (docs/concepts/lock.md).  A plain list of image IDs is accepted wherever a lock
is only read.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from imagelock.errors import InvalidValueError, LockError
from imagelock.lazy_regex import lazy_regex
from imagelock.lockfile.fast_reader import read_images
from imagelock.lockfile.writer import FILE_HEAD, VERSION
from imagelock.model import toml_text
from imagelock.model.digest import Digest
from imagelock.model.lock import Lock, LockedImage, PlatformImage, Source
from imagelock.model.platform import Platform
from imagelock.model.reference import Reference, is_tag
from imagelock.model.toml_table import Table, TableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFLICT = lazy_regex(r"^(?:<{7}|={7}|>{7}|\|{7})(?: .*)?$", re.MULTILINE)
_TOML_SIGN = lazy_regex(r"^[ \t]*(?:version[ \t]*=|\[\[[ \t]*image[ \t]*\]\])", re.MULTILINE)
_BLOCK = lazy_regex(r"^[ \t]*\[\[[ \t]*image[ \t]*\]\]", re.MULTILINE)
_KEY_PATH = lazy_regex(r"(?:image\[(?P<block>[0-9]+)\])?\.?(?P<key>[^.\[\]]*)", re.ASCII)
_NOT_UTF8 = lazy_regex("[\udc80-\udcff]")
_LINE = lazy_regex(r"line (\d+)")


def parse(text: str, where: str) -> Lock:
    """Read a lock or a plain list, whichever the text is; raise :class:`LockError` with line and way out."""
    return parse_list(text, where) if is_list(text) else parse_lock(text, where)


def is_list(text: str) -> bool:
    """Whether a text is a plain list and no lock, not even a damaged one."""
    return not _TOML_SIGN.search(text) and not _CONFLICT.search(text)


def parse_lock(text: str, where: str) -> Lock:
    """Read the text of a lock; ``where`` names it in errors."""
    images = read_images(text, FILE_HEAD)
    if images is None:
        images = _read_strictly(text, where)
    _refuse_duplicates(images, text, where)
    return Lock(images)


def _read_strictly(text: str, where: str) -> tuple[LockedImage, ...]:
    """Read any TOML that is a lock; for any other text, report what is wrong and where."""
    conflict = _CONFLICT.search(text)
    if conflict:
        raise _error(
            text, conflict.start(), "merge conflict markers", where, "run `imagelock lock --resolve`"
        )
    bad = _NOT_UTF8.search(text)
    if bad:
        raise _error(text, bad.start(), "not UTF-8", where, _RESTORE)
    try:
        document = Table(toml_text.loads(text))
        _check_version(document.required("version", int), where)
        images = tuple(_image(table) for table in document.tables("image"))
        document.done()
    except tomllib.TOMLDecodeError as error:
        line = _LINE.search(str(error))
        at = f"{where}:{line[1]}" if line else where
        raise LockError(f"not TOML: {error}", where=at, hint=_RESTORE) from error
    except TableError as error:
        raise _error(text, _offset(text, error.path), str(error), where, _RESTORE) from error
    except (ValueError, RecursionError) as error:
        # A number of a million digits and a thousand brackets are not TOMLDecodeErrors to tomllib.
        raise LockError(f"not a lock: {error}", where=where, hint=_RESTORE) from error
    return images


def _check_version(version: int, where: str) -> None:
    if version < 1:
        raise TableError("version", f"version {version} does not exist")
    if version > VERSION:
        raise LockError(
            f"version {version} is newer than this imagelock reads (version {VERSION})",
            where=where,
            hint="install a newer imagelock",
        )


_RESTORE = "restore it from version control, or remove it and run `imagelock lock`"


def parse_list(text: str, where: str) -> Lock:
    """Read ``<name>[:<tag>]@<digest>`` lines; blank lines and ``#`` comments are allowed, order is kept."""
    images: dict[str, LockedImage] = {}
    first: dict[tuple[str, str], tuple[int, LockedImage]] = {}
    for number, reference in list_lines(text, where):
        if reference.digest is None:
            raise LockError(
                f"{reference} has no digest", where=f"{where}:{number}", hint="write name[:tag]@sha256:…"
            )
        image = LockedImage(name=reference.name, tag=reference.tag, digest=reference.digest)
        images.setdefault(image.image_id, image)
        if image.tag is not None:
            line, other = first.setdefault((image.name, image.tag), (number, image))
            if other.digest != image.digest:
                raise _two_digests(image.reference, (line, other.digest), (number, image.digest), where)
    return Lock(tuple(images.values()))


def list_lines(text: str, where: str) -> Iterator[tuple[int, Reference]]:
    """Yield the references of a plain list with their lines; :class:`LockError` names a line that has none."""
    for number, line in enumerate(text.split("\n"), 1):
        written = re.split(r"(?:^|\s)#", line.strip("\ufeff"), maxsplit=1)[0].strip()
        if not written:
            continue
        try:
            yield number, Reference.parse(written)
        except InvalidValueError as error:
            raise LockError(
                f"{written!r}: {error.message}",
                where=f"{where}:{number}",
                hint=error.hint or "write name[:tag]@sha256:…",
            ) from error


def _two_digests(reference: str, one: tuple[int, Digest], other: tuple[int, Digest], where: str) -> LockError:
    return LockError(
        f"two digests for {reference}: {one[1]} in line {one[0]} and {other[1]} in line {other[0]}",
        where=f"{where}:{other[0]}",
        hint="keep the right one",
    )


def _image(table: Table) -> LockedImage:
    name = table.required("name", str)
    _check_name(table, name)
    tag = table.optional("tag", str)
    if tag is not None and not is_tag(tag):
        raise TableError(table.key("tag"), f"{tag!r} is not a tag")
    source = table.optional("source", dict)
    image = LockedImage(
        name=name,
        tag=tag,
        digest=_digest(table, "digest", table.required("digest", str)),
        media_type=table.optional("media-type", str),
        size=_size(table),
        platforms=tuple(_platform(part) for part in table.tables("platforms")),
        resolved_from=table.optional("resolved-from", str),
        source=None if source is None else _source(Table(source, table.key("source"))),
    )
    table.done()
    return image


def _check_name(table: Table, name: str) -> None:
    try:
        reference = Reference.parse(name)
    except InvalidValueError as error:
        raise TableError(table.key("name"), error.message) from error
    if reference.name != name:
        raise TableError(table.key("name"), f"not canonical: write {reference.name}")


def _platform(table: Table) -> PlatformImage:
    text = table.required("platform", str)
    try:
        platform = Platform.parse(text)
    except InvalidValueError as error:
        raise TableError(table.key("platform"), error.message) from error
    config = table.optional("config", str)
    part = PlatformImage(
        platform=platform,
        digest=_digest(table, "digest", table.required("digest", str)),
        config=None if config is None else _digest(table, "config", config),
        size=_size(table),
    )
    table.done()
    return part


def _size(table: Table) -> int | None:
    size = table.optional("size", int)
    if size is not None and not 0 <= size < 1 << 63:
        raise TableError(table.key("size"), f"{size} is not a size")
    return size


def _source(table: Table) -> Source:
    source = Source(
        origin=table.required("from", str),
        tag=table.optional("tag", str),
        revision=table.optional("revision", str),
    )
    table.done()
    return source


def _digest(table: Table, key: str, text: str) -> Digest:
    try:
        return Digest.parse(text)
    except InvalidValueError as error:
        raise TableError(table.key(key), error.message) from error


def _refuse_duplicates(images: tuple[LockedImage, ...], text: str, where: str) -> None:
    seen: dict[tuple[str, str], int] = {}
    for i, image in enumerate(images):
        key = (image.name, image.tag if image.tag is not None else str(image.digest))
        if key in seen:
            message = f"{image.reference} is twice in the lock (also image {seen[key] + 1})"
            raise _error(text, _offset(text, f"image[{i}]"), message, where, _RESTORE)
        seen[key] = i


def _offset(text: str, path: str) -> int:
    """Return where the line that a dotted path names begins in the text: its key's, else its block's."""
    match = _KEY_PATH.match(path)
    block, key = (match["block"], match["key"]) if match else (None, "")
    start, end = 0, len(text)
    if block is not None:
        starts = [found.start() for found in _BLOCK.finditer(text)]
        number = int(block)
        if number < len(starts):
            start = starts[number]
            end = starts[number + 1] if number + 1 < len(starts) else end
    line = re.compile(rf"^[ \t]*(?:\[\[?[ \t]*)?[\"']?{re.escape(key)}\b", re.MULTILINE).search(
        text, start, end
    )
    return line.start() if key and line else start


def _error(text: str, offset: int, message: str, where: str, hint: str) -> LockError:
    line = text.count("\n", 0, offset) + 1
    return LockError(message, where=f"{where}:{line}", hint=hint)
