"""Parse TOML 1.0 with :mod:`tomllib`, after refusing what costs it memory beyond all measure.

A key of 15,000 dotted parts in 30 kB of text takes tomllib 10 s and 900 MB, because it notes every prefix.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any

from imagelock.lazy_regex import lazy_regex
from imagelock.limits import TOML_KEY_PARTS

_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
_DEEP_KEY = lazy_regex(rf"(?<![A-Za-z0-9_-]){_PART}(?:[ \t]*\.[ \t]*{_PART}){{{TOML_KEY_PARTS}}}")
"""More parts than any key has; the look-behind keeps the search from trying each letter of a long word."""


def loads(text: str) -> dict[str, Any]:
    """Return what a TOML text says; raise :class:`tomllib.TOMLDecodeError` for anything else, with its line."""
    deep = _DEEP_KEY.search(text) if text.count(".") > TOML_KEY_PARTS else None
    if deep is not None:
        line = text.count("\n", 0, deep.start()) + 1
        column = deep.start() - text.rfind("\n", 0, deep.start())
        raise tomllib.TOMLDecodeError(
            f"A key of more than {TOML_KEY_PARTS} parts (at line {line}, column {column})"
        )
    return tomllib.loads(text)


def basic_string(text: str) -> str:
    """Write a TOML basic string: JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
