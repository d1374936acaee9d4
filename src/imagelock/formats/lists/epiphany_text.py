"""Epiphany's older requirement lists: text in sections, of which ``[images]`` holds one image per line."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from imagelock.formats.lists import plain as image_list
from imagelock.formats.syntax.text import Text
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagelock.model.place import Found

name = "epiphany-requirements"
summary = "the [images] section of Epiphany's older requirement lists (*.txt)"

_SECTION = lazy_regex(r"^\ufeff?\[(?P<name>[^\]\r\n]*)\][ \t\r]*$", re.MULTILINE)
_HEAD = lazy_regex(r"^\ufeff?\[images\][ \t\r]*$", re.MULTILINE)
_VISIBLE = lazy_regex(r"[^\r\n]")


def claims(text: Text) -> bool:
    """Take text files that have the section."""
    return text.file_name.lower().endswith(".txt") and _HEAD.search(text.content) is not None


def find(text: Text) -> Iterator[Found]:
    """Yield one thing for each line of the section, read as in any list of images."""
    for found in image_list.find(Text(text.path, _only_images(text.content))):
        yield replace(found, format=name)


def _only_images(content: str) -> str:
    """Return the text with blanks for everything outside the section, so that every offset stays true."""
    pieces = []
    at = 0
    is_images = False
    for section in _SECTION.finditer(content):
        body = content[at : section.start()]
        pieces += [body if is_images else _blank(body), _blank(section[0])]
        at = section.end()
        is_images = section["name"].strip() == "images"
    pieces.append(content[at:] if is_images else _blank(content[at:]))
    return "".join(pieces)


def _blank(text: str) -> str:
    return _VISIBLE.sub(" ", text)
