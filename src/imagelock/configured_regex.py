"""Regular expressions from a configuration, matched by RE2 in time linear in the text.

A configuration that was merely found in a tree is someone else's: with Python's own engine one rule such as
``(a+)+$`` would hang a run.  RE2 has neither look-around nor back-references; an expression that needs them
is refused, unless the configuration is trusted: then Python's engine matches it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""What a byte that is not UTF-8 was decoded to; RE2 reads UTF-8 only."""
_MEMORY = 8 << 20
"""Bytes that RE2 may take for one expression; a larger one is refused."""


class RegexError(ValueError):
    """An expression is not valid, or needs an engine that can hang and is not trusted with it."""


class ConfiguredRegex:
    """One compiled expression; groups are counted as in :mod:`re`."""

    def __init__(self, pattern: str, *, multiline: bool = False, trusted: bool = True) -> None:
        """Compile ``pattern``; ``trusted`` allows what RE2 does not know. Raises :class:`RegexError`."""
        self._is_linear, self._engine = _compile(pattern, multiline=multiline, trusted=trusted)
        self.groups: int = self._engine.groups
        self.names: dict[str, int] = dict(self._engine.groupindex)

    def fullmatch(self, text: str) -> tuple[str | None, ...] | None:
        """Match the whole text; return the match and its groups (None for one that took no part)."""
        match = self._engine.fullmatch(self._readable(text))
        return None if match is None else (match.group(0), *match.groups())

    def spans(self, text: str, group: str) -> Iterator[tuple[int, int]]:
        """Yield where a named group matched, for each match in the text; (-1, -1) when it took no part."""
        number = self.names[group]
        for match in self._engine.finditer(self._readable(text)):
            yield match.span(number)

    def _readable(self, text: str) -> str:
        if not self._is_linear or text.isascii():
            return text
        return _LONE_SURROGATE.sub("\ufffd", text)


def _compile(pattern: str, *, multiline: bool, trusted: bool) -> tuple[bool, Any]:
    """Return whether the engine is RE2, and the compiled expression."""
    # Only configurations with expressions pay for RE2.
    try:
        import re2  # type: ignore[import-untyped]  # noqa: PLC0415  # has no annotations
    except ImportError:
        if not trusted:
            raise RegexError(
                "the package google-re2 is missing: only --trust-config takes expressions"
            ) from None
        return False, _python(pattern, multiline=multiline)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return True, re2.compile(f"(?m){pattern}" if multiline else pattern, options)
    except (re2.error, UnicodeError) as error:
        engine = _python(pattern, multiline=multiline)
        if not trusted:
            raise RegexError(f"RE2 does not take it ({_words(error)}); --trust-config allows it") from error
        return False, engine


def _python(pattern: str, *, multiline: bool) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.MULTILINE if multiline else re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise RegexError(str(error)) from error


def _words(error: Exception) -> str:
    """Return RE2's message, which it raises as bytes."""
    words = error.args[0] if error.args else ""
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)


@lru_cache(maxsize=256)
def configured_regex(pattern: str, *, multiline: bool = False) -> ConfiguredRegex:
    """Return a compiled expression of a configuration that was checked when it was read."""
    return ConfiguredRegex(pattern, multiline=multiline)
