"""Find the lines of a TOML text where its tables and keys are written; ``tomllib`` does not keep them.

Follows TOML 1.0 as far as people write configurations: headers and keys at the begin of a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagelock.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = lazy_regex(r"[ \t]*(?P<open>\[\[?)(?P<name>[^\[\]]+)\]\]?[ \t]*(?:#.*)?")
_KEY = lazy_regex(
    r"[ \t]*(?P<name>(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:[ \t]*\.[ \t]*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)[ \t]*="
)
_MARKS = str.maketrans("", "", "\"' \t")


def line_of(text: str, path: str) -> int | None:
    """Return the line, from 1, of a dotted path (``scan.rule[1].path``), or of the nearest table around it."""
    best, found = 0, None
    for number, written in _written(text):
        is_around = path == written or path.startswith((f"{written}.", f"{written}["))
        if is_around and len(written) > best:
            best, found = len(written), number
    return found


def _written(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the path of every header and key."""
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), 1):
        header = _HEADER.fullmatch(line.rstrip("\r"))
        if header is not None:
            table = _indexed(header["name"].translate(_MARKS), counts, is_new=header["open"] == "[[")
            yield number, table
            continue
        key = _KEY.match(line)
        if key is not None:
            name = key["name"].translate(_MARKS)
            yield number, f"{table}.{name}" if table else name


def _indexed(name: str, counts: dict[str, int], *, is_new: bool) -> str:
    """Return a header's path with the numbers of the arrays it is in."""
    for array, last in sorted(counts.items(), key=lambda item: len(item[0])):
        if name.startswith(f"{array}."):
            name = f"{array}[{last}]{name[len(array) :]}"
    if not is_new:
        return name
    counts[name] = counts.get(name, -1) + 1
    return f"{name}[{counts[name]}]"
