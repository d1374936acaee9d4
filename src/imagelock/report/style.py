"""Words for a terminal: colour that never carries meaning alone, and text that cannot do harm."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Show control characters (and those that reorder text) by their escapes: files cannot steer terminals."""
    return _UNSAFE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


@dataclass(frozen=True, slots=True)
class Style:
    """Colours, or none."""

    colour: bool = False

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def bold(self, text: str) -> str:
        """Bold."""
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        """Less important."""
        return self._wrap("2", text)

    def red(self, text: str) -> str:
        """Red: errors, and what goes."""
        return self._wrap("1;31", text)

    def yellow(self, text: str) -> str:
        """Yellow: warnings, and what moves."""
        return self._wrap("1;33", text)

    def green(self, text: str) -> str:
        """Green: fine, or new."""
        return self._wrap("32", text)

    def cyan(self, text: str) -> str:
        """Cyan: places and hints."""
        return self._wrap("36", text)
