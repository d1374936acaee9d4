"""Read plain Kubernetes objects without a parser, which is enough for most files of a product.

Whatever is not of the plainest shape (flow collections over lines, anchors, tags, tabs, JSON in the environment,
a value that is not a reference) is left to libyaml by returning None, so the answer is always the one that the
parser would give; a test compares the two.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagelock.formats.fast.containers import ContainerReader
from imagelock.formats.fast.plain import HOST, NeedsParser, built_in_kind
from imagelock.formats.fast.schema import schema_images
from imagelock.formats.syntax.flow import runs_over_lines
from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagelock.formats.syntax.text import Text
    from imagelock.formats.syntax.yaml_text import Chunk
    from imagelock.model.place import Found

_TEXT_KINDS = ("ConfigMap", "Secret")
_FILES = ("ockerfile", "ontainerfile", "alues")
"""What the keys of those kinds have that hold a file with images in it."""
_SCHEMA = "CustomResourceDefinition"
_HIDDEN = {
    "\\": lazy_regex(r"\\(?:x|u00|U000000)[4-7]"),
    "?": lazy_regex(r"\?(?<=[\s,\[{]\?)\s"),
    "*": lazy_regex(r"\*[\w-]+[ \t]*:(?=\s)", re.ASCII),
}
"""How a key may be written without its word before a colon: with escapes, behind a ``?``, as an alias."""
_UNUSUAL = {
    "&": (": &", "- &", "\n&"),
    "*": (": *", "- *", "\n*"),
    "!": (": !", "- !", "\n!"),
    "%": ("\n%",),
    "<": ("<<:", "<%"),
    "{": ("{{", "{%"),
}
"""What only a parser should judge: anchors, aliases, tags, merge keys, directives, templates.

Each is looked for only where its sign is at all.
"""
_CONFLICTS = ("<<<<<<<", ">>>>>>>", "\n=======")
_NO_KEY = lazy_regex(r"\n(?![ \n#-]|[A-Za-z0-9_./-]+:(?:[ \n]|\Z)|\Z)")
"""A line at the root that is not a key, item or comment: something else than an object is in the text."""
_KEY = lazy_regex(r"image(?:[\"']?[ \t]*:|[\w.-]{0,200}=|\\)")
"""Where ``image`` is a key, may be one of JSON between double quotes, or is in an argument."""
_TOLD = {
    "Image": lazy_regex(r"Image(?:[-_]?Name)?[\"']?[ \t]*[:=]"),
    "imagename": lazy_regex("imagename"),
    "name:": lazy_regex(r"name: +[\"']?[\w.-]{0,200}[iI]mage[\w.-]{0,200}[\"']?,?[ \n]+value:"),
    "value:": lazy_regex(rf"value: +[\"']?{HOST}"),
    "=": lazy_regex(rf"=[\"']?{HOST}"),
}
"""What is no place and may be reported: keys, variables and arguments that say image or are one by its host."""


def quick(text: Text, chunk: Chunk) -> list[Found] | None:
    """Return what a document of a built-in kind holds, or None when only a parser can tell."""
    kind = built_in_kind(text.content, chunk.start, chunk.end)
    if kind in _TEXT_KINDS and any(text.content.find(word, chunk.start, chunk.end) >= 0 for word in _FILES):
        return None
    if kind is None or _has_one(_HIDDEN, text.content, chunk.start, chunk.end):
        return None
    try:
        return list((schema_images if kind == _SCHEMA else _object_images)(text, chunk))
    except NeedsParser:
        return None


def _object_images(text: Text, chunk: Chunk) -> Iterator[Found]:
    """Yield what an object holds that is not a schema."""
    content, start, end = text.content, chunk.start, chunk.end
    # RELATED_IMAGE_* and IMAGE_default_* hold references, what else says image is reported.
    if content.find("MAGE", start, end) >= 0:
        raise NeedsParser
    if content.find("mage", start, end) < 0:
        return
    if _has_one(_TOLD, content, start, end):
        raise NeedsParser
    keys = [match.start() for match in _KEY.finditer(content, start, end)]
    if keys and _is_unusual(content[start:end]):
        raise NeedsParser
    if keys:
        yield from ContainerReader(text, start, end, chunk.index).found(keys)


def _has_one(patterns: Mapping[str, re.Pattern[str]], content: str, start: int, end: int) -> bool:
    """Whether one of some patterns is there; each is tried only where its sign is at all."""
    for sign, pattern in patterns.items():
        if content.find(sign, start, end) >= 0 and pattern.search(content, start, end) is not None:
            return True
    return False


def _is_unusual(raw: str) -> bool:
    # A byte-order mark, tabs, carriage returns and controls are not printable.
    if not raw.replace("\n", " ").isprintable() or "reference: " in raw or "\n..." in raw:
        return True
    if any(word in raw for word in _CONFLICTS):
        return True
    for sign, words in _UNUSUAL.items():
        if sign in raw and any(word in raw for word in words):
            return True
    return '\n"' in raw or "\n'" in raw or _NO_KEY.search(raw) is not None or runs_over_lines(raw)
