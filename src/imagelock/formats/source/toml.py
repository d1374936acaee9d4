"""TOML: values behind keys that say image, in the configuration of whatever tool.

Read: texts and lists of texts behind such a key, with a tag or digest: ``image`` of GitLab Runner, Fly, cross and
buildpacks, ``manylinux-x86_64-image`` of cibuildwheel.  A list may be one of what is allowed, so its items are found
and not written.  imagelock's own configuration names images without using them.  Follows TOML 1.0, as far as quoted texts go.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from imagelock.formats.source.says_image import literal, says_image
from imagelock.formats.syntax.quoted_text import HASHES, quoted
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, SkipKind, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "toml"
summary = "TOML: values and lists behind keys that say image"

LISTED = "a list of images may be one that names are compared with: a [[scan.rule]] with a regex pins it"
OWN = "imagelock's own configuration names it and does not use it"
_OWN = "imagelock.toml"
_TABLE = lazy_regex(r"^[ \t]*\[+[ \t]*(?P<name>[^\[\]\n]+?)[ \t]*\]+[ \t]*(?:#[^\n]*)?\r?$", re.MULTILINE)
_OWN_TABLE = "tool.imagelock"
_LIST = lazy_regex(r"^[ \t]*[\"']?(?P<key>[\w.-]{1,100})[\"']?[ \t]*=[ \t]*\[", re.MULTILINE)


def claims(text: Text) -> bool:
    """Take files by their suffix."""
    return text.file_name.endswith(".toml")


def find(text: Text) -> Iterator[Found]:
    """Yield the images behind keys that say image."""
    content = text.content
    if "image" not in content and "Image" not in content:
        return
    own = _Ranges(_own_ranges(text))
    lists = _Ranges(
        (match.end(), _closing(content, match.end()), match["key"]) for match in _LIST.finditer(content)
    )
    for item in quoted(content, HASHES):
        if item.is_block:
            continue
        key, refusal = item.key, None
        if not key:
            key, refusal = (lists.at(item.start) or "").removesuffix("s"), LISTED
        found = literal(text, item.start, item.end, name, refusal) if says_image(key) else None
        if found is not None:
            yield found if own.at(item.start) is None else _own(found)


class _Ranges:
    """Which of some ranges of characters, each with a word, holds an offset; of several the last that begins."""

    def __init__(self, ranges: Iterable[tuple[int, int, str]]) -> None:
        self._ranges = sorted(ranges)

    def at(self, offset: int) -> str | None:
        """Return the word of the range that an offset is in."""
        i = bisect_right(self._ranges, (offset, offset, chr(0x10FFFF))) - 1
        return self._ranges[i][2] if i >= 0 and offset < self._ranges[i][1] else None


def _closing(content: str, at: int) -> int:
    end = content.find("]", at)
    return len(content) if end < 0 else end


def _own_ranges(text: Text) -> Iterator[tuple[int, int, str]]:
    """Yield the tables that are imagelock's own configuration."""
    if text.file_name == _OWN:
        yield 0, len(text.content), _OWN
        return
    tables = list(_TABLE.finditer(text.content))
    ends = [*(table.start() for table in tables[1:]), len(text.content)]
    for table, end in zip(tables, ends, strict=False):
        if table["name"].replace(" ", "").startswith(_OWN_TABLE):
            yield table.start(), end, _OWN


def _own(found: Found) -> Skipped:
    written = str(found.reference) if isinstance(found, Place) else ""
    return Skipped(
        text=written, line=found.line, column=found.column, reason=OWN, format=name, kind=SkipKind.PROSE
    )
