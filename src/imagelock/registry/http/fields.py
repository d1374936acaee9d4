"""Header fields of an answer, read strictly: one way for every kind of exchange (RFC 9112, section 5)."""

from __future__ import annotations

from http.client import HTTPException
from typing import TYPE_CHECKING, overload

from imagelock import limits

if TYPE_CHECKING:
    from collections.abc import Sequence


class HeadError(HTTPException):
    """The head of an answer is none, or two readers could take it for two things."""


class Fields:
    """Fields by their names, whatever the case; several of one name are joined as one list."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name.lower(), []).append(value)
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._values[name.lower()])

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the values of one name, joined; ``default`` where there is none."""
        found = self._values.get(name.lower())
        return default if found is None else found[0] if len(found) == 1 else ", ".join(found)

    def getlist(self, name: str) -> list[str]:
        """Return every value of one name."""
        return list(self._values.get(name.lower(), ()))


def parse_fields(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Return name and value of each line, without line ends; a line that is none is an error."""
    if len(lines) > limits.HEAD_FIELDS:
        raise HeadError("it has too many header fields")
    pairs: list[tuple[str, str]] = []
    for text in lines:
        if text[:1] in (" ", "\t"):
            if not pairs:
                raise HeadError("an invalid header field")
            name, value = pairs[-1]
            pairs[-1] = name, f"{value} {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        if not colon or name.split() != [name]:
            raise HeadError("an invalid header field")
        pairs.append((name, value.strip(" \t")))
    return pairs


def content_length(values: Sequence[str]) -> int | None:
    """Read ``Content-Length``; None where there is none that can be meant."""
    found = {value.strip() for value in values}
    if len(found) != 1:
        if found:
            raise HeadError("two different lengths for one body")
        return None
    text = found.pop()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def is_chunked(values: Sequence[str]) -> bool:
    """Whether a body is chunked; another transfer coding was not requested, and is an error."""
    codings = [value.strip().lower() for value in values]
    coding = ", ".join(each for each in codings if each not in {"", "identity"})
    if coding not in {"", "chunked"}:
        raise HeadError("a transfer coding that was not requested")
    return coding == "chunked"
