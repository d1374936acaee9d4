"""Style text for a terminal: colour never carries meaning alone, and control characters are escaped."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imagelock.lazy_regex import lazy_regex

_CONTROLS = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_UNSAFE = lazy_regex(rf"[\x00-\x1f{_CONTROLS}\ud800-\udfff]")
_UNSAFE_IN_JSON = lazy_regex(f"[{_CONTROLS}]")


_COMMAND = lazy_regex(r"^([ \t]*)(?=::)|(?<=#)(?=#\[|#vso\[)", re.MULTILINE)
"""Where a CI runner reads a command in what is printed: ``::set-output``, ``##[…``, ``##vso[…``."""


def without_commands(text: str) -> str:
    """Put a backslash into what a CI runner would take for a command; file names and lines may look like one."""
    return _COMMAND.sub(lambda match: f"{match[1] or ''}\\", text) if "::" in text or "##" in text else text


def printable(text: str) -> str:
    """Show control characters (and those that reorder text) by their escapes: files cannot steer terminals.

    Line ends are among them: a file's name cannot pretend to be another line.  Bytes that are no UTF-8 are
    shown as what they are.
    """
    return _UNSAFE.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Do the same to each line of a text and keep the lines, whichever way they end."""
    return "\n".join(printable(line.removesuffix("\r")) for line in text.split("\n"))


def printable_json(text: str) -> str:
    """Do the same to JSON, whose own escapes leave some of these characters as they are."""
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    if 0xDC80 <= number <= 0xDCFF:
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


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
