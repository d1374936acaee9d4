"""TOML: values behind keys that say image, in the configuration of whatever tool.

Read: texts and lists of texts behind such a key, with a tag or digest: ``image`` of GitLab Runner, Fly, cross and
buildpacks, ``manylinux-x86_64-image`` of cibuildwheel.  A list may be one of what is allowed, so its items are found
and not written.  imagelock's own configuration names images without using them.  Follows TOML 1.0, as far as quoted texts go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.source.says_image import literal, says_image
from imagelock.formats.syntax.quoted_text import HASHES, quoted
from imagelock.lazy_regex import lazy_regex
from imagelock.model.place import Place, SkipKind, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.formats.syntax.text import Text
    from imagelock.model.place import Found

name = "toml"
summary = "TOML: values and lists behind keys that say image"

LISTED = "a list of images may be one that names are compared with: a [[scan.rule]] with a regex pins it"
OWN = "imagelock's own configuration names it and does not use it"
_OWN = "imagelock.toml"
_TABLE = lazy_regex(r"^[ \t]*\[+[ \t]*(?P<name>[^\[\]\n]+?)[ \t]*\]+[ \t]*(?:#[^\n]*)?\r?$", re.MULTILINE)
_OWN_TABLE = "tool.imagelock"
_LIST = lazy_regex(r"(?:^|\n)[ \t]*[\"']?(?P<key>[\w.-]+)[\"']?[ \t]*=[ \t]*\[[^\[\]=]*\Z")
_LIST_CHARS = 4096


def claims(text: Text) -> bool:
    """Take files by their suffix."""
    return text.file_name.endswith(".toml")


def find(text: Text) -> Iterator[Found]:
    """Yield the images behind keys that say image."""
    content = text.content
    if "image" not in content and "Image" not in content:
        return
    own = [range(match.start(), _end(content, match)) for match in _TABLE.finditer(content) if _is_own(match)]
    own += [range(len(content))] if text.file_name == _OWN else []
    for item in quoted(content, HASHES):
        if item.is_block:
            continue
        key, refusal = item.key, None
        if not key:
            match = _LIST.search(content, max(0, item.start - _LIST_CHARS), item.start - 1)
            key, refusal = "" if match is None else match["key"].removesuffix("s"), LISTED
        found = literal(text, item.start, item.end, name, refusal) if says_image(key) else None
        if found is not None and any(item.start in table for table in own):
            found = _own(found)
        if found is not None:
            yield found


def _own(found: Found) -> Skipped:
    written = str(found.reference) if isinstance(found, Place) else ""
    return Skipped(
        text=written, line=found.line, column=found.column, reason=OWN, format=name, kind=SkipKind.PROSE
    )


def _is_own(table: re.Match[str]) -> bool:
    return table["name"].replace(" ", "").startswith(_OWN_TABLE)


def _end(content: str, table: re.Match[str]) -> int:
    following = _TABLE.search(content, table.end())
    return len(content) if following is None else following.start()
